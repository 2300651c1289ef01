/* sipwright: a SIP and RTP engine. Generated from src/ffi by tests/header.rs: do not edit. MIT OR Apache-2.0 */

#ifndef SIPWRIGHT_H
#define SIPWRIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Version of this header; sipw_version() gives that of the library loaded. */
#define SIPW_VERSION_MAJOR 0
#define SIPW_VERSION_MINOR 1
#define SIPW_VERSION_PATCH 0
#define SIPW_VERSION_NUM ((SIPW_VERSION_MAJOR << 16) | (SIPW_VERSION_MINOR << 8) | SIPW_VERSION_PATCH)

/* Each struct knows how long it is, so that a newer library never touches what an older program does not have. */
#define sipw_config_init(s) sipw_config_init_sized((s), sizeof *(s))
#define sipw_account_options_init(s) sipw_account_options_init_sized((s), sizeof *(s))
#define sipw_call_options_init(s) sipw_call_options_init_sized((s), sizeof *(s))
#define sipw_record_options_init(s) sipw_record_options_init_sized((s), sizeof *(s))
#define sipw_request_options_init(s) sipw_request_options_init_sized((s), sizeof *(s))
#define sipw_sip_config_init(s) sipw_sip_config_init_sized((s), sizeof *(s))
#define sipw_defence_config_init(s) sipw_defence_config_init_sized((s), sizeof *(s))
#define sipw_tls_config_init(s) sipw_tls_config_init_sized((s), sizeof *(s))
#define sipw_dns_config_init(s) sipw_dns_config_init_sized((s), sizeof *(s))
#define sipw_auth_config_init(s) sipw_auth_config_init_sized((s), sizeof *(s))
#define sipw_engine_counters(eng, out) sipw_engine_counters_sized((eng), (out), sizeof *(out))
#define sipw_engine_stats(eng, out) sipw_engine_stats_sized((eng), (out), sizeof *(out))
#define sipw_call_quality(eng, call, out) sipw_call_quality_sized((eng), (call), (out), sizeof *(out))

/** "Never" for the times of ::sipw_config that say so. */
#define SIPW_NEVER 4294967295

/** A verdict of ::sipw_filter_cb: the request goes on. */
#define SIPW_FILTER_ACCEPT 0

/** A verdict of ::sipw_filter_cb: the request is dropped without a word. */
#define SIPW_FILTER_DROP -1

/** Values of ::sipw_status. The numbers never change. */
typedef enum sipw_status_code {
    /** Done, or under way where an event tells the end. */
    SIPW_OK = 0,
    /** An argument is wrong: NULL, a bad URI, an id of another kind or of another engine, text that is not UTF-8. */
    SIPW_E_INVAL = -1,
    /** The object has ended and its terminal event was delivered; or the engine was freed. */
    SIPW_E_GONE = -2,
    /** Not possible now: sipw_engine_free() inside a callback, media of a call that has none. */
    SIPW_E_STATE = -3,
    /** Memory or another resource of the system ran out. */
    SIPW_E_NOMEM = -4,
    /** A bounded queue or table is full: take events (or close objects), then try again. */
    SIPW_E_FULL = -5,
    /** The engine is shutting down. */
    SIPW_E_DRAINING = -6,
    /** The system refused: port in use, no such file, no route. */
    SIPW_E_IO = -7,
    /** This library was built without what was asked for, or a struct has fields set that it does not know. */
    SIPW_E_UNSUPPORTED = -8,
    /** The time given ran out. */
    SIPW_E_TIMEOUT = -9,
    /** A defect of the library was caught; the engine lives on. Please report it. */
    SIPW_E_PANIC = -99,
} sipw_status_code;

/** What happened; values of sipw_event::type. The numbers never change; ignore the ones you do not know. */
typedef enum sipw_event_type {
    /** The account is registered, or refreshed: `u.registered`. RFC 3261 s10. */
    SIPW_EV_REGISTERED = 1,
    /** Registration failed; it is tried again after a while unless the account is removed: `u.outcome`. */
    SIPW_EV_REGISTER_FAILED = 2,
    /** The account is gone; the last event of the account. */
    SIPW_EV_ACCOUNT_REMOVED = 3,
    /**
     * The flow that the account registered over has failed (no answer to keep-alives, another address, a closed connection); it registers
     * anew: `u.trouble`. RFC 5626 s4.4, s4.5.
     */
    SIPW_EV_FLOW_FAILED = 4,
    /** Somebody calls: `u.incoming`. Ring, answer or hang up. */
    SIPW_EV_CALL_INCOMING = 16,
    /** A provisional response of a call we dialled: `u.outcome`. */
    SIPW_EV_CALL_PROGRESS = 17,
    /** The call is up: `u.answered`. */
    SIPW_EV_CALL_ANSWERED = 18,
    /** The call is over, status 200 after a normal end: `u.outcome`; the last event of the call. */
    SIPW_EV_CALL_ENDED = 19,
    /** The peer put us on hold: `u.hold`. RFC 3264 s8.4. */
    SIPW_EV_CALL_HELD = 20,
    /** The peer took us off hold: `u.hold`. */
    SIPW_EV_CALL_RESUMED = 21,
    /** Our sipw_hold() or sipw_resume() is done: `u.hold`. */
    SIPW_EV_HOLD_DONE = 22,
    /** A key of the peer: `u.dtmf`. RFC 4733. */
    SIPW_EV_DTMF = 32,
    /** A play ended: `u.play`. */
    SIPW_EV_PLAY_DONE = 33,
    /** Figures of the call's media, at intervals: `u.quality`. */
    SIPW_EV_QUALITY = 34,
    /** All digits of sipw_send_dtmf() are sent. */
    SIPW_EV_DTMF_SENT = 35,
    /** The first audio of the peer arrived. */
    SIPW_EV_MEDIA_STARTED = 36,
    /** Media of the call could not be made or broke: `u.trouble`. */
    SIPW_EV_MEDIA_FAILED = 37,
    /** No RTP came for the configured time; told once per silence. */
    SIPW_EV_RTP_TIMEOUT = 38,
    /** A MESSAGE arrived and was answered 200: `u.message`. RFC 3428. */
    SIPW_EV_MESSAGE = 48,
    /**
     * A request of ours has its final status, or one of a peer has its answer (by_peer is false then, and local says that the library
     * answered in your place): `u.outcome`; the last event of the request.
     */
    SIPW_EV_REQUEST_DONE = 49,
    /** A request whose method you take (sipw_sip_config::methods): `u.request`. Answer it with sipw_request_answer(). */
    SIPW_EV_REQUEST = 50,
    /** A provisional response to a request of ours: `u.outcome`. */
    SIPW_EV_REQUEST_PROGRESS = 51,
    /** Something of the engine itself failed (a listener, a recording); the engine lives on: `u.trouble`. */
    SIPW_EV_TROUBLE = 64,
    /** Something newer than this library's header; look at the message behind it. */
    SIPW_EV_OTHER = 127,
} sipw_event_type;

/**
 * How events reach the application; values of sipw_config::delivery. The stream is the same: events of one call in order, exactly one
 * terminal event per object, none after it.
 */
typedef enum sipw_delivery {
    /** SIPW_DELIVERY_THREAD with on_event set, SIPW_DELIVERY_QUEUE without. */
    SIPW_DELIVERY_AUTO = 0,
    /** sipw_event_fd(), sipw_next_event(), sipw_wait_event(). */
    SIPW_DELIVERY_QUEUE = 1,
    /** on_event runs on one thread of the engine, for one event after the other. */
    SIPW_DELIVERY_THREAD = 2,
    /**
     * on_event runs on the call's signalling thread: the fastest way. It must not block; with several signalling threads, events of
     * different calls run at the same time. Commands given inside take effect when it returns.
     */
    SIPW_DELIVERY_INLINE = 3,
} sipw_delivery;

/** How much a log record matters; values of sipw_config::log_level. */
typedef enum sipw_log_level {
    /** SIPW_LOG_INFO. */
    SIPW_LOG_DEFAULT = 0,
    /** Something is broken. */
    SIPW_LOG_ERROR = 1,
    /** Something is odd. */
    SIPW_LOG_WARN = 2,
    /** Calls. */
    SIPW_LOG_INFO = 3,
    /** State changes. */
    SIPW_LOG_DEBUG = 4,
    /** Packets. */
    SIPW_LOG_TRACE = 5,
} sipw_log_level;

/** Whether an account registers; values of sipw_account_options::registration. */
typedef enum sipw_registration {
    /** With a non-empty password. */
    SIPW_REGISTRATION_AUTO = 0,
    /** At once, and keep registered. */
    SIPW_REGISTRATION_YES = 1,
    /** Not. */
    SIPW_REGISTRATION_NO = 2,
} sipw_registration;

