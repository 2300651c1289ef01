//! SIP over WebSockets: the layer of one connection as a value, bytes in and bytes out. RFC 7118, RFC 6455.
//!
//! Each WebSocket message, text or binary, is one SIP message (RFC 7118 s5); pings are answered, control frames may come between the
//! fragments of a message, and all that a peer can make us hold is bounded.

use crate::base::limits;
use bytes::Bytes;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response, ServerHandshake};
use tungstenite::handshake::{HandshakeError, HandshakeRole, MidHandshake};
use tungstenite::http::{self, HeaderMap, HeaderValue, StatusCode, header};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, Utf8Bytes, WebSocket};

/// The subprotocol of SIP. RFC 7118 s4.1.
const SIP: &str = "sip";
/// Read at once by the frame reader.
const READ_BYTES: usize = 4096;

/// One connection.
pub(crate) struct Layer {
    state: State,
    wire: Wire,
}

enum State {
    /// An HTTP request is being read and answered.
    Server(MidHandshake<ServerHandshake<Wire, Subprotocol>>),
    /// An HTTP request was sent.
    Client(MidHandshake<ClientHandshake<Wire>>),
    Open(Box<WebSocket<Wire>>),
    /// Over, or between two states.
    Closed,
}

/// Both directions of the stream below, in memory. The handshake takes it by value and drops it when it fails, after it has written an
/// answer that is still to be sent: hence the shared halves.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Halves>>);

#[derive(Default)]
struct Halves {
    incoming: Vec<u8>,
    taken: usize,
    outgoing: Vec<u8>,
}

impl Wire {
    fn with<R>(&self, act: impl FnOnce(&mut Halves) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.with(|halves| {
            let rest = halves.incoming.get(halves.taken..).unwrap_or_default();
            if rest.is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = rest.len().min(out.len());
            let (Some(target), Some(source)) = (out.get_mut(..count), rest.get(..count)) else { return Ok(0) };
            target.copy_from_slice(source);
            halves.taken += count;
            if halves.taken == halves.incoming.len() {
                halves.incoming.clear();
                halves.taken = 0;
            }
            Ok(count)
        })
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|halves| halves.outgoing.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Answers only who offers the subprotocol `sip`. RFC 7118 s4.1.
struct Subprotocol;

impl Callback for Subprotocol {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        if offers_sip(request.headers()) {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SIP));
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("the WebSocket subprotocol must be \"sip\" (RFC 7118)".to_owned()));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        Err(refusal)
    }
}

fn offers_sip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim().eq_ignore_ascii_case(SIP))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(limits::STREAM_BACKLOG_BYTES)
        .max_message_size(Some(limits::MESSAGE_BYTES))
        .max_frame_size(Some(limits::MESSAGE_BYTES))
        .accept_unmasked_frames(false)
}

impl Layer {
    /// The server's end.
    pub(crate) fn server() -> Self {
        let wire = Wire::default();
        let handshake = ServerHandshake::start(wire.clone(), Subprotocol, Some(config()));
        Layer { state: State::Server(handshake), wire }
    }

    /// The client's end: asks `host` (with its port) for `resource`.
    pub(crate) fn client(secure: bool, host: &str, resource: &str) -> Result<Self, String> {
        let scheme = if secure { "wss" } else { "ws" };
        let slash = if resource.starts_with('/') { "" } else { "/" };
        let request = http::Request::builder()
            .uri(format!("{scheme}://{host}{slash}{resource}"))
            .header(header::HOST, host)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, tungstenite::handshake::client::generate_key())
            .header(header::SEC_WEBSOCKET_PROTOCOL, SIP)
            .body(())
            .map_err(|e| format!("{resource:?} at {host:?} is no WebSocket address: {e}"))?;
        let wire = Wire::default();
        let handshake = ClientHandshake::start(wire.clone(), request, Some(config())).map_err(|e| explain(&e))?;
        let mut layer = Layer { state: State::Client(handshake), wire };
        layer.advance()?;
        Ok(layer)
    }

    /// Whether the handshake is still under way.
    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Server(_) | State::Client(_))
    }

    /// Takes bytes of the stream below; ask [`next`](Self::next) what they mean.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.wire.with(|halves| halves.incoming.extend_from_slice(bytes));
    }

    /// The next whole message. An `Err` says why it is over; what [`output`](Self::output) then gives tells the peer.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, String> {
        self.advance()?;
        let State::Open(socket) = &mut self.state else { return Ok(None) };
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => return Ok(Some(text.into())),
                Ok(Message::Binary(bytes)) => return Ok(Some(bytes)),
                Ok(_) => {}
                Err(Error::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) => {
                    self.state = State::Closed;
                    return Err(explain(&e));
                }
            }
        }
    }

    /// Puts a SIP message into one WebSocket message; false when it is closed.
    pub(crate) fn send(&mut self, message: Bytes) -> bool {
        let State::Open(socket) = &mut self.state else { return false };
        let message = match Utf8Bytes::try_from(message.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(message),
        };
        socket.send(message).is_ok()
    }

    /// Says good-bye.
    pub(crate) fn close(&mut self) {
        if let State::Open(socket) = &mut self.state {
            let _ = socket.close(None);
        }
    }

    /// What is to be sent on the stream below.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        self.wire.with(|halves| std::mem::take(&mut halves.outgoing))
    }

    /// Goes on with the handshake.
    pub(crate) fn advance(&mut self) -> Result<(), String> {
        if !self.is_handshaking() {
            return Ok(());
        }
        // A handshake that has nothing to read or write returns itself.
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Server(handshake) => match step(handshake)? {
                Step::Done(socket) => State::Open(Box::new(socket)),
                Step::Wait(handshake) => State::Server(handshake),
            },
            State::Client(handshake) => match step(handshake)? {
                Step::Done((socket, _)) => State::Open(Box::new(socket)),
                Step::Wait(handshake) => State::Client(handshake),
            },
            other => other,
        };
        Ok(())
    }
}

enum Step<Role: HandshakeRole> {
    Done(Role::FinalResult),
    Wait(MidHandshake<Role>),
}

fn step<Role: HandshakeRole>(handshake: MidHandshake<Role>) -> Result<Step<Role>, String> {
    match handshake.handshake() {
        Ok(done) => Ok(Step::Done(done)),
        Err(HandshakeError::Interrupted(handshake)) => Ok(Step::Wait(handshake)),
        Err(HandshakeError::Failure(e)) => Err(explain(&e)),
    }
}

fn explain(error: &Error) -> String {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "the peer closed the WebSocket".to_owned(),
        Error::Http(response) => format!(
            "the WebSocket was refused with HTTP status {}; check the path and whether the peer speaks SIP there",
            response.status()
        ),
        Error::Protocol(tungstenite::error::ProtocolError::SecWebSocketSubProtocolError(_)) => {
            "the peer does not speak the WebSocket subprotocol \"sip\" there; check host, port and path".to_owned()
        }
        other => format!("the WebSocket failed: {other}"),
    }
}

#[cfg(test)]
mod tests;
