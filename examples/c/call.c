/* Dials, sends digits, talks raw PCM: what is heard goes to stdout, what stdin has is said (16-bit mono, 16 kHz).
 * call ACCOUNT-URI TARGET-URI [DIGITS [SECONDS]] < say.raw > heard.raw      (password in SIP_PASSWORD) */
#include <sipwright.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RATE_HZ 16000

static void die(const char *what) {
    fprintf(stderr, "call: %s: %s\n", what, sipw_last_error());
    exit(1);
}

int main(int argc, char **argv) {
    sipw_engine *eng = NULL;
    sipw_account acc = 0;
    sipw_call call = 0;
    sipw_pcm pcm = 0;
    sipw_call_options options;
    sipw_header header = {"X-Example", "call.c"};
    int16_t said[RATE_HZ / 50], heard[RATE_HZ / 50];
    size_t have = 0, given = 0, got = 0, total = 0;
    time_t end = 0;
    int up = 1, status = 0;

    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: call ACCOUNT-URI TARGET-URI [DIGITS [SECONDS]] < say.raw > heard.raw\n");
        return 2;
    }
    if (sipw_engine_new(NULL, &eng)) die("engine");
    if (sipw_account_add(eng, argv[1], getenv("SIP_PASSWORD"), NULL, &acc)) die("account");
    sipw_call_options_init(&options);
    options.headers = &header;
    options.headers_count = 1;
    options.ring_timeout_ms = 30000;
    if (sipw_dial_options(eng, acc, argv[2], &options, NULL, &call)) die("dial");

    while (up) {
        struct pollfd fds[2] = {{sipw_event_fd(eng), POLLIN, 0}, {-1, POLLIN, 0}};
        const sipw_event *ev;
        if (pcm) fds[1].fd = sipw_pcm_fd(eng, pcm);
        poll(fds, 2, 100);
        while ((ev = sipw_next_event(eng)) != NULL) {
            switch (ev->type) {
            case SIPW_EV_CALL_PROGRESS:
                fprintf(stderr, "%u %s\n", (unsigned)ev->u.outcome.status, ev->u.outcome.reason);
                break;
            case SIPW_EV_CALL_ANSWERED:
                fprintf(stderr, "answered, %s\n", ev->u.answered.codec ? ev->u.answered.codec : "no codec");
                if (sipw_pcm_open(eng, call, RATE_HZ, &pcm)) die("pcm");
                if (argc > 3 && argv[3][0] && sipw_send_dtmf(eng, call, argv[3])) die("digits");
                end = time(NULL) + (argc > 4 ? atoi(argv[4]) : 5);
                break;
            case SIPW_EV_DTMF_SENT: fprintf(stderr, "digits sent\n"); break;
            case SIPW_EV_CALL_ENDED:
                fprintf(stderr, "ended: %u %s\n", (unsigned)ev->u.outcome.status, ev->u.outcome.reason);
                status = ev->u.outcome.status;
                up = 0;
                break;
            default: break;
            }
        }
        while (pcm && sipw_pcm_read(eng, pcm, heard, sizeof heard / sizeof *heard, &got) == SIPW_OK && got > 0) {
            fwrite(heard, sizeof *heard, got, stdout);
            total += got;
        }
        while (pcm && up) { /* what does not fit is given again next time */
            size_t taken = 0;
            if (given == have) {
                have = fread(said, sizeof *said, sizeof said / sizeof *said, stdin);
                given = 0;
                if (have == 0) break;
            }
            if (sipw_pcm_write(eng, pcm, said + given, have - given, &taken) != SIPW_OK || taken == 0) break;
            given += taken;
        }
        if (up && end && end <= time(NULL)) {
            sipw_hangup(eng, call, 0);
            end = 0;
        }
    }
    fprintf(stderr, "heard %.1f s\n", (double)total / RATE_HZ);
    if (pcm) sipw_pcm_close(eng, pcm);
    sipw_engine_free(eng, 2000);
    return status == 200 ? 0 : 1;
}
