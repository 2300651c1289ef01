"""A user agent for peer.py: actions on stdin, events on stdout; on the engine module of the Python package. ua.py PEER-HOST:PORT"""
import os
import select
import sys

from sipwright._sipwright import Engine


def main(peer: str) -> None:
    engine = Engine(listen=["udp://127.0.0.1:0"])
    print(engine.listeners()[0], flush=True)
    account = call = 0
    commands = b""
    while True:
        ready, _, _ = select.select([0, engine.fileno()], [], [])
        for name, _, number, _, fields in engine.next_events(100):
            if name == "call_incoming":
                call = number
            name = {"call_hold_done": "hold_done"}.get(name, name)
            print(name, fields.get("status", 0), flush=True)
        if 0 not in ready:
            continue
        if not (read := os.read(0, 4096)):
            break
        *lines, commands = (commands + read).split(b"\n")
        for line in lines:
            act, *status = line.decode().split()
            if act == "register":
                account = engine.add_account(f"sip:alice@{peer}", "secret", register=True)
            elif act == "unregister":
                engine.remove_account(account)
            elif act == "dial":
                account = account or engine.add_account(f"sip:alice@{peer}", "secret")
                call = engine.dial(account, f"sip:bob@{peer}")
            elif act == "ring":
                engine.ring(call)
            elif act == "answer":
                engine.answer(call)
            elif act == "hold":
                engine.hold(call, True)
            elif act in ("hangup", "reject"):
                engine.hangup(call, int(status[0]) if status else 0)
            elif act == "end":
                engine.shutdown(0.0)
                return
            else:
                sys.exit(f"ua.py: no such act: {act}")
    engine.shutdown(0.0)


main(sys.argv[1])