/**
 * Whether the flow of an account's registration is kept alive, by STUN on UDP and CRLF on streams (RFC 5626 s4.4); values of
 * sipw_account_options::keep_alive.
 */
typedef enum sipw_keep_alive {
    /** Offered (RFC 6223), and done where the registrar or proxy says that it wants it. */
    SIPW_KEEP_ALIVE_NEGOTIATED = 0,
    /** Always: you know that the next hop answers STUN. */
    SIPW_KEEP_ALIVE_ALWAYS = 1,
    /** Never. */
    SIPW_KEEP_ALIVE_NEVER = 2,
} sipw_keep_alive;

/** Where a call is, as far as its events have been delivered. */
typedef enum sipw_call_phase {
    /** We dialled; nothing has come back. */
    SIPW_CALL_CALLING = 1,
    /** Somebody calls us; not answered yet. */
    SIPW_CALL_INCOMING = 2,
    /** The peer rings. */
    SIPW_CALL_RINGING = 3,
    /** The call is up. */
    SIPW_CALL_ANSWERED = 4,
    /** The call is up, and one side holds the other. */
    SIPW_CALL_HELD = 5,
    /** The call is over. */
    SIPW_CALL_ENDED = 6,
} sipw_call_phase;

/**
 * Opaque engine: one per process is usual, several are allowed. A freed one, or a pointer that is none, is refused with a status and
 * never followed.
 */
typedef struct sipw_engine sipw_engine;

/** 0 or a negative ::sipw_status_code; sipw_strerror() names it, sipw_last_error() says the cause and the fix. */
typedef int32_t sipw_status;

/** An account: an id, never a pointer, never used twice; a stale one gives SIPW_E_GONE. 0 is none. */
typedef uint64_t sipw_account;

/** A call: an id, never a pointer, never used twice; a stale one gives SIPW_E_GONE, never a crash. 0 is none. */
typedef uint64_t sipw_call;

/** A request that is no call, of yours or of a peer: an id as ::sipw_account. */
typedef uint64_t sipw_request;

/** Figures of a call's audio, since its start. RFC 3550 s6.4, A.3, A.8; ITU-T G.107. */
typedef struct sipw_quality {
    /** What we hear, by the E-model: 1 (bad) to 4.5; 0: not known yet. */
    float mos;
    /** Loss of what we hear with what came too late, percent. */
    float loss_pct;
    /** Interarrival jitter of what we hear. */
    float jitter_ms;
    /** Round trip by RTCP; 0: not known. */
    float rtt_ms;
    /** R factor, 0 to 100. */
    float r_factor;
    /** Delay of the jitter buffer. */
    float buffer_ms;
    /** Loss that the peer reports of what we send, percent. */
    float remote_loss_pct;
    /** Jitter that the peer reports. */
    float remote_jitter_ms;
    /** RTP packets sent. */
    uint64_t sent;
    /** RTP packets received, without duplicates. */
    uint64_t received;
    /** Packets expected that never came. */
    uint64_t lost;
    /** Packets that came too late to be played. */
    uint64_t late;
    /** Packets that came twice. */
    uint64_t duplicate;
    /** Packets refused for their source or form. */
    uint64_t rejected;
} sipw_quality;

/** SIPW_EV_REGISTER_FAILED, CALL_PROGRESS, CALL_ENDED, REQUEST_DONE, REQUEST_PROGRESS. */
typedef struct sipw_ev_outcome {
    /** SIP status; 200 when a call ended normally. RFC 3261 s21. */
    uint16_t status;
    /** Reason phrase, or what happened here and what to do; never NULL. */
    const char *reason;
    /** The status was made here (timeout, transport, our own hang-up), not by the peer. */
    bool local;
    /** The peer, not we, ended the call. */
    bool by_peer;
    /** CALL_PROGRESS: early media flows. */
    bool early_media;
    /** REQUEST_DONE, REQUEST_PROGRESS: the request; else 0. */
    sipw_request request;
    /** CALL_ENDED: the last figures of the call's media, or NULL. */
    const struct sipw_quality *quality;
} sipw_ev_outcome;

/** SIPW_EV_DTMF. */
typedef struct sipw_ev_dtmf {
    /** One of 0-9 * # A-D. */
    char digit;
    /** How long it was pressed. */
    uint32_t duration_ms;
} sipw_ev_dtmf;

/** SIPW_EV_PLAY_DONE. */
typedef struct sipw_ev_play {
    /** From sipw_play_file(). */
    uint64_t token;
    /** It was stopped before its end. */
    bool interrupted;
    /** How much of it went out. */
    uint64_t played_ms;
} sipw_ev_play;

/** SIPW_EV_REGISTERED. */
typedef struct sipw_ev_registered {
    /** Seconds granted by the registrar. */
    uint32_t expires_s;
} sipw_ev_registered;

/** SIPW_EV_CALL_INCOMING. */
typedef struct sipw_ev_incoming {
    /** From as URI. */
    const char *from;
    /** Display name of From without control characters; "" when there is none. */
    const char *from_display;
    /** To as URI. */
    const char *to;
} sipw_ev_incoming;

/** SIPW_EV_CALL_ANSWERED. */
typedef struct sipw_ev_answered {
    /** Codec agreed on ("PCMU"), or NULL when media is not ours. */
    const char *codec;
} sipw_ev_answered;

/** SIPW_EV_CALL_HELD, CALL_RESUMED, HOLD_DONE. */
typedef struct sipw_ev_hold {
    /** HELD, RESUMED: the peer holds us. HOLD_DONE: we hold the peer. */
    bool held;
    /** HOLD_DONE: it worked. */
    bool ok;
} sipw_ev_hold;

/** SIPW_EV_MESSAGE. */
typedef struct sipw_ev_message {
    /** From as URI. */
    const char *from;
    /** Content-Type, "text/plain". */
    const char *content_type;
    /** Body; a NUL follows it that is not counted. */
    const char *body;
    /** Length of the body. */
    size_t body_bytes;
} sipw_ev_message;

/** SIPW_EV_REQUEST. sipw_event::call is the call inside whose dialog it came, or 0; the whole request is behind the event. */
typedef struct sipw_ev_request {
    /** For sipw_request_answer(). */
    sipw_request request;
    /** Method. */
    const char *method;
    /** Request-URI. */
    const char *uri;
    /** From as URI. */
    const char *from;
    /** To as URI. */
    const char *to;
    /** Content-Type; "" when there is no body. */
    const char *content_type;
    /** Body; a NUL follows it that is not counted. */
    const char *body;
    /** Length of the body. */
    size_t body_bytes;
} sipw_ev_request;

/** SIPW_EV_MEDIA_FAILED, FLOW_FAILED, TROUBLE. */
typedef struct sipw_ev_trouble {
    /** Cause and remedy; never NULL. */
    const char *reason;
} sipw_ev_trouble;

/** The part of an event that depends on its type; only the member named there may be read. */
typedef union sipw_event_data {
    /** REGISTER_FAILED, CALL_PROGRESS, CALL_ENDED, REQUEST_DONE, REQUEST_PROGRESS. */
    struct sipw_ev_outcome outcome;
    /** DTMF. */
    struct sipw_ev_dtmf dtmf;
    /** PLAY_DONE. */
    struct sipw_ev_play play;
    /** QUALITY. */
    struct sipw_quality quality;
    /** REGISTERED. */
    struct sipw_ev_registered registered;
    /** CALL_INCOMING. */
    struct sipw_ev_incoming incoming;
    /** CALL_ANSWERED. */
    struct sipw_ev_answered answered;
    /** CALL_HELD, CALL_RESUMED, HOLD_DONE. */
    struct sipw_ev_hold hold;
    /** MESSAGE. */
    struct sipw_ev_message message;
    /** REQUEST. */
    struct sipw_ev_request request;
    /** MEDIA_FAILED, FLOW_FAILED, TROUBLE. */
    struct sipw_ev_trouble trouble;
    /** Room for what comes. */
    uint64_t reserved[16];
} sipw_event_data;

/**
 * One event. Owned by the library and read-only; it and all it points to are valid until the callback returns, or until the same
 * thread's next sipw_next_event() or sipw_wait_event() on the same engine. Never take its sizeof: newer libraries have more fields.
 */
