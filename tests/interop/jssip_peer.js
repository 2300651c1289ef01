// jssip_peer.js URL SIP-URI [PASSWORD] [CA-FILE]: JsSIP over a WebSocket as a phone without a face. Commands come as lines on stdin, events
// go as JSON lines to stdout.
//
// Commands: register, unregister, message URI TEXT, options URI, call URI, hangup, quit. It answers every call at once.
// Signalling is JsSIP's own. There is no browser here, so what stands for its peer connection only gives a fixed plain-RTP description:
// sound is judged in the browser's own tests.
"use strict";
const fs = require("fs");
const readline = require("readline");
const WebSocket = require("ws");

const [url, uri, password, ca] = process.argv.slice(2);
const tell = (event, values = {}) => console.log(JSON.stringify({ event, ...values }));

const DESCRIPTION = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 9 RTP/AVP 0", "a=rtpmap:0 PCMU/8000",
  "a=sendrecv", ""].join("\r\n");

class PeerConnection {
  constructor() {
    Object.assign(this, { signalingState: "stable", iceGatheringState: "complete", iceConnectionState: "connected",
      connectionState: "connected", localDescription: null, remoteDescription: null });
  }
  async createOffer() { return { type: "offer", sdp: DESCRIPTION }; }
  async createAnswer() { return { type: "answer", sdp: DESCRIPTION }; }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription(description) { this.remoteDescription = description; }
  addEventListener() {}
  removeEventListener() {}
  addTrack() {}
  getSenders() { return []; }
  getReceivers() { return []; }
  close() { this.signalingState = "closed"; }
}
global.window = global;
global.RTCPeerConnection = PeerConnection;
global.RTCSessionDescription = class { constructor(init) { Object.assign(this, init); } };
if (!global.navigator) global.navigator = {};
if (!global.navigator.mediaDevices) {
  Object.defineProperty(global.navigator, "mediaDevices", { value: { getUserMedia: async () => ({ getTracks: () => [] }) } });
}
const JsSIP = require("jssip");

// JsSIP's door for transports of one's own: its own one needs a browser.
class Socket {
  constructor() { this.ws = null; this.via_transport = url.startsWith("wss") ? "WSS" : "WS"; }
  get url() { return url; }
  get sip_uri() { return `sip:${new URL(url).host};transport=ws`; }
  connect() {
    if (this.ws) return;
    this.ws = new WebSocket(url, "sip", { ca: ca ? fs.readFileSync(ca) : undefined, origin: "https://phone.test" });
    this.ws.on("open", () => { tell("open", { protocol: this.ws.protocol }); this.onconnect(); });
    this.ws.on("message", (data, binary) => this.ondata(binary ? data : data.toString()));
    this.ws.on("close", (code) => { this.ws = null; tell("closed", { code }); this.ondisconnect(code !== 1000, code, ""); });
    this.ws.on("error", (error) => tell("error", { reason: String(error.message) }));
  }
  disconnect() { if (this.ws) this.ws.close(); }
  send(message) { if (!this.ws || this.ws.readyState !== WebSocket.OPEN) return false; this.ws.send(message); return true; }
  isConnected() { return this.ws !== null && this.ws.readyState === WebSocket.OPEN; }
  isConnecting() { return this.ws !== null && this.ws.readyState === WebSocket.CONNECTING; }
}

const ua = new JsSIP.UA({ sockets: [new Socket()], uri, password, register: false, session_timers: false,
  connection_recovery_min_interval: 1 });
let session = null;
const answer = { mediaConstraints: { audio: false, video: false }, pcConfig: {} };

ua.on("newRTCSession", ({ originator, session: born }) => {
  session = born;
  born.on("progress", ({ response }) => tell("progress", { code: response ? response.status_code : 0 }));
  born.on("accepted", () => tell("accepted", { originator }));
  born.on("confirmed", () => tell("confirmed", { originator }));
  born.on("ended", ({ cause, originator: by }) => tell("ended", { cause, by }));
  born.on("failed", ({ cause, message }) => tell("failed", { cause, code: message && message.status_code ? message.status_code : 0 }));
  if (originator === "remote") { tell("incoming", { from: born.remote_identity.uri.toString() }); born.answer(answer); }
});
ua.on("newMessage", ({ originator, request }) => { if (originator === "remote") tell("message", { body: request.body }); });
ua.on("registered", ({ response }) => tell("registered", { code: response.status_code }));
ua.on("unregistered", () => tell("unregistered"));
ua.on("registrationFailed", ({ response, cause }) => tell("registration_failed", { code: response ? response.status_code : 0, cause }));
ua.on("connected", () => tell("ready"));
ua.start();

const done = (name) => ({ eventHandlers: { succeeded: ({ response }) => tell(name, { code: response.status_code }),
  failed: ({ response, cause }) => tell(name, { code: response ? response.status_code : 0, cause }) } });
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, target, ...rest] = line.split(" ");
  try {
    if (command === "register") ua.register();
    else if (command === "unregister") ua.unregister();
    else if (command === "message") ua.sendMessage(target, rest.join(" "), done("message_done"));
    else if (command === "options") ua.sendOptions(target, null, done("options_done"));
    else if (command === "call") ua.call(target, answer);
    else if (command === "hangup") session.terminate();
    else if (command === "quit") process.exit(0);
    else tell("error", { reason: `no command ${command}` });
  } catch (error) {
    tell("error", { reason: String(error) });
  }
}).on("close", () => process.exit(0));
