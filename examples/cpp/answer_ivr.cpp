// The IVR of examples/c/answer_ivr.c with callbacks: answer_ivr LISTEN PROMPT.wav RECORD.wav
#include <sipwright.hpp>
#include <future>
#include <iostream>

int main(int argc, char **argv) try {
    if (argc != 4) {
        std::cerr << "usage: answer_ivr LISTEN PROMPT.wav RECORD.wav\n";
        return 2;
    }
    const std::string prompt = argv[2], record = argv[3];
    std::promise<int> ended;
    std::string digits;

    sipw::config config;
    config.listen = argv[1];
    config.on_event = [&](const sipw_event &ev, sipw::call call) { // one thread, one event after the other
        switch (ev.type) {
        case SIPW_EV_CALL_INCOMING:
            std::cout << "call from " << ev.u.incoming.from << std::endl;
            call.ring();
            call.answer();
            break;
        case SIPW_EV_CALL_ANSWERED:
            call.record(record);
            call.play(prompt);
            break;
        case SIPW_EV_DTMF:
            if (ev.u.dtmf.digit == '#') call.hangup();
            else digits += ev.u.dtmf.digit;
            break;
        case SIPW_EV_PLAY_DONE:
            if (!ev.u.play.interrupted) call.hangup();
            break;
        case SIPW_EV_CALL_ENDED:
            std::cout << "digits: " << digits << "\nended: " << ev.u.outcome.status << ' ' << ev.u.outcome.reason << std::endl;
            ended.set_value(ev.u.outcome.status == 200 ? 0 : 1);
            break;
        default: break;
        }
    };
    config.on_exception = [](std::exception_ptr e) {
        try {
            std::rethrow_exception(e);
        } catch (const std::exception &what) {
            std::cerr << "in a callback: " << what.what() << std::endl;
        }
    };
    sipw::engine phone(config);
    std::cout << "listening on " << phone.listen_addresses() << std::endl;
    return ended.get_future().get();
} catch (const sipw::error &e) {
    std::cerr << e.what() << '\n';
    return 1;
}