typedef struct sipw_event {
    /** Bytes the library filled: fields past it do not exist. */
    uint32_t size;
    /** One of ::sipw_event_type; ignore the ones you do not know. */
    uint32_t type;
    /** When, in microseconds since the engine started; monotonic. */
    uint64_t time_us;
    /** Account concerned, or 0. */
    sipw_account account;
    /** Call concerned, or 0. */
    sipw_call call;
    /** What you passed when the call, account or request was made, or with sipw_set_user(). An incoming call starts with its account's. */
    void *user;
    /** The rest, by type. */
    union sipw_event_data u;
    /** The SIP message behind the event, or NULL; see sipw_event_message(). */
    const char *message;
    /** Length of the message; 0 when there is none. */
    size_t message_bytes;
    /** The user that the request behind the event proved to come from; NULL where nobody was asked. See sipw_config::auth. */
    const char *auth_user;
} sipw_event;

/**
 * Takes events, one at a time, on the one callback thread of the engine (or inline, see ::sipw_delivery). It may call any function of
 * this library but sipw_engine_free(). It must not throw or longjmp. Inline, it must not block.
 *
 * @param ev    the event, valid until the callback returns
 * @param user  sipw_config::user
 */
typedef void (*sipw_event_cb)(const struct sipw_event *ev, void *user);

/** One log record, valid during the callback. */
typedef struct sipw_log_record {
    /** Bytes the library filled. */
    uint32_t size;
    /** One of ::sipw_log_level. */
    uint32_t level;
    /** When, in microseconds since the engine started. */
    uint64_t time_us;
    /** The part of the library that speaks. */
    const char *target;
    /** The text. Names, numbers and addresses are hidden. */
    const char *text;
} sipw_log_record;

/**
 * Takes log records, on any thread of the library. It must not block, throw or longjmp, nor call this library.
 *
 * @param record  valid until the callback returns
 * @param user    sipw_config::user
 */
typedef void (*sipw_log_cb)(const struct sipw_log_record *record, void *user);

/** One SIP message on the wire (of a stream, the bytes as they came), valid during the callback. */
typedef struct sipw_trace {
    /** Bytes the library filled. */
    uint32_t size;
    /** We sent it; else we received it. */
    bool sent;
    /** When, in microseconds since the engine started. */
    uint64_t time_us;
    /** "udp", "tcp" .. */
    const char *protocol;
    /** Our address, "192.0.2.1:5060" or "[2001:db8::1]:5060". */
    const char *local;
    /** The peer's address. */
    const char *remote;
    /** The bytes; not NUL-terminated. */
    const char *data;
    /** How many. */
    size_t data_bytes;
} sipw_trace;

/**
 * Takes every SIP message that is sent or received, on signalling threads. It must not block, throw or longjmp, nor call this library.
 *
 * @param trace  valid until the callback returns
 * @param user   sipw_config::user
 */
typedef void (*sipw_trace_cb)(const struct sipw_trace *trace, void *user);

/**
 * What of the SIP layer the application takes into its own hands. Set up with sipw_sip_config_init(), pointed to by sipw_config::sip; 0
 * and NULL are the defaults everywhere.
 */
typedef struct sipw_sip_config {
    /** Set by sipw_sip_config_init(). */
    uint32_t size;
    /**
     * Methods whose requests come as SIPW_EV_REQUEST and are answered with sipw_request_answer(): "INFO,SUBSCRIBE,NOTIFY,REFER". NULL:
     * none; they get 405 or 501. Never INVITE, ACK, BYE, CANCEL.
     */
    const char *methods;
    /** Not 0: answer requests over UDP to the port that they came from, also where Via does not ask for it with rport (RFC 3581). */
    uint32_t force_rport;
} sipw_sip_config;

/** A new request, valid during the filter. */
typedef struct sipw_incoming {
    /** Bytes the library filled. */
    uint32_t size;
    /** Not 0: it belongs to a dialog that is there. */
    uint32_t in_dialog;
    /** "INVITE". */
    const char *method;
    /** Request-URI as it came. */
    const char *uri;
    /** URI of From. */
    const char *from;
    /** URI of To. */
    const char *to;
    /** "udp", "tcp" .. */
    const char *protocol;
    /** Our address, "192.0.2.1:5060". */
    const char *local;
    /** The address of the source, "192.0.2.2:5060". */
    const char *source;
    /** The whole message; not NUL-terminated. */
    const char *message;
    /** How many bytes. */
    size_t message_bytes;
    /** For sipw_incoming_header(). */
    const void *handle;
} sipw_incoming;

/**
 * Asked about each new request but ACK and CANCEL, on the signalling thread that has it: it must be quick and must not block, throw or
 * longjmp, nor call this library but for sipw_incoming_header(). With several signalling threads it runs on each of them.
 *
 * @param request  valid until the callback returns
 * @param reason   where a reason phrase for a refusal may go; the text is copied when the callback returns
 * @param user     sipw_defence_config::filter_user
 * @return SIPW_FILTER_ACCEPT, SIPW_FILTER_DROP, or a status of 300 to 699 to refuse with
 */
typedef int32_t (*sipw_filter_cb)(const struct sipw_incoming *request, const char **reason, void *user);

/**
 * How an engine defends itself. Set up with sipw_defence_config_init(), pointed to by sipw_config::defence; 0 and NULL are the defaults
 * everywhere. A source is an IPv4 address, or the /64 of an IPv6 one.
 */
typedef struct sipw_defence_config {
    /** Set by sipw_defence_config_init(). */
    uint32_t size;
    /** New requests outside of dialogs that one source may send in a minute; more are dropped, twice the burst brings a ban. 0: no limit. */
    uint32_t requests_per_minute;
    /** How many of them at once. 0: as many as in a minute. */
    uint32_t requests_burst;
    /** Wrong credentials of one source in a minute; more bring a ban. 0: 20; SIPW_NEVER: no limit. */
    uint32_t auth_failures_per_minute;
    /** Malformed messages of one source in a minute; more go unanswered, twice as many bring a ban. 0: 60; SIPW_NEVER: no limit. */
    uint32_t malformed_per_minute;
    /** The first ban of a source; each further one is twice as long. 0: 60,000; SIPW_NEVER: bans nobody. */
    uint32_t ban_ms;
    /** The longest ban. 0: 3,600,000. */
    uint32_t ban_max_ms;
    /** Not 0: drop requests of scanners (friendly-scanner, sipvicious, sipcli ..) without a word. */
    uint32_t drop_scanners;
    /** Who is never limited: "192.0.2.7,10.0.0.0/8,2001:db8::/32". NULL: nobody. */
    const char *allow;
    /** How long messages may wait before new work is refused with 503. 0: 100; SIPW_NEVER: nothing is refused because of load. */
    uint32_t overload_delay_ms;
    /** Not 0: offer overload control to next hops and heed it. RFC 7339. */
    uint32_t overload_control;
    /** Asked about each new request; NULL: nobody is. */
    sipw_filter_cb filter;
    /** Given to the filter. */
    void *filter_user;
} sipw_defence_config;

/** A certificate with its key; each is a path, or PEM text itself. */
typedef struct sipw_tls_certificate {
    /** The certificate, then intermediate ones. */
    const char *chain;
    /** Its private key, not encrypted. */
    const char *key;
} sipw_tls_certificate;

/** How servers are verified, and what we show them. */
typedef struct sipw_tls_profile {
    /** Name for sipw_account_options::tls_profile; NULL or "": the default of accounts that name none. */
    const char *name;
    /** Authorities to trust, a path or PEM text. NULL: what the system trusts. */
    const char *roots;
    /** SHA-256 of the server's public key, in hexadecimal or base64, several with commas: one must match. NULL: none needed. */
    const char *pins;
    /** What we show where the server asks; its chain NULL: nothing. */
    struct sipw_tls_certificate certificate;
    /** 12 or 0: TLS 1.2 and 1.3; 13: only 1.3. */
    uint32_t min_version;
    /** Not 0: take ANY certificate, so that whoever sits in between reads all. Pins are still checked. */
    uint32_t no_verify;
} sipw_tls_profile;

/**
 * TLS of an engine. Set up with sipw_tls_config_init(), pointed to by sipw_config::tls; 0 and NULL are the defaults everywhere: a client
 * that trusts what the system trusts.
 */
typedef struct sipw_tls_config {
    /** Set by sipw_tls_config_init(). */
    uint32_t size;
    /** Whether clients must show a certificate: 0 no, 1 if they have one, 2 yes. */
    uint32_t client_auth;
    /** Oldest version of clients: 12 or 0, or 13. */
    uint32_t min_version;
    /** How many certificates. */
    uint32_t certificate_count;
    /** What we show as a server; the first is the default, the others are chosen by the name that the client asks for (SNI). */
    const struct sipw_tls_certificate *certificates;
    /** Authorities that clients' certificates are checked against, a path or PEM text. */
    const char *client_ca;
    /** How many profiles. */
    size_t profile_count;
    /** How servers are verified. */
    const struct sipw_tls_profile *profiles;
    /** Path of a file that session keys are written to, for debugging (the format of SSLKEYLOGFILE). NULL: none. */
    const char *key_log;
} sipw_tls_config;

