/* An IVR: answers, plays a prompt, collects digits, records, hangs up, and prints what it does.
 *
 * answer_ivr [-n CALLS] [-t] [LISTEN [PROMPT.wav [RECORD.wav]]]
 *   LISTEN      where to listen, default udp://127.0.0.1:5070
 *   PROMPT.wav  played when the call is up; without it the caller hears silence
 *   RECORD.wav  stereo recording, left what we say, right what the caller says
 *   -n  ends after so many calls, default 1; 0 goes on until SIGINT or SIGTERM
 *   -t  prints every SIP message
 * A call ends with '#', or two seconds after the prompt when nothing was pressed. Exit code 0 when every call ended normally. */
#include <sipwright.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct state {
    sipw_call call;
    char digits[64];
    size_t pressed;
    uint64_t hangup_at_us; /* 0: not planned */
};

static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

static void usage(void) {
    fprintf(stderr, "usage: answer_ivr [-n CALLS] [-t] [LISTEN [PROMPT.wav [RECORD.wav]]]\n");
    exit(2);
}

static void must(sipw_status status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "answer_ivr: %s: %s: %s\n", what, sipw_strerror(status), sipw_last_error());
        exit(1);
    }
}

/* A call that ended meanwhile is no failure of ours. */
static void may(sipw_status status, const char *what) {
    if (status < 0 && status != SIPW_E_GONE) printf("%s failed: %s\n", what, sipw_last_error());
}

static void on_trace(const sipw_trace *trace, void *user) {
    (void)user;
    printf("--- %s %s %s %s\n%.*s\n", trace->sent ? "sent to" : "received from", trace->remote, trace->protocol,
           trace->local, (int)trace->data_bytes, trace->data);
}

static void figures(const sipw_quality *q) {
    printf("sent %" PRIu64 " packets, received %" PRIu64 ", lost %" PRIu64 " (%.1f %%), jitter %.1f ms, round trip %.1f ms, "
           "MOS %.2f\n",
           q->sent, q->received, q->lost, (double)q->loss_pct, (double)q->jitter_ms, (double)q->rtt_ms, (double)q->mos);
}

static void on_event(sipw_engine *eng, const sipw_event *ev, struct state *s, const char *prompt, const char *record,
                     int *left, int *failed) {
    if (ev->type == SIPW_EV_CALL_INCOMING) {
        printf("call from %s to %s\n", ev->u.incoming.from, ev->u.incoming.to);
        if (s->call) { /* one at a time: it has one prompt and one recording */
            may(sipw_hangup(eng, ev->call, 486), "refuse");
            return;
        }
        memset(s, 0, sizeof *s);
        s->call = ev->call;
        may(sipw_ring(eng, ev->call, 180), "ring");
        may(sipw_answer(eng, ev->call), "answer");
        return;
    }
    if (ev->call == 0 || ev->call != s->call) return;
    switch (ev->type) {
    case SIPW_EV_CALL_ANSWERED:
        printf("answered with %s\n", ev->u.answered.codec ? ev->u.answered.codec : "no codec");
        if (record) {
            may(sipw_record_file(eng, ev->call, record), "record");
            printf("recording to %s\n", record);
        }
        if (prompt) {
            may(sipw_play_file(eng, ev->call, prompt, NULL), "play");
            printf("playing %s\n", prompt);
        }
        break;
    case SIPW_EV_PLAY_DONE:
        printf("prompt %s after %.1f s\n", ev->u.play.interrupted ? "cut short" : "done",
               (double)ev->u.play.played_ms / 1000.0);
        s->hangup_at_us = ev->time_us + 2000000;
        break;
    case SIPW_EV_DTMF:
        printf("digit %c (%u ms)\n", ev->u.dtmf.digit, (unsigned)ev->u.dtmf.duration_ms);
        if (ev->u.dtmf.digit == '#') {
            s->hangup_at_us = ev->time_us + 200000;
        } else {
            if (s->pressed + 1 < sizeof s->digits) s->digits[s->pressed++] = ev->u.dtmf.digit;
            if (s->hangup_at_us) s->hangup_at_us = ev->time_us + 2000000;
        }
        break;
    case SIPW_EV_MEDIA_STARTED: printf("audio of the caller arrives\n"); break;
    case SIPW_EV_MEDIA_FAILED: printf("media failed: %s\n", ev->u.trouble.reason); break;
    case SIPW_EV_RTP_TIMEOUT: printf("the caller is silent\n"); break;
    case SIPW_EV_CALL_HELD: printf("held by the caller\n"); break;
    case SIPW_EV_CALL_RESUMED: printf("resumed by the caller\n"); break;
    case SIPW_EV_QUALITY:
        printf("so far: loss %.1f %%, MOS %.2f\n", (double)ev->u.quality.loss_pct, (double)ev->u.quality.mos);
        break;
    case SIPW_EV_CALL_ENDED:
        printf("digits: %s\n", s->digits);
        if (ev->u.outcome.quality) figures(ev->u.outcome.quality);
        printf("ended: %u %s\n", (unsigned)ev->u.outcome.status, ev->u.outcome.reason);
        if (ev->u.outcome.status != 200) *failed += 1;
        s->call = 0;
        s->hangup_at_us = 0;
        if (*left > 0 && --*left == 0) stopped = 1;
        break;
    default: break;
    }
}

int main(int argc, char **argv) {
    const char *listen = "udp://127.0.0.1:5070", *prompt = NULL, *record = NULL, *at;
    struct state s;
    struct sigaction on_signal;
    sipw_config cfg;
    sipw_engine *eng = NULL;
    const sipw_event *ev;
    uint64_t last_us = 0; /* clock of the engine, as the last event told it */
    int left = 1, failed = 0, option, waited_ms = 0;

    sipw_config_init(&cfg);
    while ((option = getopt(argc, argv, "n:t")) != -1) {
        switch (option) {
        case 'n': left = atoi(optarg); break;
        case 't': cfg.on_trace = on_trace; break;
        default: usage();
        }
    }
    if (optind < argc) listen = argv[optind++];
    if (optind < argc) prompt = argv[optind++];
    if (optind < argc) record = argv[optind++];
    if (optind != argc) usage();
    if (left == 0) left = -1;
    memset(&s, 0, sizeof s);
    memset(&on_signal, 0, sizeof on_signal);
    on_signal.sa_handler = stop;
    sigaction(SIGINT, &on_signal, NULL);
    sigaction(SIGTERM, &on_signal, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);

    cfg.listen = listen;
    must(sipw_engine_new(&cfg, &eng), "engine");
    must(sipw_listen_addresses(eng, &at), "listen");
    printf("listening on %s\n", at);

    while (!stopped) {
        struct pollfd fd = {sipw_event_fd(eng), POLLIN, 0};
        poll(&fd, 1, 50);
        waited_ms += 50;
        while ((ev = sipw_next_event(eng)) != NULL) {
            last_us = ev->time_us;
            waited_ms = 0;
            on_event(eng, ev, &s, prompt, record, &left, &failed);
        }
        if (s.call && s.hangup_at_us && last_us + (uint64_t)waited_ms * 1000 >= s.hangup_at_us) {
            printf("hanging up\n");
            may(sipw_hangup(eng, s.call, 0), "hang up");
            s.hangup_at_us = 0;
        }
    }
    must(sipw_engine_free(eng, 2000), "free");
    return failed ? 1 : 0;
}
