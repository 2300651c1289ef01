// sipwright for C++17: RAII over sipwright.h, header-only. MIT OR Apache-2.0
//
// An engine owns threads and sockets and is moved, never copied; calls, accounts and PCM ports are values. Failures throw sipw::error.
// Callbacks are std::functions; what they throw is caught at the boundary and handed to config::on_exception.
#pragma once
#include <sipwright.h>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sipw {

/// A status as an exception: its name, the cause and what to do about it.
struct error : std::runtime_error {
    sipw_status code;
    explicit error(sipw_status s)
        : std::runtime_error(std::string(sipw_strerror(s)) + ": " + sipw_last_error()), code(s) {}
};

/// Throws error for a negative status.
inline void check(sipw_status s) {
    if (s < 0) throw error(s);
}

using quality = sipw_quality;
using phase = sipw_call_phase;
using milliseconds = std::chrono::milliseconds;

namespace detail {
inline const char *text(const std::string &s) noexcept { return s.empty() ? nullptr : s.c_str(); }
inline std::uint32_t ms(milliseconds d) noexcept {
    return d.count() < 0 ? SIPW_NEVER : static_cast<std::uint32_t>(d.count());
}
} // namespace detail

/// "Never", for the times of config that allow it.
inline constexpr milliseconds never{-1};

/// Options of a dial or an answer. Empty values are the defaults.
struct call_options {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string codecs;           ///< "PCMU,PCMA,G722"
    std::string from;             ///< dial: From instead of the account's
    std::string sdp;              ///< your own SDP: then media is yours
    std::string routes;           ///< dial: pre-loaded routes instead of the account's
    bool no_media = false;        ///< negotiate, but open no socket
    milliseconds ring_timeout{0}; ///< dial: how long it may ring

    /// Calls f with the C struct, which points into this one.
    template <class F> auto with(F &&f) const {
        std::vector<sipw_header> raw;
        raw.reserve(headers.size());
        for (const auto &h : headers) raw.push_back({h.first.c_str(), h.second.c_str()});
        sipw_call_options o;
        sipw_call_options_init(&o);
        o.headers = raw.empty() ? nullptr : raw.data();
        o.headers_count = raw.size();
        o.codecs = detail::text(codecs);
        o.from = detail::text(from);
        o.sdp = detail::text(sdp);
        o.sdp_bytes = sdp.size();
        o.no_media = no_media ? 1 : 0;
        o.ring_timeout_ms = detail::ms(ring_timeout);
        o.routes = detail::text(routes);
        return f(&o);
    }
};

/// What a request or an answer of yours carries. Empty values are the defaults.
struct request_options {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string content_type, body;
    std::string routes; ///< outside of calls: pre-loaded routes instead of the account's

    /// Calls f with the C struct, which points into this one.
    template <class F> auto with(F &&f) const {
        std::vector<sipw_header> raw;
        raw.reserve(headers.size());
        for (const auto &h : headers) raw.push_back({h.first.c_str(), h.second.c_str()});
        sipw_request_options o;
        sipw_request_options_init(&o);
        o.headers = raw.empty() ? nullptr : raw.data();
        o.headers_count = raw.size();
        o.content_type = detail::text(content_type);
        o.body = body.data();
        o.body_bytes = body.size();
        o.routes = detail::text(routes);
        return f(&o);
    }
};

/// Options of an account. Empty values are the defaults.
struct account_options {
    sipw_registration registration = SIPW_REGISTRATION_AUTO;
    std::string auth_user, realm, registrar, proxy, codecs, routes;
    std::uint32_t expires_s = 0;
    sipw_keep_alive keep_alive = SIPW_KEEP_ALIVE_NEGOTIATED;
    std::uint32_t keep_alive_s = 0; ///< longest time between two keep-alives
    void *user = nullptr;
};

/// A call's audio as 16-bit mono PCM. Owns the port: closes it when it goes.
class pcm {
    sipw_engine *e_ = nullptr;
    sipw_pcm id_ = 0;

public:
    pcm(sipw_engine *e, sipw_pcm id) noexcept : e_(e), id_(id) {}
    pcm(pcm &&o) noexcept : e_(o.e_), id_(std::exchange(o.id_, 0)) {}
    pcm &operator=(pcm &&o) noexcept {
        if (this != &o) {
            close();
            e_ = o.e_;
            id_ = std::exchange(o.id_, 0);
        }
        return *this;
    }
    ~pcm() { close(); }
    sipw_pcm id() const noexcept { return id_; }
    /// What was heard: the number of samples taken, 0 when none wait. Throws SIPW_E_GONE when the call has ended and all is read.
    std::size_t read(std::int16_t *samples, std::size_t count) {
        std::size_t got = 0;
        check(sipw_pcm_read(e_, id_, samples, count, &got));
        return got;
    }
    /// What to say: the number of samples taken.
    std::size_t write(const std::int16_t *samples, std::size_t count) {
        std::size_t taken = 0;
        check(sipw_pcm_write(e_, id_, samples, count, &taken));
        return taken;
    }
    /// Drops what was not said yet; how much of it was.
    milliseconds interrupt() {
        std::uint64_t played = 0;
        check(sipw_pcm_interrupt(e_, id_, &played));
        return milliseconds(played);
    }
    /// Readable while 20 ms or more wait, and at the end.
    int fd() const noexcept { return sipw_pcm_fd(e_, id_); }
    void close() noexcept {
        if (id_ != 0) sipw_pcm_close(e_, std::exchange(id_, 0));
    }
};