/** How names are looked up. Set up with sipw_dns_config_init(), pointed to by sipw_config::dns; 0 and NULL are the defaults everywhere. */
typedef struct sipw_dns_config {
    /** Set by sipw_dns_config_init(). */
    uint32_t size;
    /** An attempt with one name server takes no longer. 0: 2,000. */
    uint32_t timeout_ms;
    /** Attempts per question. 0: 3. */
    uint32_t attempts;
    /** Answers are remembered no longer than this, whatever their TTL. 0: a day; SIPW_NEVER: not at all. */
    uint32_t cache_max_ms;
    /** Over UDP a target that answers nothing is given up after this while there are others. 0: 4,000; SIPW_NEVER: each gets 64*T1. */
    uint32_t try_timeout_ms;
    /** A target that failed stands behind the others for this long. 0: 30,000; SIPW_NEVER: it does not. */
    uint32_t penalty_ms;
    /** The longest Retry-After of a 503 that is kept. 0: 300,000. */
    uint32_t penalty_max_ms;
    /** A connection that is not open after this is joined by one to the next address. 0: 250; SIPW_NEVER: one at a time. */
    uint32_t attempt_delay_ms;
    /** Name servers, "192.0.2.53,[2001:db8::53]:5353". NULL: those of the system. Built without DNS: SIPW_E_UNSUPPORTED. */
    const char *servers;
    /** A file of names and addresses. NULL: that of the system; "": none. */
    const char *hosts_file;
} sipw_dns_config;

/**
 * Digest authentication of requests from the network. Set up with sipw_auth_config_init(), pointed to by sipw_config::auth. Requests
 * outside of dialogs are answered 401 without keeping anything of them (RFC 3261 s8.2.7) until they prove who they come from; the user
 * then stands on their events (sipw_event::auth_user). Users come by sipw_auth_user_set().
 */
typedef struct sipw_auth_config {
    /** Set by sipw_auth_config_init(). */
    uint32_t size;
    /** Not 0: ask as a proxy does, with 407. */
    uint32_t proxy;
    /** Not 0: the user of From must be the one that proved itself, else 403. */
    uint32_t match_from;
    /** How long a nonce is good for, 1 to 86,400. 0: 300. */
    uint32_t nonce_lifetime_s;
    /** Realm, "example.com". Needed. */
    const char *realm;
    /** Algorithms, best first, with commas: "SHA-512-256,SHA-256,MD5". NULL: "SHA-256,MD5". */
    const char *algorithms;
    /** "auth", "auth-int" or "auth,auth-int". NULL: "auth". */
    const char *qop;
    /** Methods that are asked, with commas. NULL: all but ACK and CANCEL, which never are. */
    const char *methods;
    /** Sources that need no credentials: "192.0.2.7,10.0.0.0/8". NULL: none. */
    const char *trusted;
} sipw_auth_config;

/** What an engine is made from. Set up with sipw_config_init(); 0 and NULL are the defaults everywhere. */
typedef struct sipw_config {
    /** Set by sipw_config_init(): the library touches nothing beyond it. */
    uint32_t size;
    /** User-Agent and Server header; NULL: sipwright and its version; "": none. */
    const char *user_agent;
    /** "udp://0.0.0.0:5060,tcp://[::]:5060"; port 0 takes a free one. NULL: ephemeral UDP and TCP. */
    const char *listen;
    /** NULL: queue mode, use sipw_event_fd() and sipw_next_event(). */
    sipw_event_cb on_event;
    /** Given to every callback of this struct. */
    void *user;
    /** 0: one, which reads, runs and sends; more for capacity. */
    uint32_t signalling_threads;
    /** 0: one per core. */
    uint32_t media_threads;
    /** Calls at once; above it 503. The last 5 % of 100 or more are kept for sources that calls have come up with before. 0: 100,000 per signalling thread. */
    uint32_t max_calls;
    /** One of ::sipw_delivery. */
    uint32_t delivery;
    /** The IP address that the world sees of us, in Contact, Via and SDP. NULL: the one on the route to each peer. */
    const char *public_address;
    /** Codecs in order of preference, "PCMU,PCMA,G722". NULL: all. */
    const char *codecs;
    /** How long a call may ring, both ways. 0: 180,000. */
    uint32_t ring_timeout_ms;
    /** Silence after which SIPW_EV_RTP_TIMEOUT comes. 0: 30,000; SIPW_NEVER: none. */
    uint32_t rtp_timeout_ms;
    /** Not 0: such a silence ends the call. */
    uint32_t rtp_timeout_hangup;
    /** How often SIPW_EV_QUALITY comes. 0: every 5,000; SIPW_NEVER: figures come only with the end of a call. */
    uint32_t quality_interval_ms;
    /** Lowest port for RTP. 0: 16384. */
    uint16_t rtp_port_min;
    /** Highest port for RTP and RTCP. 0: 32767. */
    uint16_t rtp_port_max;
    /** Events that may wait before new calls get 503 and commands SIPW_E_FULL. 0: 65,536. */
    uint32_t event_backlog_max;
    /** Not 0: events do not keep the SIP message behind them, which saves a copy. */
    uint32_t no_messages;
    /** Requests larger than this go over TCP instead of UDP. RFC 3261 s18.1.1. 0: 1300; SIPW_NEVER: no limit. */
    uint32_t udp_size_limit_bytes;
    /** Timer T1 of RFC 3261 s17. 0: 500. */
    uint32_t t1_ms;
    /** Timer T2. 0: 4,000. */
    uint32_t t2_ms;
    /** Timer T4. 0: 5,000. */
    uint32_t t4_ms;
    /** Takes log records; NULL: none are made. Nothing is ever printed by the library. */
    sipw_log_cb on_log;
    /** Takes every SIP message on the wire; NULL: none. */
    sipw_trace_cb on_trace;
    /** The least important ::sipw_log_level that on_log gets. */
    uint32_t log_level;
    /** What of the SIP layer you take into your own hands. NULL: nothing. */
    const struct sipw_sip_config *sip;
    /** Rates and bans per source, refusals under load, the filter of incoming requests. NULL: the defaults. */
    const struct sipw_defence_config *defence;
    /** TLS; NULL: a client that trusts what the system trusts. */
    const struct sipw_tls_config *tls;
    /** Name servers, hosts file, failover. NULL: the defaults. */
    const struct sipw_dns_config *dns;
    /** Whom requests of the network must prove to come from. NULL: nobody is asked. */
    const struct sipw_auth_config *auth;
} sipw_config;

/** What an engine counts about itself, since it started. */
typedef struct sipw_counters {
    /** Accounts, calls and requests alive now; 0 again when all have ended. */
    uint64_t objects;
    /** Events that wait for delivery now. */
    uint64_t events_waiting;
    /** Datagrams received on signalling sockets. */
    uint64_t datagrams_received;
    /** Datagrams sent from signalling sockets. */
    uint64_t datagrams_sent;
    /** Streams (TCP) opened or accepted. */
    uint64_t streams_opened;
    /** Streams closed because the peer did not read, was idle, or sent nothing. */
    uint64_t streams_shed;
    /** RTP and RTCP packets received. */
    uint64_t media_received;
    /** RTP and RTCP packets sent. */
    uint64_t media_sent;
    /** Beats of media threads that came more than one beat late: the machine is too slow for its calls. */
    uint64_t late_beats;
    /** Keys that the application took too slowly and that were dropped. */
    uint64_t events_dropped;
    /** Inline callbacks that ran longer than 10 ms. */
    uint64_t slow_callbacks;
    /** Defects of the library that were caught. Please report them. */
    uint64_t panics;
} sipw_counters;

