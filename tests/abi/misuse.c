/* Every function of the header x { NULL, garbage, wrong kind, stale, foreign engine, freed engine, foreign thread, inside a callback,
 * during shutdown }: a status, never a crash. C99. Last line: "misuse: N passed, N failed". */
#define _POSIX_C_SOURCE 200809L
#include <sipwright.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned passed, failed;

#define EXPECT(ok, ...) expect((ok), __LINE__, __VA_ARGS__)
static void expect(bool ok, int line, const char *format, const char *name, long got) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (ok) passed++;
    else failed++;
    pthread_mutex_unlock(&lock);
    if (ok) return;
    printf("misuse.c:%d: ", line);
    printf(format, name, got, sipw_last_error());
    printf("\n");
}

/* One function with arguments that are right but for the engine and the id. Functions that give no status give SIPW_E_INVAL for
 * "nothing", so that one table holds them all. */
typedef sipw_status (*run)(sipw_engine *eng, uint64_t id);
enum takes { NOTHING, ACCOUNT, CALL, PCM, REQUEST, ANY };

static char wav[64];
static int16_t samples[160];

#define F(name) static sipw_status run_##name(sipw_engine *e, uint64_t id)
F(sipw_account_add) { sipw_account out; (void)id; return sipw_account_add(e, "sip:a@127.0.0.1", NULL, NULL, &out); }
F(sipw_account_add_options) {
    sipw_account_options o;
    sipw_account out;
    (void)id;
    sipw_account_options_init(&o);
    return sipw_account_add_options(e, "sip:a@127.0.0.1", NULL, &o, NULL, &out);
}
F(sipw_account_remove) { return sipw_account_remove(e, id); }
F(sipw_send_message) { sipw_request out; return sipw_send_message(e, id, "sip:b@127.0.0.1:9", NULL, "hi", 2, NULL, &out); }
F(sipw_send_options) { sipw_request out; return sipw_send_options(e, id, "sip:b@127.0.0.1:9", NULL, &out); }
F(sipw_send_request) {
    sipw_header h = {"X-A", "b"};
    sipw_request out;
    return sipw_send_request(e, id, "INFO", "sip:b@127.0.0.1:9", &h, 1, "text/plain", "hi", 2, NULL, &out);
}
F(sipw_request_send) {
    sipw_request_options o;
    sipw_request out;
    sipw_request_options_init(&o);
    return sipw_request_send(e, id, "INFO", (id >> 60) == 2 ? NULL : "sip:b@127.0.0.1:9", &o, NULL, &out);
}
F(sipw_request_answer) { return sipw_request_answer(e, id, 200, NULL, NULL); }
F(sipw_dial) { sipw_call out; return sipw_dial(e, id, "sip:b@127.0.0.1:9", NULL, &out); }
F(sipw_dial_options) {
    sipw_call_options o;
    sipw_call out;
    sipw_call_options_init(&o);
    o.no_media = 1;
    return sipw_dial_options(e, id, "sip:b@127.0.0.1:9", &o, NULL, &out);
}
F(sipw_ring) { return sipw_ring(e, id, 180); }
F(sipw_progress) { return sipw_progress(e, id, 183); }
F(sipw_answer) { return sipw_answer(e, id); }
F(sipw_answer_options) {
    sipw_call_options o;
    sipw_call_options_init(&o);
    return sipw_answer_options(e, id, &o);
}
F(sipw_hangup) { return sipw_hangup(e, id, 486); }
F(sipw_hold) { return sipw_hold(e, id); }
F(sipw_resume) { return sipw_resume(e, id); }
F(sipw_call_state) { uint32_t out; return sipw_call_state(e, id, &out); }
F(sipw_call_quality_sized) { sipw_quality out; return sipw_call_quality(e, id, &out); }
F(sipw_play_file) { uint64_t out; return sipw_play_file(e, id, wav, &out); }
F(sipw_play_loop) { uint64_t out; return sipw_play_loop(e, id, wav, &out); }
F(sipw_stop_play) { return sipw_stop_play(e, id, 0); }
F(sipw_record_file) { return sipw_record_file(e, id, "/nonexistent/a.wav"); }
F(sipw_record_file_options) {
    sipw_record_options o;
    sipw_record_options_init(&o);
    return sipw_record_file_options(e, id, "/nonexistent/a.wav", &o);
}
F(sipw_stop_record) { return sipw_stop_record(e, id); }
F(sipw_send_dtmf) { return sipw_send_dtmf(e, id, "1"); }
F(sipw_send_dtmf_timed) { return sipw_send_dtmf_timed(e, id, "1", 60); }
F(sipw_pcm_open) {
    sipw_pcm out;
    sipw_status st = sipw_pcm_open(e, id, 8000, &out);
    if (st == SIPW_OK) sipw_pcm_close(e, out);
    return st;
}
F(sipw_pcm_read) { size_t n; int16_t here[160]; return sipw_pcm_read(e, id, here, 160, &n); }
F(sipw_pcm_write) { size_t n; return sipw_pcm_write(e, id, samples, 160, &n); }
F(sipw_pcm_interrupt) { uint64_t n; return sipw_pcm_interrupt(e, id, &n); }
F(sipw_pcm_fd) { return sipw_pcm_fd(e, id) < 0 ? SIPW_E_INVAL : SIPW_OK; }
F(sipw_pcm_close) { return sipw_pcm_close(e, id); }
F(sipw_set_user) { return sipw_set_user(e, id, NULL); }
F(sipw_listen_addresses) { const char *out; (void)id; return sipw_listen_addresses(e, &out); }
F(sipw_engine_stats_sized) { sipw_stats out; (void)id; return sipw_engine_stats(e, &out); }
F(sipw_engine_counters_sized) { sipw_counters out; (void)id; return sipw_engine_counters(e, &out); }
F(sipw_event_fd) { (void)id; return sipw_event_fd(e) < 0 ? SIPW_E_INVAL : SIPW_OK; }
F(sipw_next_event) { (void)id; return sipw_next_event(e) ? SIPW_OK : SIPW_E_INVAL; }
F(sipw_wait_event) { (void)id; return sipw_wait_event(e, 0) ? SIPW_OK : SIPW_E_INVAL; }

