//! What must hold for every message that anybody sends: it is SIP, it prints to itself, and no server transaction gives two different
//! final responses. RFC 3261 s7, s17.2.

use super::HostId;
use crate::message::{Message, check};
use std::collections::BTreeMap;

/// Most rules broken that are kept; one is enough to fail a run.
const KEPT: usize = 32;

/// Which response belongs to which server transaction: host, branch, method.
type Transaction = (HostId, String, String);

/// Looks at every message on its way out.
#[derive(Debug, Default)]
pub(super) struct Watch {
    finals: BTreeMap<Transaction, u16>,
    messages: u64,
    broken: Vec<String>,
}

impl Watch {
    pub(super) fn sent(&mut self, host: HostId, bytes: &[u8]) {
        if bytes == b"\r\n" || bytes == b"\r\n\r\n" || crate::stun::is_stun(bytes) {
            return;
        }
        self.messages += 1;
        if let Err(rule) = self.look(host, bytes)
            && self.broken.len() < KEPT
        {
            self.broken.push(format!("host {}: {rule}: {:?}", host.0, String::from_utf8_lossy(bytes)));
        }
    }

    /// How many messages were looked at.
    pub(super) const fn messages(&self) -> u64 {
        self.messages
    }

    /// The rules that were broken.
    pub(super) fn broken(&self) -> &[String] {
        &self.broken
    }

    fn look(&mut self, host: HostId, bytes: &[u8]) -> Result<(), String> {
        let message = Message::parse(bytes).map_err(|error| format!("a message of ours cannot be read ({error})"))?;
        let mut printed = Vec::with_capacity(bytes.len());
        message.write(&mut printed);
        if printed != bytes {
            return Err("a message of ours does not print to itself".into());
        }
        if message.is_request() {
            check::request(&message).map_err(|r| format!("a request of ours breaks a rule ({r})"))?;
            return Ok(());
        }
        let response = check::response(&message).map_err(|r| format!("a response of ours breaks a rule ({r})"))?;
        // A 2xx to INVITE ends the transaction, and repeats of it are the same.
        if response.code >= 200 {
            let branch = response.via.branch().unwrap_or_default().to_owned();
            let method = response.cseq.method.as_str().to_owned();
            let first = *self.finals.entry((host, branch, method)).or_insert(response.code);
            if first != response.code {
                return Err(format!("a second final response, {first} before"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: &str) -> String {
        format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
        )
    }

    #[test]
    fn a_second_different_final_is_seen() {
        let mut watch = Watch::default();
        for status in ["200 OK", "200 OK"] {
            watch.sent(HostId(0), response(status).as_bytes());
        }
        assert!(watch.broken().is_empty(), "{:?}", watch.broken());
        watch.sent(HostId(0), response("481 Gone").as_bytes());
        assert_eq!(watch.broken().len(), 1);
    }

    #[test]
    fn what_is_no_sip_is_seen() {
        let mut watch = Watch::default();
        watch.sent(HostId(0), b"hello");
        assert_eq!((watch.broken().len(), watch.messages()), (1, 1));
    }
}