/** Options of an account. Set up with sipw_account_options_init(); 0 and NULL are the defaults everywhere. */
typedef struct sipw_account_options {
    /** Set by sipw_account_options_init(). */
    uint32_t size;
    /** One of ::sipw_registration. */
    uint32_t registration;
    /** Digest user name. NULL: the user part of the account's URI. */
    const char *auth_user;
    /** Realm that the password is for. NULL: the first that the account's registrar or proxy asks for. */
    const char *realm;
    /** URI of the registrar. NULL: the domain of the account. */
    const char *registrar;
    /** URI of the proxy that every request goes through. NULL: none. */
    const char *proxy;
    /** Codecs in order of preference, "PCMU,PCMA,G722". NULL: the engine's. */
    const char *codecs;
    /** Seconds of registration to ask for, 60 to 86,400. 0: 3,600. */
    uint32_t expires_s;
    /** TLS profile of its connections, one of sipw_tls_config::profiles. NULL: the engine's default. */
    const char *tls_profile;
    /** Path that its WebSocket connections ask for, "/ws". NULL: "/". */
    const char *ws_path;
    /** One of ::sipw_keep_alive. */
    uint32_t keep_alive;
    /** Longest time between two keep-alives, seconds. 0: what the peer recommends, else 29 on UDP and 120 on streams. */
    uint32_t keep_alive_s;
    /**
     * Pre-loaded routes of every request behind the proxy, topmost first: "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>" (RFC 3261
     * s8.1.2). NULL: none.
     */
    const char *routes;
} sipw_account_options;

/** One header of yours. */
typedef struct sipw_header {
    /** Name, "X-Account". */
    const char *name;
    /** Value; no CR, LF or other control character. */
    const char *value;
} sipw_header;

/** Options of a dial or an answer. Set up with sipw_call_options_init(); 0 and NULL are the defaults everywhere. */
typedef struct sipw_call_options {
    /** Set by sipw_call_options_init(). */
    uint32_t size;
    /** Not 0: negotiate, but open no socket and send no RTP (load drivers, signalling-only servers). */
    uint32_t no_media;
    /** More headers of the INVITE or the 200. */
    const struct sipw_header *headers;
    /** How many. */
    size_t headers_count;
    /** Codecs in order of preference, "PCMU,PCMA,G722". NULL: the account's. */
    const char *codecs;
    /** Dial: From instead of the account's URI. NULL: the account's. */
    const char *from;
    /** Your own SDP instead of ours: then media is yours. NULL: ours. */
    const char *sdp;
    /** Its length. */
    size_t sdp_bytes;
    /** Dial: how long it may ring. 0: the engine's. */
    uint32_t ring_timeout_ms;
    /**
     * Dial: pre-loaded route set, topmost first, "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>" (RFC 3261 s8.1.2). NULL: the
     * account's.
     */
    const char *routes;
} sipw_call_options;

/** Options of a recording. Set up with sipw_record_options_init(); 0 is the default everywhere. */
typedef struct sipw_record_options {
    /** Set by sipw_record_options_init(). */
    uint32_t size;
    /** 2: left what we send, right what we hear; 1: both mixed. 0: 2. */
    uint32_t channels;
} sipw_record_options;

/** A PCM port of a call: an id as ::sipw_call. 0 is none. */
typedef uint64_t sipw_pcm;

/** Counts since the engine started, how full its tables are, and their bounds. Filled by sipw_engine_stats(). */
typedef struct sipw_stats {
    /** Bytes the library filled. */
    uint32_t size;
    /** Nothing yet; 0. */
    uint32_t reserved;
    /** Accounts, calls and requests whose ids are alive. */
    uint64_t objects;
    /** Events that wait for delivery. */
    uint64_t events_waiting;
    /** Accounts. */
    uint64_t accounts;
    /** Calls that are not forgotten. */
    uint64_t calls;
    /** The most calls at once. */
    uint64_t calls_max;
    /** Dialogs. */
    uint64_t dialogs;
    /** Transactions, of both sides. */
    uint64_t transactions;
    /** The most transactions of each side at once. */
    uint64_t transactions_max;
    /** Outgoing requests without final response. */
    uint64_t requests;
    /** Streams (TCP) known. */
    uint64_t streams;
    /** The most streams at once. */
    uint64_t streams_max;
    /** Deadlines of calls, accounts and requests. */
    uint64_t timers;
    /** Messages dropped because they could not be read or belonged to nothing. */
    uint64_t messages_dropped;
    /** Datagrams received on signalling sockets. */
    uint64_t datagrams_received;
    /** System calls that received them. */
    uint64_t receive_batches;
    /** Datagrams sent from signalling sockets. */
    uint64_t datagrams_sent;
    /** System calls that sent them. */
    uint64_t send_batches;
    /** Messages that another signalling thread had to handle. */
    uint64_t rerouted;
    /** Messages dropped because another signalling thread was too far behind. */
    uint64_t reroute_dropped;
    /** Streams opened or accepted. */
    uint64_t streams_opened;
    /** Streams closed because the peer did not read, was idle, or sent nothing. */
    uint64_t streams_shed;
    /** RTP and RTCP packets received. */
    uint64_t media_received;
    /** RTP and RTCP packets sent. */
    uint64_t media_sent;
    /** Beats of media threads that came more than one beat late. */
    uint64_t late_beats;
    /** Defects of the library that were caught. Please report them. */
    uint64_t panics;
    /** Panics of Rust callbacks that were caught. */
    uint64_t callback_panics;
    /** Inline callbacks that ran longer than 10 ms. */
    uint64_t slow_callbacks;
    /** Keys that the application took too slowly and that were dropped. */
    uint64_t events_dropped;
    /** SIP messages received over UDP. */
    uint64_t udp_messages_received;
    /** SIP messages sent over UDP. */
    uint64_t udp_messages_sent;
    /** Bytes of SIP messages received over UDP. */
    uint64_t udp_bytes_received;
    /** Bytes of SIP messages sent over UDP. */
    uint64_t udp_bytes_sent;
    /** SIP messages received over TCP. */
    uint64_t tcp_messages_received;
    /** SIP messages sent over TCP. */
    uint64_t tcp_messages_sent;
    /** Bytes of SIP messages received over TCP. */
    uint64_t tcp_bytes_received;
    /** Bytes of SIP messages sent over TCP. */
    uint64_t tcp_bytes_sent;
    /** TCP connections open now. */
    uint64_t tcp_streams;
    /** SIP messages received over TLS. */
    uint64_t tls_messages_received;
    /** SIP messages sent over TLS. */
    uint64_t tls_messages_sent;
    /** Bytes of SIP messages received over TLS. */
    uint64_t tls_bytes_received;
    /** Bytes of SIP messages sent over TLS. */
    uint64_t tls_bytes_sent;
    /** TLS connections open now. */
    uint64_t tls_streams;
    /** SIP messages received over WebSocket. */
    uint64_t ws_messages_received;
    /** SIP messages sent over WebSocket. */
    uint64_t ws_messages_sent;
    /** Bytes of SIP messages received over WebSocket. */
    uint64_t ws_bytes_received;
    /** Bytes of SIP messages sent over WebSocket. */
    uint64_t ws_bytes_sent;
    /** WebSocket connections open now. */
    uint64_t ws_streams;
    /** SIP messages received over secure WebSocket. */
    uint64_t wss_messages_received;
    /** SIP messages sent over secure WebSocket. */
    uint64_t wss_messages_sent;
    /** Bytes of SIP messages received over secure WebSocket. */
    uint64_t wss_bytes_received;
    /** Bytes of SIP messages sent over secure WebSocket. */
    uint64_t wss_bytes_sent;
    /** secure WebSocket connections open now. */
    uint64_t wss_streams;
    /** SIP messages that were sent again: timers A, E and G of RFC 3261 s17, and repeats of a 2xx and its ACK. */
    uint64_t retransmissions_sent;
    /** SIP messages that came again. */
    uint64_t retransmissions_received;
    /** Transactions that ended without what they waited for. */
    uint64_t timeouts;
    /** Messages that could not be read. */
    uint64_t messages_unreadable;
    /** Commands of the application that wait for a signalling thread. */
    uint64_t commands_waiting;
    /** Datagrams that wait for a full socket. */
    uint64_t datagrams_waiting;
    /** Bytes that wait for streams whose peers do not read. */
    uint64_t stream_bytes_waiting;
    /** Messages of banned sources, dropped before they were read. */
    uint64_t banned;
    /** New requests above their source's rate, dropped. */
    uint64_t over_rate;
    /** Messages that break the rules above their source's rate, dropped without an answer. */
    uint64_t malformed;
    /** Failed authentications above their source's rate, dropped without an answer. */
    uint64_t auth_failures;
    /** Requests of scanners that were dropped. */
    uint64_t scanners;
    /** Requests that the filter dropped. */
    uint64_t filter_dropped;
    /** Requests that the filter refused. */
    uint64_t filter_rejected;
    /** Failures of the filter; the request got 500. */
    uint64_t filter_failures;
    /** New requests refused with 503 because of load. */
    uint64_t refused_load;
    /** New requests refused with 503 because the engine is closing or the application is behind with its events. */
    uint64_t refused_closing;
    /** New requests refused with 503 because a table was full. */
    uint64_t refused_full;
    /** Requests of ours not sent because the next hop asked for less (RFC 7339). */
    uint64_t throttled;
    /** Bans. */
    uint64_t bans;
    /** Sources remembered. */
    uint64_t sources;
    /** The most sources remembered at once. */
    uint64_t sources_max;
    /** Sources among them that calls or registrations came up with. */
    uint64_t friends;
    /** Sources forgotten because newer ones took their place. */
    uint64_t sources_evicted;
    /** Per cent of strangers' new requests refused because of load now. */
    uint64_t loss_percent;
} sipw_stats;

