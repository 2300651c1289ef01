/* Registers an account, keeps it registered for a while, unregisters.
 * register ACCOUNT-URI [REGISTRAR-URI [SECONDS]]      (password in SIP_PASSWORD) */
#include <sipwright.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
    sipw_engine *eng = NULL;
    sipw_account acc = 0;
    sipw_account_options options;
    const sipw_event *ev;
    time_t end;
    int registered = 0, removed = 0;

    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: register ACCOUNT-URI [REGISTRAR-URI [SECONDS]]\n");
        return 2;
    }
    sipw_account_options_init(&options);
    options.registration = SIPW_REGISTRATION_YES;
    if (argc > 2 && argv[2][0]) options.registrar = argv[2];
    if (sipw_engine_new(NULL, &eng) || /* NULL: every default, events are pulled */
        sipw_account_add_options(eng, argv[1], getenv("SIP_PASSWORD"), &options, NULL, &acc)) {
        fprintf(stderr, "register: %s\n", sipw_last_error());
        if (eng) sipw_engine_free(eng, 0);
        return 1;
    }
    end = time(NULL) + (argc > 3 ? atoi(argv[3]) : 5);
    while (!removed) {
        ev = sipw_wait_event(eng, 200);
        if (ev) switch (ev->type) {
            case SIPW_EV_REGISTERED:
                printf("registered for %u s\n", (unsigned)ev->u.registered.expires_s);
                registered = 1;
                break;
            case SIPW_EV_REGISTER_FAILED:
                printf("failed: %u %s\n", (unsigned)ev->u.outcome.status, ev->u.outcome.reason);
                end = 0;
                break;
            case SIPW_EV_ACCOUNT_REMOVED:
                printf("unregistered\n");
                removed = 1;
                break;
            default: break;
            }
        if (end <= time(NULL) && acc) {
            sipw_account_remove(eng, acc); /* unregisters; ACCOUNT_REMOVED tells when it is done */
            acc = 0;
        }
    }
    sipw_engine_free(eng, 2000);
    return registered ? 0 : 1;
}