/// A call: a value; copy it, a stale one throws error with SIPW_E_GONE.
class call {
    sipw_engine *e_;
    sipw_call id_;

public:
    call(sipw_engine *e, sipw_call id) noexcept : e_(e), id_(id) {}
    sipw_call id() const noexcept { return id_; }
    explicit operator bool() const noexcept { return id_ != 0; }
    friend bool operator==(const call &a, const call &b) noexcept { return a.id_ == b.id_; }
    friend bool operator!=(const call &a, const call &b) noexcept { return a.id_ != b.id_; }

    void ring(std::uint16_t status = 0) { check(sipw_ring(e_, id_, status)); }
    void progress(std::uint16_t status = 0) { check(sipw_progress(e_, id_, status)); } ///< early media
    void answer() { check(sipw_answer(e_, id_)); }
    void answer(const call_options &o) {
        check(o.with([&](const sipw_call_options *raw) { return sipw_answer_options(e_, id_, raw); }));
    }
    void hangup(std::uint16_t status = 0) { check(sipw_hangup(e_, id_, status)); }
    void hold() { check(sipw_hold(e_, id_)); }
    void resume() { check(sipw_resume(e_, id_)); }

    std::uint64_t play(const std::string &file) {
        std::uint64_t token = 0;
        check(sipw_play_file(e_, id_, file.c_str(), &token));
        return token;
    }
    std::uint64_t play_loop(const std::string &file) {
        std::uint64_t token = 0;
        check(sipw_play_loop(e_, id_, file.c_str(), &token));
        return token;
    }
    void stop_play(std::uint64_t token = 0) { check(sipw_stop_play(e_, id_, token)); }
    /// Stereo: left us, right them; or both mixed into one channel.
    void record(const std::string &file, bool stereo = true) {
        sipw_record_options o;
        sipw_record_options_init(&o);
        o.channels = stereo ? 2 : 1;
        check(sipw_record_file_options(e_, id_, file.c_str(), &o));
    }
    void stop_record() { check(sipw_stop_record(e_, id_)); }
    void send_dtmf(const std::string &digits, milliseconds each = milliseconds(0)) {
        check(sipw_send_dtmf_timed(e_, id_, digits.c_str(), static_cast<std::uint16_t>(each.count())));
    }
    sipw::pcm pcm(std::uint32_t rate_hz = 16000) {
        sipw_pcm p = 0;
        check(sipw_pcm_open(e_, id_, rate_hz, &p));
        return {e_, p};
    }

    sipw::phase state() const {
        std::uint32_t p = 0;
        check(sipw_call_state(e_, id_, &p));
        return static_cast<sipw::phase>(p);
    }
    sipw::quality quality() const {
        sipw::quality q{};
        check(sipw_call_quality(e_, id_, &q));
        return q;
    }
    void set_user(void *user) { check(sipw_set_user(e_, id_, user)); }
};

/// An account: a value, converts to its id.
class account {
    sipw_engine *e_;
    sipw_account id_;

public:
    account(sipw_engine *e, sipw_account id) noexcept : e_(e), id_(id) {}
    sipw_account id() const noexcept { return id_; }
    operator sipw_account() const noexcept { return id_; }
    void remove() { check(sipw_account_remove(e_, id_)); }
    void set_user(void *user) { check(sipw_set_user(e_, id_, user)); }
};

/// The SIP message behind an event; empty when there is none. Valid as long as the event.
inline std::string_view message(const sipw_event &ev) noexcept {
    return ev.message ? std::string_view(ev.message, ev.message_bytes) : std::string_view();
}