/**
 * What a request or an answer of yours carries. Set up with sipw_request_options_init(); 0 and NULL are the defaults everywhere. Via,
 * From, To, Call-ID, CSeq, Max-Forwards and Content-Length are the library's.
 */
typedef struct sipw_request_options {
    /** Set by sipw_request_options_init(). */
    uint32_t size;
    /** Headers; a Contact among them stands instead of the library's. */
    const struct sipw_header *headers;
    /** How many. */
    size_t headers_count;
    /** Content-Type of the body; NULL without one. */
    const char *content_type;
    /** Body: bytes, need not end with NUL. */
    const char *body;
    /** Its length, at most 32,767. */
    size_t body_bytes;
    /**
     * Requests outside of calls: pre-loaded route set, topmost first, "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>" (RFC 3261
     * s8.1.2). NULL: the account's.
     */
    const char *routes;
} sipw_request_options;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Names a status in a few words: "the object has ended".
 *
 * @param status  what a function returned
 * @return static text, never NULL; "unknown status" for a number that is none. From any thread, never blocks.
 */
const char *sipw_strerror(sipw_status status);

/**
 * The cause of this thread's last failure, and what to do about it.
 *
 * @return text that stays valid until this thread's next failing call; "" when nothing has failed; never NULL
 */
const char *sipw_last_error(void);

/**
 * Sets a struct to its defaults; use the macro sipw_config_init(). Does nothing with NULL.
 *
 * @param cfg   the struct
 * @param size  its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_config_init_sized(struct sipw_config *cfg, size_t size);

/**
 * A descriptor that is readable while events wait (level-triggered): add it to poll, epoll, GLib, libuv or asio, and call
 * sipw_next_event() until it gives NULL. It is owned by the engine: do not read or close it.
 *
 * @return the descriptor; -1 on failure, and when the engine delivers by callback. From any thread, never blocks.
 */
int sipw_event_fd(struct sipw_engine *eng);

/**
 * Takes the next event, if one waits.
 *
 * @return the event, valid until this thread's next call of sipw_next_event() or sipw_wait_event() on this engine; NULL when none waits
 *         and on failure (sipw_last_error() tells them apart). From any thread, several may pull; never blocks.
 */
const struct sipw_event *sipw_next_event(struct sipw_engine *eng);

/**
 * Waits for the next event.
 *
 * @param timeout_ms  how long at most; 0 does not wait
 * @return as sipw_next_event(); NULL when the time ran out. Blocks up to timeout_ms.
 */
const struct sipw_event *sipw_wait_event(struct sipw_engine *eng, uint32_t timeout_ms);

/**
 * The SIP message behind an event, as it was on the wire.
 *
 * @param ev       an event that is still valid
 * @param message  where its first byte goes; the text is not NUL-terminated and valid as long as the event
 * @param bytes    where its length goes
 * @return SIPW_E_STATE when no message is behind it (or sipw_config::no_messages is set), SIPW_E_INVAL for NULL. From any thread.
 */
sipw_status sipw_event_message(const struct sipw_event *ev,
                               const char **message,
                               size_t *bytes);

/**
 * Version of the library that is loaded; compare it with SIPW_VERSION_NUM of the header.
 *
 * @return major << 16 | minor << 8 | patch. From any thread, never blocks.
 */
uint32_t sipw_version(void);

/**
 * Makes an engine: binds its sockets and starts its threads. `*out` is written before the first callback.
 *
 * @param cfg  set up with sipw_config_init(); NULL: all defaults. Nothing in it is needed after the call.
 * @param out  where the engine goes; free it with sipw_engine_free()
 * @return SIPW_E_INVAL for a bad value, SIPW_E_IO for a port in use, SIPW_E_UNSUPPORTED for a transport that is not built in,
 *         SIPW_E_FULL for too many engines. From any thread; blocks only for the system's own calls.
 */
sipw_status sipw_engine_new(const struct sipw_config *cfg,
                            struct sipw_engine **out);

/**
 * Ends an engine: hangs up, unregisters, delivers what is left to the callback, joins every thread. Ids and events of it are gone then.
 *
 * @param eng       the engine; a second free of the same one gives SIPW_E_GONE
 * @param grace_ms  how long calls and registrations may take to end by themselves; what is left is cut off then
 * @return SIPW_E_STATE inside a callback of this engine: then nothing happened. From any other thread; blocks up to about grace_ms.
 */
sipw_status sipw_engine_free(struct sipw_engine *eng,
                             uint32_t grace_ms);

/**
 * Where the engine listens, with the real ports, in the form of sipw_config::listen.
 *
 * @param out  where the text goes; it is valid until the engine is freed
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_listen_addresses(struct sipw_engine *eng, const char **out);

/**
 * Reads the counters of an engine; use the macro sipw_engine_counters().
 *
 * @param out   where they go
 * @param size  sizeof *out as the caller was compiled: nothing beyond it is written
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_engine_counters_sized(struct sipw_engine *eng, struct sipw_counters *out, size_t size);

/**
 * Changes what events of an object carry as sipw_event::user.
 *
 * @param id    a call, an account or a request
 * @param user  any pointer; never followed
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks; events already on their way may still carry the old one.
 */
sipw_status sipw_set_user(struct sipw_engine *eng,
                          uint64_t id,
                          void *user);

/**
 * Sets a struct to its defaults; use the macro sipw_account_options_init(). Does nothing with NULL.
 *
 * @param options  the struct
 * @param size     its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_account_options_init_sized(struct sipw_account_options *options, size_t size);

/**
 * Adds an account. It registers when there is a password; SIPW_EV_REGISTERED or SIPW_EV_REGISTER_FAILED tells. Dialling does not wait.
 *
 * @param uri       who we are, "sip:alice@example.com" or "Alice <sip:alice@example.com>"
 * @param password  for digest authentication; NULL or "": none
 * @param user      comes back in the account's events and as the first sipw_event::user of its incoming calls
 * @param out       where the id goes, written before the account's first event; may be NULL
 * @return SIPW_E_INVAL for a bad URI, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
 */
sipw_status sipw_account_add(struct sipw_engine *eng,
                             const char *uri,
                             const char *password,
                             void *user,
                             sipw_account *out);

/**
 * Adds an account with options; else as sipw_account_add().
 *
 * @param uri       who we are
 * @param password  for digest authentication; NULL or "": none
 * @param options   set up with sipw_account_options_init(); NULL: all defaults
 * @param user      comes back in events
 * @param out       where the id goes, written before the account's first event; may be NULL
 * @return SIPW_E_INVAL for a bad value, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
 */
sipw_status sipw_account_add_options(struct sipw_engine *eng,
                                     const char *uri,
                                     const char *password,
                                     const struct sipw_account_options *options,
                                     void *user,
                                     sipw_account *out);

/**
 * Unregisters and forgets an account; ends with SIPW_EV_ACCOUNT_REMOVED. Its calls go on.
 *
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_account_remove(struct sipw_engine *eng, sipw_account acc);

/**
 * Sends a text (or anything else) outside of calls. RFC 3428. Ends with SIPW_EV_REQUEST_DONE.
 *
 * @param acc           who sends
 * @param uri           to whom: a SIP URI, or a user of the account's domain
 * @param content_type  NULL: "text/plain"
 * @param body          the text; need not end with NUL
 * @param body_bytes    its length, at most 32,767
 * @param user          comes back in the event
 * @param out           where the id goes, written before the event; may be NULL
 * @return SIPW_E_INVAL for a bad URI, SIPW_E_GONE for the account, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
 */
sipw_status sipw_send_message(struct sipw_engine *eng,
                              sipw_account acc,
                              const char *uri,
                              const char *content_type,
                              const char *body,
                              size_t body_bytes,
                              void *user,
                              sipw_request *out);

/**
 * Asks a peer what it can do, or whether it is there. RFC 3261 s11. Ends with SIPW_EV_REQUEST_DONE.
 *
 * @param acc   who asks
 * @param uri   whom: a SIP URI, or a user of the account's domain
 * @param user  comes back in the event
 * @param out   where the id goes, written before the event; may be NULL
 * @return as sipw_send_message(). From any thread, never blocks.
 */
