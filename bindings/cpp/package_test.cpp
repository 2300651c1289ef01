// One call between two engines of one process, through the C++ wrapper: values, RAII, exceptions, callbacks that throw.
#include <sipwright.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

static int checks;

static void expect(bool ok, const char *what, int line) {
    ++checks;
    if (ok) return;
    std::fprintf(stderr, "package_test.cpp:%d: %s\n", line, what);
    std::exit(1);
}
#define EXPECT(x) expect((x), #x, __LINE__)

template <class F> static sipw_status status_of(F &&f) {
    try {
        f();
    } catch (const sipw::error &e) {
        return e.code;
    }
    return SIPW_OK;
}

int main() try {
    EXPECT(sipw_version() == SIPW_VERSION_NUM);

    // The callee answers in callbacks; one of them throws.
    std::atomic<int> thrown{0}, ended{0}, traced{0}, held{0}, texts{0}, started{0};
    sipw::config server;
    server.listen = "udp://127.0.0.1:0";
    server.on_event = [&](const sipw_event &ev, sipw::call c) {
        if (ev.type == SIPW_EV_CALL_INCOMING) {
            c.ring();
            c.answer();
        }
        if (ev.type == SIPW_EV_MEDIA_STARTED) ++started;
        if (ev.type == SIPW_EV_CALL_HELD || ev.type == SIPW_EV_CALL_RESUMED) held += ev.u.hold.held ? 1 : 10;
        if (ev.type == SIPW_EV_MESSAGE)
            texts += std::string(ev.u.message.body, ev.u.message.body_bytes) == "good morning" &&
                     std::string(ev.u.message.content_type) == "text/plain";
        if (ev.type == SIPW_EV_CALL_ENDED) ended = 1;
        if (ev.type == SIPW_EV_CALL_ANSWERED) throw std::runtime_error("planted");
    };
    server.on_exception = [&](std::exception_ptr) { ++thrown; };
    server.on_trace = [&](const sipw_trace &) { ++traced; };
    sipw::engine first(std::move(server));
    sipw::engine callee = std::move(first); // callbacks follow

    const std::string listening = callee.listen_addresses();
    EXPECT(listening.rfind("udp://127.0.0.1:", 0) == 0);
    EXPECT(callee.fd() == -1); // it delivers by callback

    sipw::config client;
    client.listen = "udp://127.0.0.1:0";
    std::atomic<int> logged{0};
    client.log_level = SIPW_LOG_DEBUG;
    client.on_log = [&](const sipw_log_record &r) { logged += r.text[0] != 0; };
    sipw::engine caller(client);
    EXPECT(caller.fd() >= 0 && caller.next() == nullptr);
    sipw::account_options quiet;
    quiet.registration = SIPW_REGISTRATION_NO;
    auto account = caller.account("sip:alice@127.0.0.1", "", quiet);

    EXPECT(status_of([&] { caller.account("", ""); }) == SIPW_E_INVAL);
    EXPECT(status_of([&] { caller.dial(account, ""); }) == SIPW_E_INVAL);
    EXPECT(status_of([&] { sipw::engine().dial(account, "sip:bob@127.0.0.1"); }) == SIPW_E_INVAL); // of another engine

    sipw::call_options options;
    options.headers.emplace_back("X-Test", "package");
    options.codecs = "PCMU";
    sipw::call call = caller.dial(account, "sip:bob@" + listening.substr(6), options);
    int answered = 0, rang = 0, holds = 0;
    bool speaking = false;
    std::uint16_t status = 0;
    for (int i = 0; i < 200 && status == 0; ++i) {
        const sipw_event *ev = caller.wait(sipw::milliseconds(50));
        if (!ev || ev->call != call.id()) continue;
        if (ev->type == SIPW_EV_CALL_PROGRESS) rang += ev->u.outcome.status == 180;
        if (ev->type == SIPW_EV_DTMF_SENT) {
            speaking = true;
            call.hold();
        }
        if (ev->type == SIPW_EV_HOLD_DONE) {
            ++holds;
            EXPECT(ev->u.hold.ok && ev->u.hold.held == (holds == 1));
            EXPECT(call.state() == (holds == 1 ? SIPW_CALL_HELD : SIPW_CALL_ANSWERED));
            if (holds == 1) call.resume();
            else call.hangup();
        }
        if (ev->type == SIPW_EV_CALL_ANSWERED) {
            ++answered;
            EXPECT(sipw::message(*ev).rfind("SIP/2.0 200", 0) == 0);
            EXPECT(std::string(ev->u.answered.codec) == "PCMU");
            EXPECT(call.state() == SIPW_CALL_ANSWERED);
            auto port = call.pcm(8000);
            std::int16_t silence[160] = {};
            EXPECT(port.fd() >= 0 && port.write(silence, 160) == 160);
            EXPECT(status_of([&] { call.play("/nonexistent.wav"); }) == SIPW_E_IO);
            static_cast<void>(call.quality());
            call.send_dtmf("5", sipw::milliseconds(60));
        }
        if (ev->type == SIPW_EV_CALL_ENDED) status = ev->u.outcome.status;
    }
    EXPECT(answered == 1 && rang == 1 && speaking && holds == 2);
    EXPECT(status == 200);
    EXPECT(status_of([&] { call.hangup(); }) == SIPW_OK || status_of([&] { call.hangup(); }) == SIPW_E_GONE);
    while (caller.wait(sipw::milliseconds(100)) != nullptr) {} // the ended call is gone once its last event was let go
    EXPECT(status_of([&] { call.hangup(); }) == SIPW_E_GONE);
    for (int i = 0; i < 100 && !ended; ++i) static_cast<void>(caller.wait(sipw::milliseconds(20)));
    EXPECT(ended == 1 && thrown == 1 && traced >= 4 && held == 11 && started == 1);

    // A text, and a question.
    const sipw_request text = caller.message(account, "sip:bob@" + listening.substr(6), "good morning");
    const sipw_request ping = caller.options(account, "sip:bob@" + listening.substr(6));
    int done = 0;
    for (int i = 0; i < 200 && done < 2; ++i) {
        const sipw_event *ev = caller.wait(sipw::milliseconds(50));
        if (!ev || ev->type != SIPW_EV_REQUEST_DONE) continue;
        EXPECT(ev->u.outcome.status == 200 && !ev->u.outcome.local);
        EXPECT(ev->u.outcome.request == text || ev->u.outcome.request == ping);
        ++done;
    }
    for (int i = 0; i < 100 && !texts; ++i) static_cast<void>(caller.wait(sipw::milliseconds(20)));
    EXPECT(done == 2 && texts == 1);

    // A call that cannot be: told by its last event, logged, and nothing of it stays.
    call = caller.dial(account, "sip:nobody@127.0.0.1:9");
    status = 0;
    for (int i = 0; i < 200 && status == 0; ++i) {
        const sipw_event *ev = caller.wait(sipw::milliseconds(50));
        if (ev && ev->call == call.id() && ev->type == SIPW_EV_CALL_ENDED) status = ev->u.outcome.status;
    }
    EXPECT(status >= 400 && logged > 0);
    const sipw_counters counters = caller.counters();
    EXPECT(counters.objects == 1 && counters.datagrams_sent > 0 && counters.datagrams_received > 0 && counters.panics == 0);
    std::printf("package_test: %d passed, 0 failed\n", checks);
    return 0;
} catch (const std::exception &e) {
    std::fprintf(stderr, "package_test: %s\n", e.what());
    return 1;
}
