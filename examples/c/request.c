/* Sends any request and shows the whole response; or takes requests and answers them 200 with their own body.
 * request METHOD TARGET-URI [BODY]        request METHODS        ("INFO,NOTIFY": until one MESSAGE says stop) */
#include <sipwright.h>
#include <stdio.h>
#include <string.h>

static int fail(sipw_engine *eng) {
    fprintf(stderr, "request: %s\n", sipw_last_error());
    if (eng) sipw_engine_free(eng, 0);
    return 1;
}

static void show(const sipw_event *ev) {
    const char *text;
    size_t bytes;
    if (sipw_event_message(ev, &text, &bytes) == SIPW_OK) fwrite(text, 1, bytes, stdout);
}

static int send_one(sipw_engine *eng, const char *method, const char *target, const char *body) {
    sipw_request_options options;
    const sipw_event *ev;
    sipw_account acc;
    sipw_request request;
    sipw_header header = {"Event", "x-example"};

    sipw_request_options_init(&options);
    options.headers = &header;
    options.headers_count = 1;
    if (body) {
        options.content_type = "text/plain";
        options.body = body;
        options.body_bytes = strlen(body);
    }
    if (sipw_account_add(eng, "sip:example@127.0.0.1", NULL, NULL, &acc) ||
        sipw_request_send(eng, acc, method, target, &options, NULL, &request))
        return fail(eng);
    while ((ev = sipw_wait_event(eng, 60000)) != NULL) {
        if (ev->type != SIPW_EV_REQUEST_DONE || ev->u.outcome.request != request) continue;
        show(ev);
        if (ev->u.outcome.local) printf("%d %s\n", ev->u.outcome.status, ev->u.outcome.reason);
        return ev->u.outcome.status >= 300;
    }
    return 1;
}

static int take(sipw_engine *eng) {
    sipw_request_options options;
    const sipw_event *ev;
    const char *at;

    if (sipw_listen_addresses(eng, &at)) return fail(eng);
    printf("listening on %s\n", at);
    fflush(stdout);
    while ((ev = sipw_wait_event(eng, 600000)) != NULL && ev->type != SIPW_EV_MESSAGE) {
        if (ev->type != SIPW_EV_REQUEST) continue;
        printf("%s from %s: %s\n", ev->u.request.method, ev->u.request.from, ev->u.request.body);
        sipw_request_options_init(&options);
        if (ev->u.request.body_bytes) {
            options.content_type = ev->u.request.content_type;
            options.body = ev->u.request.body;
            options.body_bytes = ev->u.request.body_bytes;
        }
        if (sipw_request_answer(eng, ev->u.request.request, 200, NULL, &options)) return fail(eng);
    }
    return 0;
}

int main(int argc, char **argv) {
    sipw_sip_config sip;
    sipw_config cfg;
    sipw_engine *eng = NULL;
    int result;

    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: request METHOD TARGET-URI [BODY], or request METHODS\n");
        return 2;
    }
    sipw_config_init(&cfg);
    cfg.listen = "udp://127.0.0.1:0";
    if (argc == 2) {
        sipw_sip_config_init(&sip);
        sip.methods = argv[1];
        cfg.sip = &sip;
    }
    if (sipw_engine_new(&cfg, &eng)) return fail(eng);
    result = argc == 2 ? take(eng) : send_one(eng, argv[1], argv[2], argc == 4 ? argv[3] : NULL);
    sipw_engine_free(eng, 1000);
    return result;
}