sipw_status sipw_send_options(struct sipw_engine *eng,
                              sipw_account acc,
                              const char *uri,
                              void *user,
                              sipw_request *out);

/**
 * Sends a request outside of calls, with headers and a body of yours; sipw_request_send() can do more. Ends with SIPW_EV_REQUEST_DONE.
 *
 * @param acc            who sends
 * @param method         "MESSAGE", "OPTIONS", "INFO", "PUBLISH" or a method of yours
 * @param uri            to whom: a SIP URI, or a user of the account's domain
 * @param headers        more headers; may be NULL
 * @param headers_count  how many
 * @param content_type   of the body; NULL or "" without one
 * @param body           bytes; may be NULL
 * @param body_bytes     how many, at most 32,767
 * @param user           comes back in the event
 * @param out            where the id goes, written before the event; may be NULL
 * @return SIPW_E_INVAL for a bad value or a method that belongs to calls, else as sipw_send_message(). From any thread, never blocks.
 */
sipw_status sipw_send_request(struct sipw_engine *eng,
                              sipw_account acc,
                              const char *method,
                              const char *uri,
                              const struct sipw_header *headers,
                              size_t headers_count,
                              const char *content_type,
                              const char *body,
                              size_t body_bytes,
                              void *user,
                              sipw_request *out);

/**
 * Sets a struct to its defaults; use the macro sipw_call_options_init(). Does nothing with NULL.
 *
 * @param options  the struct
 * @param size     its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_call_options_init_sized(struct sipw_call_options *options, size_t size);

/**
 * Calls somebody. SIPW_EV_CALL_PROGRESS and SIPW_EV_CALL_ANSWERED tell how it goes, SIPW_EV_CALL_ENDED always comes last. A URI with a
 * host goes to that host, not to the registrar, unless the account has a proxy. Waits for no registration.
 *
 * @param acc   who calls
 * @param uri   whom: a SIP URI, or a user of the account's domain
 * @param user  comes back in the call's events
 * @param out   where the id goes, written before the call's first event; may be NULL
 * @return SIPW_E_INVAL for a bad URI, SIPW_E_GONE for the account, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
 */
sipw_status sipw_dial(struct sipw_engine *eng,
                      sipw_account acc,
                      const char *uri,
                      void *user,
                      sipw_call *out);

/**
 * Calls somebody with options; else as sipw_dial().
 *
 * @param acc      who calls
 * @param uri      whom
 * @param options  set up with sipw_call_options_init(); NULL: all defaults
 * @param user     comes back in the call's events
 * @param out      where the id goes, written before the call's first event; may be NULL
 * @return SIPW_E_INVAL for a bad value, else as sipw_dial(). From any thread, never blocks.
 */
sipw_status sipw_dial_options(struct sipw_engine *eng,
                              sipw_account acc,
                              const char *uri,
                              const struct sipw_call_options *options,
                              void *user,
                              sipw_call *out);

/**
 * Tells the caller that it rings: a provisional response without media.
 *
 * @param status  101 to 199; 0: 180
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_ring(struct sipw_engine *eng, sipw_call call, uint16_t status);

/**
 * Early media: a provisional response with our SDP; what is played now is heard before the answer.
 *
 * @param status  101 to 199; 0: 183
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_progress(struct sipw_engine *eng, sipw_call call, uint16_t status);

/**
 * Answers an incoming call. SIPW_EV_CALL_ANSWERED tells when it is up.
 *
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_answer(struct sipw_engine *eng, sipw_call call);

/**
 * Answers with options; else as sipw_answer().
 *
 * @param options  set up with sipw_call_options_init(); NULL: all defaults
 * @return SIPW_E_INVAL for a bad value, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_answer_options(struct sipw_engine *eng, sipw_call call, const struct sipw_call_options *options);

/**
 * Ends a call in whatever state it is: refuses, cancels or hangs up. SIPW_EV_CALL_ENDED follows.
 *
 * @param status  of an incoming call that was not answered: 300 to 699, 486 for busy; 0: as fits
 * @return SIPW_E_INVAL, SIPW_E_GONE; never SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_hangup(struct sipw_engine *eng, sipw_call call, uint16_t status);

/**
 * Puts the peer on hold. SIPW_EV_HOLD_DONE tells. RFC 3264 s8.4.
 *
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_hold(struct sipw_engine *eng, sipw_call call);

/**
 * Takes the peer off hold. SIPW_EV_HOLD_DONE tells.
 *
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_resume(struct sipw_engine *eng, sipw_call call);

/**
 * Where a call is, as far as its events have been delivered.
 *
 * @param out  where one of ::sipw_call_phase goes
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_call_state(struct sipw_engine *eng, sipw_call call, uint32_t *out);

/**
 * The figures of a call's media as the last SIPW_EV_QUALITY told them, all 0 before; use the macro sipw_call_quality().
 *
 * @param out   where they go
 * @param size  sizeof *out as the caller was compiled: nothing beyond it is written
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_call_quality_sized(struct sipw_engine *eng, sipw_call call, struct sipw_quality *out, size_t size);

/**
 * Sets a struct to its defaults; use the macro sipw_record_options_init(). Does nothing with NULL.
 *
 * @param options  the struct
 * @param size     its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_record_options_init_sized(struct sipw_record_options *options, size_t size);

/**
 * Plays a WAV file (PCM, any rate and channels) into a call; several at once are mixed. Ends with SIPW_EV_PLAY_DONE.
 *
 * @param path   the file; opened before the call returns, read by threads of the library
 * @param token  where the play's number goes, for the event and sipw_stop_play(); written before the event; may be NULL
 * @return SIPW_E_IO for a file that can't be read, SIPW_E_INVAL or SIPW_E_UNSUPPORTED for one that is no WAV we know, SIPW_E_GONE,
 *         SIPW_E_FULL. From any thread; blocks only for opening the file.
 */
sipw_status sipw_play_file(struct sipw_engine *eng,
                           sipw_call call,
                           const char *path,
                           uint64_t *token);

/**
 * Plays a WAV file again and again until sipw_stop_play() or the end of the call; else as sipw_play_file().
 *
 * @param path   the file
 * @param token  where the play's number goes; may be NULL
 * @return as sipw_play_file(). From any thread; blocks only for opening the file.
 */
sipw_status sipw_play_loop(struct sipw_engine *eng, sipw_call call, const char *path, uint64_t *token);

/**
 * Stops a play, or all of a call; each ends with SIPW_EV_PLAY_DONE and interrupted set.
 *
 * @param token  from sipw_play_file(); 0: all
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_stop_play(struct sipw_engine *eng, sipw_call call, uint64_t token);

/**
 * Records a call into a WAV file: stereo, left what we send, right what we hear. It ends with sipw_stop_record() or the call; the file is
 * whole when SIPW_EV_CALL_ENDED is delivered. A disk that fills up is told by SIPW_EV_TROUBLE.
 *
 * @param path  the file; it is made anew
 * @return SIPW_E_IO for a file that can't be made, SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread; blocks only for making the
 *         file.
 */
sipw_status sipw_record_file(struct sipw_engine *eng,
                             sipw_call call,
                             const char *path);

/**
 * Records a call with options; else as sipw_record_file().
 *
 * @param path     the file; it is made anew
 * @param options  set up with sipw_record_options_init(); NULL: all defaults
 * @return as sipw_record_file(). From any thread; blocks only for making the file.
 */
sipw_status sipw_record_file_options(struct sipw_engine *eng,
                                     sipw_call call,
                                     const char *path,
                                     const struct sipw_record_options *options);

/**
 * Ends all recordings of a call.
 *
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_stop_record(struct sipw_engine *eng, sipw_call call);

/**
 * Sends keys, 100 ms each, as RFC 4733 events. Ends with SIPW_EV_DTMF_SENT.
 *
 * @param digits  0-9 * # A-D, and a comma for a pause of 500 ms; up to 256
 * @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_send_dtmf(struct sipw_engine *eng, sipw_call call, const char *digits);

/**
 * Sends keys of a given length; else as sipw_send_dtmf().
 *
 * @param digits       the keys
 * @param duration_ms  length of each, 40 to 5,000; 0: 100
 * @return as sipw_send_dtmf(). From any thread, never blocks.
 */
sipw_status sipw_send_dtmf_timed(struct sipw_engine *eng, sipw_call call, const char *digits, uint16_t duration_ms);