static const struct {
    const char *name;
    run call;
    enum takes takes;
    bool value; /* gives a value, not a status */
} table[] = {
#define T(name, takes, value) {#name, run_##name, takes, value}
    T(sipw_account_add, NOTHING, false), T(sipw_account_add_options, NOTHING, false), T(sipw_account_remove, ACCOUNT, false),
    T(sipw_send_message, ACCOUNT, false), T(sipw_send_options, ACCOUNT, false), T(sipw_send_request, ACCOUNT, false),
    T(sipw_request_send, ANY, false), T(sipw_request_answer, REQUEST, false),
    T(sipw_dial, ACCOUNT, false), T(sipw_dial_options, ACCOUNT, false), T(sipw_ring, CALL, false),
    T(sipw_progress, CALL, false), T(sipw_answer, CALL, false), T(sipw_answer_options, CALL, false),
    T(sipw_hangup, CALL, false), T(sipw_hold, CALL, false), T(sipw_resume, CALL, false), T(sipw_call_state, CALL, false),
    T(sipw_call_quality_sized, CALL, false), T(sipw_play_file, CALL, false), T(sipw_play_loop, CALL, false),
    T(sipw_stop_play, CALL, false), T(sipw_record_file, CALL, false), T(sipw_record_file_options, CALL, false),
    T(sipw_stop_record, CALL, false), T(sipw_send_dtmf, CALL, false), T(sipw_send_dtmf_timed, CALL, false),
    T(sipw_pcm_open, CALL, false), T(sipw_pcm_read, PCM, false), T(sipw_pcm_write, PCM, false),
    T(sipw_pcm_interrupt, PCM, false), T(sipw_pcm_fd, PCM, true), T(sipw_pcm_close, PCM, false),
    T(sipw_set_user, ANY, false), T(sipw_listen_addresses, NOTHING, false), T(sipw_engine_counters_sized, NOTHING, false), T(sipw_engine_stats_sized, NOTHING, false),
    T(sipw_event_fd, NOTHING, true),
    T(sipw_next_event, NOTHING, true), T(sipw_wait_event, NOTHING, true),
};
#define FUNCTIONS (sizeof table / sizeof *table)

