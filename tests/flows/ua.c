/* A user agent for tests/flows/peer.py: actions on stdin, events on stdout.
 * ua PEER-HOST:PORT        register, unregister, dial, ring, answer, hold, hangup, reject STATUS, end */
#define _POSIX_C_SOURCE 200809L
#include <sipwright.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sipw_engine *eng;
static sipw_account acc;
static sipw_call call;
static char uri[128], target[128];

static void must(sipw_status st, const char *what) {
    if (st == SIPW_OK) return;
    fprintf(stderr, "ua: %s: %s\n", what, sipw_last_error());
    exit(1);
}

static void account(uint32_t registration) {
    sipw_account_options options;
    sipw_account_options_init(&options);
    options.registration = registration;
    must(sipw_account_add_options(eng, uri, "secret", &options, NULL, &acc), "account");
}

static void act(const char *what, unsigned status) {
    if (!strcmp(what, "register")) account(SIPW_REGISTRATION_YES);
    else if (!strcmp(what, "unregister")) must(sipw_account_remove(eng, acc), what);
    else if (!strcmp(what, "dial")) {
        if (!acc) account(SIPW_REGISTRATION_NO);
        must(sipw_dial(eng, acc, target, NULL, &call), what);
    } else if (!strcmp(what, "ring")) must(sipw_ring(eng, call, 0), what);
    else if (!strcmp(what, "answer")) must(sipw_answer(eng, call), what);
    else if (!strcmp(what, "hold")) must(sipw_hold(eng, call), what);
    else if (!strcmp(what, "hangup") || !strcmp(what, "reject")) must(sipw_hangup(eng, call, (uint16_t)status), what);
    else {
        fprintf(stderr, "ua: no such act: %s\n", what);
        exit(2);
    }
}

static void show(const sipw_event *ev) {
    const char *name;
    unsigned status = 0;
    switch (ev->type) {
    case SIPW_EV_REGISTERED: name = "registered"; break;
    case SIPW_EV_REGISTER_FAILED: name = "register_failed"; status = ev->u.outcome.status; break;
    case SIPW_EV_ACCOUNT_REMOVED: name = "account_removed"; break;
    case SIPW_EV_CALL_INCOMING: name = "call_incoming"; call = ev->call; break;
    case SIPW_EV_CALL_PROGRESS: name = "call_progress"; status = ev->u.outcome.status; break;
    case SIPW_EV_CALL_ANSWERED: name = "call_answered"; break;
    case SIPW_EV_HOLD_DONE: name = "hold_done"; break;
    case SIPW_EV_CALL_ENDED: name = "call_ended"; status = ev->u.outcome.status; break;
    default: return;
    }
    printf("%s %u\n", name, status);
    fflush(stdout);
}

int main(int argc, char **argv) {
    sipw_config cfg;
    const sipw_event *ev;
    const char *at;
    char line[64], what[32];
    size_t used = 0;
    struct pollfd fds[2];

    if (argc != 2) {
        fprintf(stderr, "usage: ua PEER-HOST:PORT\n");
        return 2;
    }
    snprintf(uri, sizeof uri, "sip:alice@%s", argv[1]);
    snprintf(target, sizeof target, "sip:bob@%s", argv[1]);
    sipw_config_init(&cfg);
    cfg.listen = "udp://127.0.0.1:0";
    must(sipw_engine_new(&cfg, &eng), "engine");
    must(sipw_listen_addresses(eng, &at), "listen");
    printf("%s\n", at);
    fflush(stdout);
    fds[0].fd = STDIN_FILENO;
    fds[1].fd = sipw_event_fd(eng);
    fds[0].events = fds[1].events = POLLIN;
    for (;;) {
        if (poll(fds, 2, -1) < 0) return 1;
        while ((ev = sipw_next_event(eng)) != NULL) show(ev);
        if (fds[0].revents) {
            unsigned status = 0;
            char c;
            if (read(STDIN_FILENO, &c, 1) != 1) break;
            if (c != '\n') {
                if (used < sizeof line - 1) line[used++] = c;
                continue;
            }
            line[used] = 0;
            used = 0;
            if (sscanf(line, "%31s %u", what, &status) < 1) continue;
            if (!strcmp(what, "end")) break;
            act(what, status);
        }
    }
    return sipw_engine_free(eng, 0) != SIPW_OK;
}