/**
 * Opens a two-way port for a call's audio as 16-bit mono PCM: read what we hear, write what we send. It lives until sipw_pcm_close() or
 * the end of the engine; close it after the call too.
 *
 * @param rate_hz  8000, 16000, 24000, 32000, 44100 or 48000; converted to and from the call's own rate
 * @param out      where the id goes
 * @return SIPW_E_INVAL for a bad rate, SIPW_E_GONE, SIPW_E_FULL, SIPW_E_NOMEM. From any thread, never blocks.
 */
sipw_status sipw_pcm_open(struct sipw_engine *eng,
                          sipw_call call,
                          uint32_t rate_hz,
                          sipw_pcm *out);

/**
 * Takes what we heard. It waits for nothing: use sipw_pcm_fd() to know when.
 *
 * @param samples  where they go
 * @param count    room, in samples
 * @param got      where the number of samples taken goes; 0 when none wait
 * @return SIPW_E_GONE when the call has ended and all is read, SIPW_E_INVAL. From any thread, never blocks.
 */
sipw_status sipw_pcm_read(struct sipw_engine *eng, sipw_pcm pcm, int16_t *samples, size_t count, size_t *got);

/**
 * Gives samples to send. What does not fit is not taken: give it again later.
 *
 * @param samples  mono, at the port's rate
 * @param count    how many
 * @param taken    where the number of samples taken goes
 * @return SIPW_E_GONE when the call has ended, SIPW_E_INVAL. From any thread, never blocks.
 */
sipw_status sipw_pcm_write(struct sipw_engine *eng, sipw_pcm pcm, const int16_t *samples, size_t count, size_t *taken);

/**
 * Drops what was written and not sent yet (the other side began to speak).
 *
 * @param played_ms  where the length of what was sent since the last interrupt goes; may be NULL
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_pcm_interrupt(struct sipw_engine *eng, sipw_pcm pcm, uint64_t *played_ms);

/**
 * A descriptor that is readable while at least 20 ms wait to be read, or the call has ended. Owned by the port: do not read or close it.
 *
 * @return the descriptor, -1 on failure. From any thread, never blocks.
 */
int sipw_pcm_fd(struct sipw_engine *eng,
                sipw_pcm pcm);

/**
 * Closes a port and frees what it held.
 *
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
 */
sipw_status sipw_pcm_close(struct sipw_engine *eng, sipw_pcm pcm);

/**
 * Reads counts, fill and bounds of an engine; use the macro sipw_engine_stats().
 *
 * @param out   where they go
 * @param size  sizeof *out as the caller was compiled: nothing beyond it is written
 * @return SIPW_E_INVAL, SIPW_E_GONE. From any thread; waits up to 100 ms for the signalling threads to tell how full their tables are.
 *         Inside a callback it does not wait: the tables are then those of up to 100 ms ago.
 */
sipw_status sipw_engine_stats_sized(struct sipw_engine *eng,
                                    struct sipw_stats *out,
                                    size_t size);

/**
 * Sets a struct to its defaults; use the macro sipw_request_options_init(). Does nothing with NULL.
 *
 * @param options  the struct
 * @param size     its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_request_options_init_sized(struct sipw_request_options *options, size_t size);

/**
 * Sends any request that has no function of its own, with headers and a body of yours, outside of dialogs or inside the one of a call.
 * SIPW_EV_REQUEST_PROGRESS tells provisional responses, SIPW_EV_REQUEST_DONE the final one; the whole response is behind each event
 * (sipw_event_message()). A challenge is answered with the account's password.
 *
 * @param from     an account (outside of dialogs), or a call: then the request has its dialog's route set, CSeq and target
 * @param method   "SUBSCRIBE", "REFER", "INFO", "PUBLISH", one of yours ..; INVITE, ACK, BYE, CANCEL belong to sipw_dial(), sipw_hangup()
 * @param uri      to whom: a SIP URI, or a user of the account's domain; NULL inside a call
 * @param options  set up with sipw_request_options_init(); NULL: no headers, no body
 * @param user     comes back in the request's events
 * @param out      where the id goes, written before the first event; may be NULL
 * @return SIPW_E_INVAL for a bad value or a method that is not sent this way, SIPW_E_GONE for the account or call, SIPW_E_FULL,
 *         SIPW_E_DRAINING. A call that has no dialog yet ends the request with status 481. From any thread, never blocks.
 */
sipw_status sipw_request_send(struct sipw_engine *eng,
                              uint64_t from,
                              const char *method,
                              const char *uri,
                              const struct sipw_request_options *options,
                              void *user,
                              sipw_request *out);

/**
 * Answers a request of SIPW_EV_REQUEST; SIPW_EV_REQUEST_DONE tells that it is over. The first answer counts. A request that is not
 * answered within 48 times T1 (24 s) is answered 500 by the library.
 *
 * @param request  from sipw_ev_request::request
 * @param status   200 to 699, but not 408 (RFC 4320 s4.2)
 * @param reason   reason phrase; NULL: the RFC's
 * @param options  headers and body, set up with sipw_request_options_init(); NULL: none
 * @return SIPW_E_INVAL for a bad value, SIPW_E_GONE when it is over, SIPW_E_FULL. From any thread, never blocks.
 */
sipw_status sipw_request_answer(struct sipw_engine *eng,
                                sipw_request request,
                                uint16_t status,
                                const char *reason,
                                const struct sipw_request_options *options);

/**
 * Sets a struct to its defaults; use the macro sipw_sip_config_init(). Does nothing with NULL.
 *
 * @param cfg   the struct
 * @param size  its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_sip_config_init_sized(struct sipw_sip_config *cfg, size_t size);

/**
 * Sets a struct to its defaults; use the macro sipw_defence_config_init(). Does nothing with NULL.
 *
 * @param cfg   the struct
 * @param size  its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_defence_config_init_sized(struct sipw_defence_config *cfg, size_t size);

/**
 * Reads a header of the request that a filter is asked about; only inside the filter. Names match in any case and in compact form, with
 * or without white space before the colon.
 *
 * @param request  what the filter was given
 * @param name     "P-Asserted-Identity"
 * @param index    0 for the first value of that name
 * @param out      where the value goes, NUL-terminated, cut to out_bytes; may be NULL with out_bytes 0
 * @param length   its whole length
 * @return SIPW_E_INVAL for no such value. Never blocks.
 */
sipw_status sipw_incoming_header(const struct sipw_incoming *request,
                                 const char *name,
                                 uint32_t index,
                                 char *out,
                                 size_t out_bytes,
                                 size_t *length);

/**
 * Sets a struct to its defaults; use the macro sipw_tls_config_init(). Does nothing with NULL.
 *
 * @param cfg   the struct
 * @param size  its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_tls_config_init_sized(struct sipw_tls_config *cfg, size_t size);

/**
 * Takes other TLS settings, or reads the files of the present ones again: renewed certificates serve new connections, open connections
 * and their calls go on. On an error all stays as it was.
 *
 * @param cfg  set up with sipw_tls_config_init(); NULL: the present settings, their files read again
 * @return SIPW_E_IO, SIPW_E_INVAL, SIPW_E_UNSUPPORTED. From any thread; reads files.
 */
sipw_status sipw_tls_reload(struct sipw_engine *eng,
                            const struct sipw_tls_config *cfg);

/**
 * Sets a struct to its defaults; use the macro sipw_dns_config_init(). Does nothing with NULL.
 *
 * @param cfg   the struct
 * @param size  its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_dns_config_init_sized(struct sipw_dns_config *cfg, size_t size);

/**
 * Sets a struct to its defaults; use the macro sipw_auth_config_init(). Does nothing with NULL.
 *
 * @param cfg   the struct
 * @param size  its sizeof as the caller was compiled: nothing beyond it is written
 */
void sipw_auth_config_init_sized(struct sipw_auth_config *cfg, size_t size);

/**
 * A user of the realm is known from now on, or has another secret. Give either the password or its hash.
 *
 * @param user      user name, without colon
 * @param password  the password; NULL with ha1
 * @param ha1       H(user:realm:password) per algorithm, "SHA-256=0123..,MD5=4567.."; NULL with password. RFC 7616 s3.4.2
 * @return SIPW_E_INVAL, SIPW_E_STATE without sipw_config::auth. From any thread; never blocks.
 */
sipw_status sipw_auth_user_set(struct sipw_engine *eng,
                               const char *user,
                               const char *password,
                               const char *ha1);

/**
 * A user is known no more. Calls that are up go on.
 *
 * @return SIPW_E_INVAL, SIPW_E_STATE without sipw_config::auth. From any thread; never blocks.
 */
sipw_status sipw_auth_user_remove(struct sipw_engine *eng, const char *user);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SIPWRIGHT_H */