/// What an engine is made from. Empty and 0 are the defaults.
struct config {
    std::string user_agent;      ///< empty: sipwright and its version
    std::string listen;          ///< "udp://0.0.0.0:5060,tcp://[::]:5060"; empty: ephemeral
    std::string public_address;  ///< what the world sees of us
    std::string codecs;          ///< "PCMU,PCMA,G722"
    std::string methods;         ///< requests that you answer yourself: "INFO,NOTIFY,REFER"
    bool force_rport = false;    ///< answer to the source port over UDP, asked or not
    std::uint32_t signalling_threads = 0, media_threads = 0, max_calls = 0, event_backlog_max = 0;
    milliseconds ring_timeout{0}, rtp_timeout{0}, quality_interval{0};
    bool rtp_timeout_hangup = false, messages = true;
    std::uint16_t rtp_port_min = 0, rtp_port_max = 0;
    sipw_log_level log_level = SIPW_LOG_DEFAULT;

    /// Takes events on the engine's callback thread; without it, pull them with drain(), next() or wait().
    std::function<void(const sipw_event &, call)> on_event;
    bool inline_delivery = false; ///< on_event runs on the signalling thread and must not block
    std::function<void(const sipw_log_record &)> on_log;
    std::function<void(const sipw_trace &)> on_trace;
    /// Takes what a callback threw, on the thread of the callback; without it, exceptions of callbacks are dropped.
    std::function<void(std::exception_ptr)> on_exception;
};

/// An engine. Owns its threads: hangs up, unregisters and joins when it goes. Move-only.
class engine {
    struct state { // stays where it is when the engine moves: callbacks point to it
        sipw_engine *handle = nullptr;
        config callbacks;

        template <class F> void guarded(F &&f) noexcept {
            try {
                f();
            } catch (...) {
                if (!callbacks.on_exception) return;
                try {
                    callbacks.on_exception(std::current_exception());
                } catch (...) { // it had its chance
                }
            }
        }
    };
    std::unique_ptr<state> s_;

    static void end(std::unique_ptr<state> s) noexcept {
        if (s && sipw_engine_free(s->handle, 2000) == SIPW_E_STATE) static_cast<void>(s.release());
    }

    // No exception passes these three: they are called from C.
    static void event_cb(const sipw_event *ev, void *user) noexcept {
        auto *s = static_cast<state *>(user);
        s->guarded([&] { s->callbacks.on_event(*ev, call{s->handle, ev->call}); });
    }
    static void log_cb(const sipw_log_record *r, void *user) noexcept {
        auto *s = static_cast<state *>(user);
        s->guarded([&] { s->callbacks.on_log(*r); });
    }
    static void trace_cb(const sipw_trace *t, void *user) noexcept {
        auto *s = static_cast<state *>(user);
        s->guarded([&] { s->callbacks.on_trace(*t); });
    }

public:
    engine() : engine(config{}) {}
    explicit engine(config c) : s_(new state) {
        s_->callbacks = std::move(c);
        const config &k = s_->callbacks;
        sipw_config raw;
        sipw_config_init(&raw);
        raw.user_agent = detail::text(k.user_agent);
        raw.listen = detail::text(k.listen);
        raw.public_address = detail::text(k.public_address);
        raw.codecs = detail::text(k.codecs);
        raw.signalling_threads = k.signalling_threads;
        raw.media_threads = k.media_threads;
        raw.max_calls = k.max_calls;
        raw.event_backlog_max = k.event_backlog_max;
        raw.ring_timeout_ms = detail::ms(k.ring_timeout);
        raw.rtp_timeout_ms = detail::ms(k.rtp_timeout);
        raw.quality_interval_ms = detail::ms(k.quality_interval);
        raw.rtp_timeout_hangup = k.rtp_timeout_hangup ? 1 : 0;
        raw.no_messages = k.messages ? 0 : 1;
        raw.rtp_port_min = k.rtp_port_min;
        raw.rtp_port_max = k.rtp_port_max;
        raw.log_level = static_cast<std::uint32_t>(k.log_level);
        raw.user = s_.get();
        sipw_sip_config sip;
        sipw_sip_config_init(&sip);
        sip.methods = detail::text(k.methods);
        sip.force_rport = k.force_rport ? 1 : 0;
        raw.sip = &sip;
        if (k.on_event) {
            raw.on_event = event_cb;
            if (k.inline_delivery) raw.delivery = SIPW_DELIVERY_INLINE;
        }
        if (k.on_log) raw.on_log = log_cb;
        if (k.on_trace) raw.on_trace = trace_cb;
        check(sipw_engine_new(&raw, &s_->handle));
    }
    engine(engine &&) noexcept = default;
    engine &operator=(engine &&o) noexcept {
        if (this != &o) {
            end(std::move(s_));
            s_ = std::move(o.s_);
        }
        return *this;
    }
    /// Not inside one of its own callbacks: the thread that runs there could not be joined, and the engine would stay.
    ~engine() { end(std::move(s_)); }

    sipw_engine *handle() const noexcept { return s_->handle; }

