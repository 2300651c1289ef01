/* Sends a text, or (without one) asks whether a peer is there.
 * message ACCOUNT-URI TARGET-URI [TEXT]      (password in SIP_PASSWORD) */
#include <sipwright.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    sipw_engine *eng = NULL;
    sipw_account acc = 0;
    sipw_account_options options;
    sipw_request request = 0;
    sipw_status st;
    int status = 0;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: message ACCOUNT-URI TARGET-URI [TEXT]\n");
        return 2;
    }
    sipw_account_options_init(&options);
    options.registration = SIPW_REGISTRATION_NO; /* one request needs no registration */
    st = sipw_engine_new(NULL, &eng);
    if (!st) st = sipw_account_add_options(eng, argv[1], getenv("SIP_PASSWORD"), &options, NULL, &acc);
    if (!st) {
        if (argc == 4)
            st = sipw_send_message(eng, acc, argv[2], NULL, argv[3], strlen(argv[3]), NULL, &request);
        else
            st = sipw_send_options(eng, acc, argv[2], NULL, &request);
    }
    if (st) fprintf(stderr, "message: %s\n", sipw_last_error());
    while (!st && !status) {
        const sipw_event *ev = sipw_wait_event(eng, 1000);
        if (ev && ev->type == SIPW_EV_REQUEST_DONE && ev->u.outcome.request == request) {
            status = ev->u.outcome.status;
            printf("%d %s%s\n", status, ev->u.outcome.reason, ev->u.outcome.local ? " (said here)" : "");
        }
    }
    if (eng) sipw_engine_free(eng, 1000);
    return status >= 200 && status < 300 ? 0 : 1;
}
