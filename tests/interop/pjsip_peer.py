#!/usr/bin/env python3
"""pjsip_peer.py [OPTIONS]: PJSIP as a phone without a face. Commands come as lines on stdin, events go as JSON lines to stdout.

Commands: call URI, hangup, hold, resume, reinvite, update, dtmf KEYS, transfer URI, message URI TEXT, options URI, stats, quit. It answers
every call at once (--answer 180 only rings). It runs in the environment that scripts/deps.sh makes, and ends when stdin does.
"""
import argparse
import gc
import json
import os
import sys
import threading

import pjsua2 as pj

TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}


def tell(event: str, **values) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


class Call(pj.Call):
    def __init__(self, phone, identifier=pj.PJSUA_INVALID_ID):
        super().__init__(phone, identifier)
        self.phone = phone

    def onCallState(self, _):
        info = self.getInfo()
        tell("call", state=info.stateText, code=info.lastStatusCode, reason=info.lastReason)

    def onCallMediaState(self, _):
        # The list lives in the information: without a name for that it would be gone.
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            tell("media", status=media.status, direction=media.dir)
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                audio = self.getAudioMedia(index)
                self.phone.voice.startTransmit(audio)
                if self.phone.ear:
                    audio.startTransmit(self.phone.ear)

    def onDtmfDigit(self, parameter):
        tell("dtmf", digit=parameter.digit)

    def onCallTransferStatus(self, parameter):
        tell("transfer", code=parameter.statusCode, final=parameter.finalNotify)

    def report(self):
        try:
            flow = self.getStreamStat(0).rtcp
        except pj.Error:
            return
        tell("stats", codec=self.getStreamInfo(0).codecName, received=flow.rxStat.pkt, lost=flow.rxStat.loss, sent=flow.txStat.pkt)


class Phone(pj.Account):
    def __init__(self, options):
        super().__init__()
        self.options = options
        self.calls = []
        self.voice = pj.ToneGenerator()
        self.voice.createToneGenerator()
        tone = pj.ToneDesc()
        tone.freq1, tone.freq2, tone.on_msec, tone.off_msec = 440, 0, 1000, 0
        tones = pj.ToneDescVector()
        tones.append(tone)
        self.voice.play(tones, True)
        self.ear = None
        if options.record:
            self.ear = pj.AudioMediaRecorder()
            self.ear.createRecorder(options.record)

    def onRegState(self, parameter):
        tell("registered", code=parameter.code, reason=parameter.reason)

    def onIncomingCall(self, parameter):
        call = Call(self, parameter.callId)
        self.calls.append(call)
        tell("incoming", call=call.getInfo().remoteUri)
        answer = pj.CallOpParam()
        for status in dict.fromkeys((180, self.options.answer)):
            answer.statusCode = status
            call.answer(answer)

    def onInstantMessage(self, parameter):
        tell("message", body=parameter.msgBody)

    def onInstantMessageStatus(self, parameter):
        tell("message_done", code=parameter.code, reason=parameter.reason)

    def obey(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        call = self.calls[-1] if self.calls else None
        plain = pj.CallOpParam(True)
        if command == "call":
            call = Call(self)
            self.calls.append(call)
            call.makeCall(rest, plain)
        elif command == "hangup":
            call.hangup(pj.CallOpParam())
        elif command == "hold":
            call.setHold(pj.CallOpParam())
        elif command == "resume":
            plain.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(plain)
        elif command == "reinvite":
            call.reinvite(plain)
        elif command == "update":
            call.update(plain)
        elif command == "dtmf":
            call.dialDtmf(rest)
        elif command == "transfer":
            call.xfer(rest, pj.CallOpParam())
        elif command == "stats":
            call.report()
        elif command == "message":
            uri, _, text = rest.partition(" ")
            buddy = pj.Buddy()
            setting = pj.BuddyConfig()
            setting.uri, setting.subscribe = uri, False
            buddy.create(self, setting)
            words = pj.SendInstantMessageParam()
            words.content = text
            buddy.sendInstantMessage(words)
        else:
            raise ValueError(f"no command {command!r}")


def endpoint(options) -> pj.Endpoint:
    engine = pj.Endpoint()
    engine.libCreate()
    setting = pj.EpConfig()
    setting.logConfig.level = setting.logConfig.consoleLevel = options.log
    setting.uaConfig.threadCnt = 1
    setting.medConfig.noVad = True
    engine.libInit(setting)
    transport = pj.TransportConfig()
    transport.port = options.port
    transport.boundAddress = options.host
    transport.publicAddress = options.host
    if options.transport == "tls":
        tls = transport.tlsConfig
        tls.CaListFile, tls.certFile, tls.privKeyFile = options.ca or "", options.cert or "", options.key or ""
        tls.verifyServer = tls.verifyClient = bool(options.ca)
        tls.requireClientCert = options.mutual
    engine.transportCreate(TRANSPORTS[options.transport], transport)
    engine.libStart()
    engine.audDevManager().setNullDev()
    for codec in engine.codecEnum2():
        engine.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith(options.codec) else 0)
    return engine


def account(options) -> pj.AccountConfig:
    setting = pj.AccountConfig()
    setting.idUri = f"{'sips' if options.sips else 'sip'}:{options.user}@{options.domain}"
    if options.proxy:
        setting.sipConfig.proxies.append(options.proxy)
    if options.password:
        setting.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", options.user, 0, options.password))
    if options.registrar:
        setting.regConfig.registrarUri = options.registrar
    media = setting.mediaConfig
    media.transportConfig.boundAddress = media.transportConfig.publicAddress = options.host
    media.transportConfig.port, media.transportConfig.portRange = options.rtp, 18
    media.srtpUse, media.srtpSecureSignaling = options.srtp, 0
    setting.callConfig.prackUse, setting.callConfig.timerUse = options.prack, options.timer
    if options.session_expires:
        setting.callConfig.timerSessExpiresSec, setting.callConfig.timerMinSESec = options.session_expires, 90
    return setting


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="pjsip")
    parser.add_argument("--password")
    parser.add_argument("--domain", default="sip.test")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rtp", type=int, required=True)
    parser.add_argument("--transport", choices=TRANSPORTS, default="udp")
    parser.add_argument("--sips", action="store_true")
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--mutual", action="store_true", help="require a certificate of whoever connects")
    parser.add_argument("--proxy")
    parser.add_argument("--registrar")
    parser.add_argument("--answer", type=int, default=200)
    parser.add_argument("--codec", default="PCMU")
    parser.add_argument("--record")
    parser.add_argument("--srtp", type=int, default=0, help="0 off, 1 optional, 2 required")
    parser.add_argument("--prack", type=int, default=0, help="0 off, 1 required, 2 optional")
    parser.add_argument("--timer", type=int, default=1, help="0 off, 1 optional, 2 required, 3 always")
    parser.add_argument("--session-expires", type=int, default=0)
    parser.add_argument("--log", type=int, default=0)
    options = parser.parse_args()
    engine = endpoint(options)
    phone = Phone(options)
    phone.create(account(options))
    tell("ready")
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        try:
            phone.obey(line.rstrip("\n"))
        except (pj.Error, ValueError, AttributeError) as error:
            tell("error", reason=getattr(error, "reason", str(error)))
    # The library aborts the process when its objects are freed in another order than it likes: leave without that.
    tell("bye")
    gc.disable()
    sys.stdout.flush()
    threading.Timer(0.5, os._exit, (0,)).start()
    for call in phone.calls:
        try:
            call.hangup(pj.CallOpParam())
        except pj.Error:
            pass
    del engine
    threading.Event().wait(2)


if __name__ == "__main__":
    main()
