/* A program compiled against the first header (tests/abi/old), whose sipw_config and sipw_event are shorter: the library of today
 * writes nothing past them, takes the rest as default, and its events still read right. */
#include <sipwright.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    struct {
        sipw_config cfg;
        unsigned char guard[512];
    } s;
    sipw_engine *eng = NULL;
    sipw_account acc = 0;
    sipw_call call = 0;
    const sipw_event *ev = NULL;
    size_t i;
    struct pollfd fd;
    int turns;

    memset(&s, 0x5a, sizeof s);
    sipw_config_init(&s.cfg);
    for (i = 0; i < sizeof s.guard; i++)
        if (s.guard[i] != 0x5a) return printf("byte %zu behind the struct was written\n", i), 1;
    if (s.cfg.size != sizeof s.cfg || s.cfg.listen || s.cfg.max_calls) return printf("not set to defaults\n"), 1;
    s.cfg.listen = "udp://127.0.0.1:0";
    if (sipw_engine_new(&s.cfg, &eng)) return printf("engine: %s\n", sipw_last_error()), 1;
    if (sipw_account_add(eng, "sip:alice@127.0.0.1", NULL, NULL, &acc) ||
        sipw_dial(eng, acc, "sip:nobody@127.0.0.1:9", &s, &call) || sipw_hangup(eng, call, 0))
        return printf("call: %s\n", sipw_last_error()), 1;
    fd.fd = sipw_event_fd(eng);
    fd.events = POLLIN;
    for (turns = 0; turns < 3000; turns++) {
        ev = sipw_next_event(eng);
        if (ev && ev->type == SIPW_EV_CALL_ENDED) break;
        if (!ev) poll(&fd, 1, 10);
    }
    if (!ev || ev->size < sizeof *ev || ev->call != call || ev->user != &s || !ev->u.outcome.reason) return printf("no event\n"), 1;
    if (sipw_engine_free(eng, 500)) return printf("free: %s\n", sipw_last_error()), 1;
    printf("short_struct: 1 passed, 0 failed\n");
    return 0;
}
