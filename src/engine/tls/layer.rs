//! TLS of one connection as a value: ciphertext in, plaintext out, and back. RFC 8446, RFC 5246.

use super::TlsInfo;
use super::client::Profile;
use super::names::Identities;
use super::reason::explain;
use crate::base::limits;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// One connection.
pub(crate) struct Layer {
    connection: Connection,
    /// The peer's names are proven where it shows a certificate.
    verifies: bool,
    /// We have a certificate to show.
    shows: bool,
}

impl Layer {
    pub(super) fn server(config: Arc<ServerConfig>) -> Result<Self, String> {
        let connection = ServerConnection::new(config).map_err(|e| explain(&e))?;
        Ok(Layer::new(connection.into(), true, true))
    }

    pub(super) fn client(profile: &Profile, name: &str) -> Result<Self, String> {
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("{name:?} is no name that a certificate could prove; call a host name"))?;
        let connection = ClientConnection::new(profile.config.clone(), server).map_err(|e| explain(&e))?;
        Ok(Layer::new(connection.into(), profile.verifies, profile.shows))
    }

    fn new(mut connection: Connection, verifies: bool, shows: bool) -> Self {
        connection.set_buffer_limit(Some(limits::STREAM_BACKLOG_BYTES));
        Layer { connection, verifies, shows }
    }

    /// Whether the handshake is still under way.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Takes what the socket gave and adds what it means to `plain`. False: the peer is done. An `Err` says why it is over; what
    /// [`flush`](Self::flush) then sends tells the peer.
    pub(crate) fn receive(&mut self, mut wire: &[u8], plain: &mut Vec<u8>) -> Result<bool, String> {
        while !wire.is_empty() {
            match self.connection.read_tls(&mut wire) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(e) => return Err(format!("TLS failed: {e}")),
            }
            let state = self.connection.process_new_packets().map_err(|e| explain(&e))?;
            let ready = state.plaintext_bytes_to_read();
            if ready > 0 {
                let start = plain.len();
                plain.resize(start + ready, 0);
                let target = plain.get_mut(start..).unwrap_or_default();
                self.connection.reader().read_exact(target).map_err(|e| format!("TLS failed: {e}"))?;
            }
            if state.peer_has_closed() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Encrypts; false when the peer leaves too much unread.
    pub(crate) fn send(&mut self, plain: &[u8]) -> bool {
        matches!(self.connection.writer().write(plain), Ok(written) if written == plain.len())
    }

    /// Whether something waits for the socket.
    pub(crate) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Writes what it can; true when something is left.
    pub(crate) fn flush(&mut self, socket: &mut dyn Write) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut &mut *socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }

    /// Says good-bye.
    pub(crate) fn close(&mut self) {
        self.connection.send_close_notify();
    }

    /// How it is protected, after the handshake.
    pub(crate) fn info(&self) -> TlsInfo {
        let identities = self.identities();
        let version = match self.connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        };
        let suite = self.connection.negotiated_cipher_suite();
        TlsInfo {
            version: version.to_owned(),
            suite: suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            verified: self.verifies && identities.is_some(),
            names: identities.map(|found| found.all()).unwrap_or_default(),
        }
    }

    /// Whether both sides have shown certificates. RFC 5923 s5.
    pub(crate) fn is_mutual(&self) -> bool {
        self.shows && self.verifies && self.connection.peer_certificates().is_some()
    }

    fn identities(&self) -> Option<Identities> {
        let certificate = self.connection.peer_certificates()?.first()?;
        Identities::of(certificate).ok()
    }
}