static sipw_engine *make(sipw_event_cb on_event, uint32_t delivery, void *user) {
    sipw_config cfg;
    sipw_engine *eng = NULL;
    sipw_config_init(&cfg);
    cfg.listen = "udp://127.0.0.1:0";
    cfg.on_event = on_event;
    cfg.delivery = delivery;
    cfg.user = user;
    cfg.t1_ms = 20; /* what nobody answers ends in 64 times this */
    if (sipw_engine_new(&cfg, &eng)) {
        printf("misuse: engine: %s\n", sipw_last_error());
        exit(1);
    }
    return eng;
}

static sipw_account account(sipw_engine *eng) {
    sipw_account acc = 0;
    EXPECT(sipw_account_add(eng, "sip:alice@127.0.0.1", "", NULL, &acc) == SIPW_OK && acc, "%s: %ld %s", "account", 0);
    return acc;
}

static const sipw_event *await(sipw_engine *eng, uint32_t type) {
    const sipw_event *ev;
    int i;
    for (i = 0; i < 400; i++) {
        ev = sipw_wait_event(eng, 25);
        if (ev && ev->type == type) return ev;
    }
    EXPECT(false, "%s: no event of type %ld (%s)", "await", (long)type);
    return NULL;
}

static void engines_that_are_none(sipw_engine *freed) {
    sipw_engine *none[] = {NULL, (sipw_engine *)1, (sipw_engine *)0xdeadbeefUL, (sipw_engine *)(uintptr_t)-1, (sipw_engine *)samples};
    size_t f, n;
    for (f = 0; f < FUNCTIONS; f++) {
        for (n = 0; n < sizeof none / sizeof *none; n++) {
            sipw_status st = table[f].call(none[n], 1);
            EXPECT(st == SIPW_E_INVAL && sipw_last_error()[0], "%s: engine that is none: %ld (%s)", table[f].name, st);
        }
        {
            sipw_status st = table[f].call(freed, 1);
            EXPECT(st == (table[f].value ? SIPW_E_INVAL : SIPW_E_GONE), "%s: freed engine: %ld (%s)", table[f].name, st);
        }
    }
    for (n = 0; n < sizeof none / sizeof *none; n++)
        EXPECT(sipw_engine_free(none[n], 0) == SIPW_E_INVAL, "%s: %ld (%s)", "sipw_engine_free", 0);
    EXPECT(sipw_engine_free(freed, 0) == SIPW_E_GONE, "%s: freed twice: %ld (%s)", "sipw_engine_free", 0);
}

static void ids_that_are_none(sipw_engine *eng, sipw_account acc, sipw_call stale, sipw_account foreign_acc, sipw_call foreign_call,
                              sipw_pcm closed, sipw_pcm foreign_pcm) {
    size_t f, n;
    for (f = 0; f < FUNCTIONS; f++) {
        uint64_t bad[8] = {0, 1, 0xffffffffffffffffULL, 0x7fffffffffffffffULL}, old = 0;
        sipw_status st;
        size_t count = 4;
        switch (table[f].takes) {
        case ACCOUNT: bad[count++] = stale; bad[count++] = foreign_acc; break;
        case CALL: bad[count++] = acc; bad[count++] = foreign_call; old = stale; break;
        case PCM: bad[count++] = acc; bad[count++] = foreign_pcm; old = closed; break;
        case REQUEST: bad[count++] = acc; bad[count++] = stale; break;
        case ANY: bad[count++] = foreign_call; old = stale; break;
        default: continue;
        }
        for (n = 0; n < count; n++) {
            st = table[f].call(eng, bad[n]);
            EXPECT(st == SIPW_E_INVAL, "%s: bad id: %ld (%s)", table[f].name, st);
        }
        if (old && !table[f].value) {
            st = table[f].call(eng, old);
            EXPECT(st == SIPW_E_GONE, "%s: stale id: %ld (%s)", table[f].name, st);
        }
    }
}

