//! What makes two messages belong to one transaction. RFC 3261 s17.1.3, s17.2.3.
//!
//! A key is a 128-bit SipHash of the compared parts under a secret seed: nobody can make two of them meet, chance does so once in
//! 2^64 transactions, and no text is kept.

use crate::base::map::Seeded;
use crate::message::{Method, Via, check};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{BuildHasher, Hasher};

/// A key of one side's table.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

/// Makes keys.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    hasher: SipHasher13,
}

/// Branches start so since RFC 3261. s8.1.1.7.
const COOKIE: &str = "z9hG4bK";

impl Keys {
    pub(super) fn new(seed: Seeded) -> Self {
        Keys { hasher: SipHasher13::new_with_keys(seed.hash_one(1u8), seed.hash_one(2u8)) }
    }

    /// The key of a client transaction: branch and method. s17.1.3.
    pub(super) fn client(&self, branch: &str, method: Method<'_>) -> Key {
        let mut hasher = Parts::new(self.hasher);
        hasher.caseless(branch);
        hasher.part(method.as_str());
        hasher.key()
    }

    /// The key of the server transaction that a request belongs to: branch, sent-by and method, where an ACK counts as INVITE. s17.2.3.
    pub(super) fn server(&self, request: &check::Request<'_, '_>) -> Key {
        let method = match request.method {
            Method::Ack => Method::Invite,
            other => other,
        };
        self.server_of(request, method)
    }

    /// The key of the transaction of `method` that a CANCEL is for, if there is one. s9.2.
    pub(super) fn cancelled(&self, request: &check::Request<'_, '_>, method: Method<'_>) -> Key {
        self.server_of(request, method)
    }

    fn server_of(&self, request: &check::Request<'_, '_>, method: Method<'_>) -> Key {
        let via = &request.via;
        let mut hasher = Parts::new(self.hasher);
        match via.branch().filter(|branch| has_cookie(branch)) {
            Some(branch) => {
                hasher.caseless(branch);
                hasher.sent_by(via);
                hasher.part(method.as_str());
            }
            None => {
                // RFC 2543. The To tag of an INVITE is left out: its ACK carries the tag of our response, and within a dialog the
                // CSeq tells requests apart.
                hasher.part("2543");
                hasher.part(request.uri);
                hasher.part(request.from.tag().unwrap_or_default());
                if method != Method::Invite {
                    hasher.part(request.to.tag().unwrap_or_default());
                }
                hasher.part(request.call_id);
                hasher.number(request.cseq.number);
                hasher.part(via.protocol);
                hasher.sent_by(via);
                hasher.part(via.params.as_str());
                hasher.part(method.as_str());
            }
        }
        hasher.key()
    }
}

fn has_cookie(branch: &str) -> bool {
    branch.get(..COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(COOKIE))
}

/// Gathers the parts, which are short, so that the hasher is called once.
struct Parts {
    hasher: SipHasher13,
    buffer: [u8; 192],
    used: usize,
}

impl Parts {
    fn new(hasher: SipHasher13) -> Self {
        Parts { hasher, buffer: [0; 192], used: 0 }
    }

    fn push(&mut self, bytes: &[u8], end: &[u8], lower: bool) {
        for chunk in bytes.chunks(self.buffer.len()) {
            let room = self.room(chunk.len());
            room.copy_from_slice(chunk);
            if lower {
                room.make_ascii_lowercase();
            }
        }
        self.room(end.len()).copy_from_slice(end);
    }

    /// The next `length` bytes of the buffer; what would not fit behind the rest goes on to the hasher first.
    fn room(&mut self, length: usize) -> &mut [u8] {
        if self.used.saturating_add(length) > self.buffer.len() {
            self.hasher.write(self.buffer.get(..self.used).unwrap_or_default());
            self.used = 0;
        }
        let start = self.used;
        self.used = start.saturating_add(length);
        self.buffer.get_mut(start..self.used).unwrap_or_default()
    }

    /// Parts end with a byte that no UTF-8 text has, so that their borders count.
    fn part(&mut self, text: &str) {
        self.push(text.as_bytes(), &[0xff], false);
    }

    /// Parameter values and hosts compare without case. RFC 3261 s7.3.1.
    fn caseless(&mut self, text: &str) {
        self.push(text.as_bytes(), &[0xff], true);
    }

    fn number(&mut self, number: u32) {
        self.push(&number.to_le_bytes(), &[], false);
    }

    fn sent_by(&mut self, via: &Via<'_>) {
        self.caseless(via.host);
        let default = via.transport().map_or(5060, |protocol| protocol.default_port());
        self.number(via.port.unwrap_or(default).into());
    }

    fn key(mut self) -> Key {
        self.hasher.write(self.buffer.get(..self.used).unwrap_or_default());
        Key(self.hasher.finish128().as_u128())
    }
}