    sipw::account account(const std::string &uri, const std::string &password) {
        sipw_account a = 0;
        check(sipw_account_add(handle(), uri.c_str(), password.c_str(), nullptr, &a));
        return {handle(), a};
    }
    sipw::account account(const std::string &uri, const std::string &password, const account_options &o) {
        sipw_account_options raw;
        sipw_account_options_init(&raw);
        raw.registration = static_cast<std::uint32_t>(o.registration);
        raw.auth_user = detail::text(o.auth_user);
        raw.realm = detail::text(o.realm);
        raw.registrar = detail::text(o.registrar);
        raw.proxy = detail::text(o.proxy);
        raw.codecs = detail::text(o.codecs);
        raw.routes = detail::text(o.routes);
        raw.keep_alive = static_cast<std::uint32_t>(o.keep_alive);
        raw.keep_alive_s = o.keep_alive_s;
        raw.expires_s = o.expires_s;
        sipw_account a = 0;
        check(sipw_account_add_options(handle(), uri.c_str(), password.c_str(), &raw, o.user, &a));
        return {handle(), a};
    }

    call dial(sipw_account a, const std::string &uri, void *user = nullptr) {
        sipw_call c = 0;
        check(sipw_dial(handle(), a, uri.c_str(), user, &c));
        return {handle(), c};
    }
    call dial(sipw_account a, const std::string &uri, const call_options &o, void *user = nullptr) {
        sipw_call c = 0;
        check(o.with([&](const sipw_call_options *raw) {
            return sipw_dial_options(handle(), a, uri.c_str(), raw, user, &c);
        }));
        return {handle(), c};
    }

    sipw_request message(sipw_account a, const std::string &uri, std::string_view body,
                         const std::string &content_type = "text/plain", void *user = nullptr) {
        sipw_request r = 0;
        check(sipw_send_message(handle(), a, uri.c_str(), content_type.c_str(), body.data(), body.size(), user, &r));
        return r;
    }
    sipw_request options(sipw_account a, const std::string &uri, void *user = nullptr) {
        sipw_request r = 0;
        check(sipw_send_options(handle(), a, uri.c_str(), user, &r));
        return r;
    }
    sipw_request request(sipw_account a, const std::string &method, const std::string &uri,
                         const std::vector<std::pair<std::string, std::string>> &headers = {},
                         const std::string &content_type = {}, std::string_view body = {}, void *user = nullptr) {
        std::vector<sipw_header> raw;
        raw.reserve(headers.size());
        for (const auto &h : headers) raw.push_back({h.first.c_str(), h.second.c_str()});
        sipw_request r = 0;
        check(sipw_send_request(handle(), a, method.c_str(), uri.c_str(), raw.empty() ? nullptr : raw.data(),
                                raw.size(), detail::text(content_type), body.data(), body.size(), user, &r));
        return r;
    }

    /// Sends any request that has no function of its own; inside the dialog of a call with its id and an empty uri.
    sipw_request send(std::uint64_t from, const std::string &method, const std::string &uri,
                      const request_options &o = {}, void *user = nullptr) {
        sipw_request r = 0;
        check(o.with([&](const sipw_request_options *raw) {
            return sipw_request_send(handle(), from, method.c_str(), uri.c_str(), raw, user, &r);
        }));
        return r;
    }
    /// Answers a request of SIPW_EV_REQUEST.
    void answer(sipw_request r, std::uint16_t status, const std::string &reason = {}, const request_options &o = {}) {
        check(o.with([&](const sipw_request_options *raw) {
            return sipw_request_answer(handle(), r, status, detail::text(reason), raw);
        }));
    }

    /// The call that an event is about.
    sipw::call call_of(const sipw_event &ev) const noexcept { return {handle(), ev.call}; }
    /// Counts, how full the tables are, and their bounds.
    sipw_stats stats() const {
        sipw_stats s{};
        check(sipw_engine_stats(handle(), &s));
        return s;
    }
    /// The counts alone, without waiting.
    sipw_counters counters() const {
        sipw_counters c{};
        check(sipw_engine_counters(handle(), &c));
        return c;
    }
    std::string listen_addresses() const {
        const char *text = nullptr;
        check(sipw_listen_addresses(handle(), &text));
        return text;
    }

    /// Readable while events wait: for poll, asio::posix::stream_descriptor, uv_poll_t, GSource.
    int fd() const noexcept { return sipw_event_fd(handle()); }
    /// The next event or nullptr; valid until this thread pulls again.
    const sipw_event *next() noexcept { return sipw_next_event(handle()); }
    const sipw_event *wait(milliseconds timeout) noexcept { return sipw_wait_event(handle(), detail::ms(timeout)); }
    /// Calls f with every event that waits.
    template <class F> void drain(F &&f) {
        while (auto *ev = sipw_next_event(handle())) f(*ev, call{handle(), ev->call});
    }
};

} // namespace sipw