#define BAD(status, expression)                                                                          \
    do {                                                                                                 \
        sipw_status st_ = (expression);                                                                  \
        EXPECT(st_ == (status) && sipw_last_error()[0], "%s: %ld (%s)", #expression, (long)st_);         \
    } while (0)

static void arguments(sipw_engine *eng, sipw_account acc, sipw_call call, sipw_pcm pcm, const sipw_event *ev) {
    static char big[20000];
    sipw_account_options ao;
    sipw_call_options co;
    sipw_request_options rq;
    sipw_sip_config sip;
    sipw_record_options ro;
    sipw_config cfg;
    sipw_engine *out = NULL;
    sipw_header header = {NULL, NULL};
    sipw_call id = 77;
    const char *text;
    size_t n = 0;
    sipw_defence_config defence;
    sipw_dns_config dns;
    sipw_auth_config auth;
    sipw_tls_config tls;
    sipw_incoming incoming = {0};
    memset(big, 'a', sizeof big - 1);

    sipw_config_init_sized(NULL, sizeof cfg);
    sipw_account_options_init_sized(NULL, sizeof ao);
    sipw_call_options_init_sized(NULL, sizeof co);
    sipw_record_options_init_sized(NULL, sizeof ro);
    sipw_request_options_init_sized(NULL, sizeof rq);
    sipw_sip_config_init_sized(NULL, sizeof sip);
    sipw_sip_config_init(&sip);
    sipw_defence_config_init_sized(NULL, sizeof defence);
    sipw_defence_config_init(&defence);
    sipw_tls_config_init_sized(NULL, sizeof tls);
    sipw_tls_config_init(&tls);
    sipw_dns_config_init_sized(NULL, sizeof dns);
    sipw_dns_config_init(&dns);
    dns.servers = "nonsense";
    sipw_auth_config_init_sized(NULL, sizeof auth);
    sipw_auth_config_init(&auth);
    auth.realm = "example.com";
    auth.algorithms = "ROT13";
    BAD(SIPW_E_INVAL, sipw_auth_user_set(NULL, "alice", "secret", NULL));
    BAD(SIPW_E_INVAL, sipw_auth_user_remove(NULL, "alice"));
    BAD(SIPW_E_INVAL, sipw_tls_reload(NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_incoming_header(NULL, "From", 0, NULL, 0, &n));
    BAD(SIPW_E_INVAL, sipw_incoming_header(&incoming, "From", 0, NULL, 0, &n));
    sip.methods = "INFO,BYE";
    BAD(SIPW_E_INVAL, sipw_engine_new(NULL, NULL));
    memset(&cfg, 0xff, sizeof cfg);
    BAD(SIPW_E_INVAL, sipw_engine_new(&cfg, &out));
    memset(&cfg, 0, sizeof cfg); /* never set up */
    BAD(SIPW_E_INVAL, sipw_engine_new(&cfg, &out));
#define CONFIG(field, value, status)                  \
    sipw_config_init(&cfg);                           \
    cfg.field = value;                                \
    BAD(status, sipw_engine_new(&cfg, &out))
    CONFIG(delivery, 9, SIPW_E_INVAL);
    CONFIG(dns, &dns, SIPW_E_INVAL);
    CONFIG(auth, &auth, SIPW_E_INVAL);
    CONFIG(delivery, SIPW_DELIVERY_INLINE, SIPW_E_INVAL);
    CONFIG(log_level, 6, SIPW_E_INVAL);
    CONFIG(listen, "carrier-pigeon://127.0.0.1", SIPW_E_INVAL);
    CONFIG(listen, "udp://127.0.0.1:99999", SIPW_E_INVAL);
    CONFIG(listen, "udp://192.0.2.1:5060", SIPW_E_IO);
    CONFIG(codecs, "PCMU,NOSUCH", SIPW_E_INVAL);
    CONFIG(public_address, "example.com", SIPW_E_INVAL);
    CONFIG(user_agent, "\xff", SIPW_E_INVAL);
    CONFIG(user_agent, big, SIPW_E_INVAL);
    CONFIG(sip, &sip, SIPW_E_INVAL);
    EXPECT(out == NULL, "%s: written on failure %ld (%s)", "out", 0);

    BAD(SIPW_E_INVAL, sipw_account_add(eng, NULL, NULL, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_account_add(eng, "", NULL, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_account_add(eng, big, NULL, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_account_add(eng, "sip:a@b\r\nVia: x", NULL, NULL, NULL));
    sipw_account_options_init(&ao);
    ao.registration = 3;
    BAD(SIPW_E_INVAL, sipw_account_add_options(eng, "sip:a@b", NULL, &ao, NULL, NULL));
    sipw_account_options_init(&ao);
    ao.expires_s = 5;
    BAD(SIPW_E_INVAL, sipw_account_add_options(eng, "sip:a@b", NULL, &ao, NULL, NULL));
    ao.size = 2;
    BAD(SIPW_E_INVAL, sipw_account_add_options(eng, "sip:a@b", NULL, &ao, NULL, NULL));

    BAD(SIPW_E_INVAL, sipw_dial(eng, acc, NULL, NULL, &id));
    BAD(SIPW_E_INVAL, sipw_dial(eng, acc, "", NULL, &id));
    BAD(SIPW_E_INVAL, sipw_dial(eng, acc, "sip:b@c\r\nX: y", NULL, &id));
    sipw_call_options_init(&co);
    co.headers_count = 1;
    BAD(SIPW_E_INVAL, sipw_dial_options(eng, acc, "sip:b@c", &co, NULL, &id));
    co.headers = &header;
    BAD(SIPW_E_INVAL, sipw_dial_options(eng, acc, "sip:b@c", &co, NULL, &id));
    header.name = "X-A";
    header.value = "a\r\nVia: b";
    BAD(SIPW_E_INVAL, sipw_dial_options(eng, acc, "sip:b@c", &co, NULL, &id));
    co.headers_count = (size_t)-1;
    BAD(SIPW_E_INVAL, sipw_dial_options(eng, acc, "sip:b@c", &co, NULL, &id));
    sipw_call_options_init(&co);
    co.codecs = "x";
    BAD(SIPW_E_INVAL, sipw_answer_options(eng, call, &co));
    EXPECT(id == 77, "%s: written on failure %ld (%s)", "id", (long)id);

    BAD(SIPW_E_INVAL, sipw_send_message(eng, acc, NULL, NULL, "x", 1, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_send_message(eng, acc, "sip:b@c", NULL, NULL, 1, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_send_message(eng, acc, "sip:b@c", NULL, "x", (size_t)-1, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_send_options(eng, acc, NULL, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_send_request(eng, acc, NULL, "sip:b@c", NULL, 0, NULL, NULL, 0, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_send_request(eng, acc, "INVITE", "sip:b@c", NULL, 0, NULL, NULL, 0, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_send_request(eng, acc, "A B", "sip:b@c", NULL, 0, NULL, NULL, 0, NULL, NULL));

    sipw_request_options_init(&rq);
    BAD(SIPW_E_INVAL, sipw_request_send(eng, acc, NULL, "sip:b@c", &rq, NULL, &id));
    BAD(SIPW_E_INVAL, sipw_request_send(eng, acc, "INVITE", "sip:b@c", &rq, NULL, &id));
    BAD(SIPW_E_INVAL, sipw_request_send(eng, acc, "INFO", NULL, &rq, NULL, &id));
    BAD(SIPW_E_INVAL, sipw_request_send(eng, call, "BYE", NULL, &rq, NULL, &id));
    BAD(SIPW_E_INVAL, sipw_request_send(eng, call, "INFO", "sip:b@c", &rq, NULL, &id));
    rq.routes = "nowhere";
    BAD(SIPW_E_INVAL, sipw_request_send(eng, acc, "INFO", "sip:b@c", &rq, NULL, &id));
    BAD(SIPW_E_INVAL, sipw_request_answer(eng, 0x3000000000000001ULL, 200, NULL, &rq));
    sipw_request_options_init(&rq);
    header.name = "Via";
    header.value = "x";
    rq.headers = &header;
    rq.headers_count = 1;
    BAD(SIPW_E_INVAL, sipw_request_send(eng, acc, "INFO", "sip:b@c", &rq, NULL, &id));

    BAD(SIPW_E_INVAL, sipw_ring(eng, call, 200));
    BAD(SIPW_E_INVAL, sipw_progress(eng, call, 100));
    BAD(SIPW_E_INVAL, sipw_hangup(eng, call, 200));
    BAD(SIPW_E_INVAL, sipw_call_state(eng, call, NULL));
    BAD(SIPW_E_INVAL, sipw_call_quality_sized(eng, call, NULL, 8));
    BAD(SIPW_E_INVAL, sipw_play_file(eng, call, NULL, NULL));
    BAD(SIPW_E_IO, sipw_play_file(eng, call, "/nonexistent/a.wav", NULL));
    BAD(SIPW_E_INVAL, sipw_play_loop(eng, call, NULL, NULL));
    BAD(SIPW_E_INVAL, sipw_record_file(eng, call, NULL));
    BAD(SIPW_E_IO, sipw_record_file(eng, call, "/nonexistent/a.wav"));
    sipw_record_options_init(&ro);
    ro.channels = 3;
    BAD(SIPW_E_INVAL, sipw_record_file_options(eng, call, "x.wav", &ro));
    BAD(SIPW_E_INVAL, sipw_send_dtmf(eng, call, NULL));
    BAD(SIPW_E_INVAL, sipw_send_dtmf(eng, call, "x"));
    BAD(SIPW_E_INVAL, sipw_send_dtmf_timed(eng, call, "1", 9999));
    BAD(SIPW_E_INVAL, sipw_pcm_open(eng, call, 8000, NULL));
    BAD(SIPW_E_INVAL, sipw_pcm_open(eng, call, 7, &id));
    BAD(SIPW_E_INVAL, sipw_pcm_read(eng, pcm, NULL, 160, &n));
    BAD(SIPW_E_INVAL, sipw_pcm_read(eng, pcm, samples, 160, NULL));
    BAD(SIPW_E_INVAL, sipw_pcm_write(eng, pcm, NULL, 160, &n));
    BAD(SIPW_E_INVAL, sipw_pcm_write(eng, pcm, samples, (size_t)-1, &n));
    BAD(SIPW_E_INVAL, sipw_pcm_write(eng, pcm, samples, 160, NULL));
    EXPECT(sipw_pcm_interrupt(eng, pcm, NULL) == SIPW_OK, "%s: %ld (%s)", "sipw_pcm_interrupt", 0);
    BAD(SIPW_E_INVAL, sipw_listen_addresses(eng, NULL));
    BAD(SIPW_E_INVAL, sipw_engine_counters_sized(eng, NULL, 8));
    BAD(SIPW_E_INVAL, sipw_engine_stats_sized(eng, NULL, 8));
    BAD(SIPW_E_INVAL, sipw_event_message(NULL, &text, &n));
    if (ev) {
        BAD(SIPW_E_INVAL, sipw_event_message(ev, NULL, &n));
        BAD(SIPW_E_INVAL, sipw_event_message(ev, &text, NULL));
    }
    EXPECT(strcmp(sipw_strerror(12345), "unknown status") == 0, "%s: %ld (%s)", "sipw_strerror", 0);
    EXPECT(sipw_version() == SIPW_VERSION_NUM, "%s: %ld (%s)", "sipw_version", (long)sipw_version());
}

/* Anything at all, from wherever it is called: only a known status may come back. */
static void anything(sipw_engine *eng, uint64_t id) {
    size_t f;
    for (f = 0; f < FUNCTIONS; f++) {
        sipw_status st = table[f].call(eng, id);
        if (!(st <= 0 && (st >= SIPW_E_TIMEOUT))) EXPECT(false, "%s: %ld (%s)", table[f].name, st);
    }
}

struct thread_arg {
    sipw_engine *eng;
    uint64_t id;
    int rounds;
};

static void *foreign(void *p) {
    struct thread_arg *a = p;
    int i;
    for (i = 0; i < a->rounds; i++) anything(a->eng, a->id);
    return NULL;
}

struct reentry {
    sipw_engine *eng;
    volatile int seen, free_refused;
};

static void on_event(const sipw_event *ev, void *user) {
    struct reentry *r = user;
    if (r->eng == NULL) EXPECT(false, "%s: event before the engine pointer %ld (%s)", "sipw_engine_new", 0);
    anything(r->eng, ev->call ? ev->call : ev->account);
    if (sipw_engine_free(r->eng, 0) == SIPW_E_STATE) r->free_refused++;
    r->seen++;
}

static void inside_callbacks(uint32_t delivery) {
    struct reentry r = {NULL, 0, 0};
    struct timespec pause = {0, 10000000};
    sipw_config cfg;
    sipw_account acc = 0;
    sipw_call call;
    int i;
    sipw_config_init(&cfg);
    cfg.listen = "udp://127.0.0.1:0";
    cfg.on_event = on_event;
    cfg.delivery = delivery;
    cfg.user = &r;
    cfg.t1_ms = 20;
    EXPECT(sipw_engine_new(&cfg, &r.eng) == SIPW_OK, "%s: %ld (%s)", "sipw_engine_new", 0);
    sipw_account_add(r.eng, "sip:alice@127.0.0.1", NULL, NULL, &acc);
    EXPECT(sipw_dial(r.eng, acc, "sip:nobody@127.0.0.1:9", NULL, &call) == SIPW_OK, "%s: %ld (%s)", "sipw_dial", 0);
    sipw_hangup(r.eng, call, 0);
    for (i = 0; i < 500 && r.seen == 0; i++) nanosleep(&pause, NULL);
    EXPECT(r.seen > 0 && r.free_refused == r.seen, "%s: events %ld (%s)", "inside a callback", (long)r.seen);
    EXPECT(sipw_engine_free(r.eng, 500) == SIPW_OK, "%s: %ld (%s)", "sipw_engine_free", 0);
}

static void make_wav(void) {
    static const unsigned char head[44] = {
        'R', 'I', 'F', 'F', 0x64, 1, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0,
        1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0, 'd', 'a', 't', 'a', 0x40, 1, 0, 0};
    FILE *f;
    snprintf(wav, sizeof wav, "%s/misuse-%ld.wav", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)time(NULL));
    f = fopen(wav, "wb");
    if (!f || fwrite(head, 1, 44, f) != 44 || fwrite(samples, 2, 160, f) != 160 || fclose(f)) exit(1);
}

int main(void) {
    sipw_engine *eng, *other, *freed;
    sipw_account acc, foreign_acc;
    sipw_call stale = 0, call = 0, incoming = 0, foreign_call = 0;
    sipw_pcm pcm = 0, closed = 0, foreign_pcm = 0;
    const char *at;
    const sipw_event *ev;
    char target[128];
    pthread_t threads[3];
    struct thread_arg arg;
    size_t f;
    int i;

    make_wav();
    freed = make(NULL, 0, NULL);
    EXPECT(sipw_engine_free(freed, 100) == SIPW_OK, "%s: %ld (%s)", "sipw_engine_free", 0);
    eng = make(NULL, 0, NULL);
    other = make(NULL, 0, NULL);
    EXPECT(eng != freed && other != freed && eng != other, "%s: handles differ %ld (%s)", "engines", 0);
    acc = account(eng);
    foreign_acc = account(other);
    engines_that_are_none(freed);

    /* A call that has ended. */
    EXPECT(sipw_dial(eng, acc, "sip:nobody@127.0.0.1:9", NULL, &stale) == SIPW_OK, "%s: %ld (%s)", "sipw_dial", 0);
    sipw_hangup(eng, stale, 0);
    await(eng, SIPW_EV_CALL_ENDED);
    while (sipw_wait_event(eng, 50)) {}

    /* A call that is up, between the two engines. */
    sipw_listen_addresses(other, &at);
    snprintf(target, sizeof target, "sip:bob@%s", at + strlen("udp://"));
    EXPECT(sipw_dial(eng, acc, target, NULL, &call) == SIPW_OK, "%s: %ld (%s)", "sipw_dial", 0);
    if ((ev = await(other, SIPW_EV_CALL_INCOMING)) != NULL) incoming = foreign_call = ev->call;
    EXPECT(sipw_answer(other, incoming) == SIPW_OK, "%s: %ld (%s)", "sipw_answer", 0);
    ev = await(eng, SIPW_EV_CALL_ANSWERED);
    EXPECT(ev && ev->size == sizeof *ev && ev->call == call, "%s: %ld (%s)", "event", 0);
    EXPECT(sipw_pcm_open(eng, call, 16000, &pcm) == SIPW_OK, "%s: %ld (%s)", "sipw_pcm_open", 0);
    EXPECT(sipw_pcm_open(eng, call, 8000, &closed) == SIPW_OK && sipw_pcm_close(eng, closed) == SIPW_OK, "%s: %ld (%s)", "pcm", 0);
    EXPECT(sipw_pcm_open(other, incoming, 8000, &foreign_pcm) == SIPW_OK, "%s: %ld (%s)", "sipw_pcm_open", 0);

    arguments(eng, acc, call, pcm, ev);
    ids_that_are_none(eng, acc, stale, foreign_acc, foreign_call, closed, foreign_pcm);

    /* The event outlives calls of other functions, and of the other engine's queue. */
    while (sipw_next_event(other)) {}
    EXPECT(ev && ev->type == SIPW_EV_CALL_ANSWERED && ev->call == call, "%s: %ld (%s)", "event", 0);

    /* From foreign threads, with live ids; hang-ups among it end the call sooner or later. */
    for (i = 0; i < 3; i++) {
        static struct thread_arg args[3];
        args[i].eng = eng;
        args[i].id = i == 0 ? call : i == 1 ? acc : pcm;
        args[i].rounds = 20;
        pthread_create(&threads[i], NULL, foreign, &args[i]);
    }
    for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);

    inside_callbacks(SIPW_DELIVERY_THREAD);
    inside_callbacks(SIPW_DELIVERY_INLINE);

    /* While the engine shuts down, and after. */
    arg.eng = eng;
    arg.id = call;
    arg.rounds = 50;
    pthread_create(&threads[0], NULL, foreign, &arg);
    EXPECT(sipw_engine_free(eng, 300) == SIPW_OK, "%s: %ld (%s)", "sipw_engine_free", 0);
    pthread_join(threads[0], NULL);
    for (f = 0; f < FUNCTIONS; f++) {
        sipw_status st = table[f].call(eng, call);
        EXPECT(st == (table[f].value ? SIPW_E_INVAL : SIPW_E_GONE), "%s: after free: %ld (%s)", table[f].name, st);
    }
    EXPECT(sipw_engine_free(other, 300) == SIPW_OK, "%s: %ld (%s)", "sipw_engine_free", 0);
    remove(wav);
    printf("misuse: %u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}
