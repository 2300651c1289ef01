//! Ids: 64 bits that are never used twice. An id names its kind, the engine and the shard that own it, and is known to the
//! application before its first event.
//!
//! Layout, high to low: kind 4 | engine 8 | shard 8 | origin 1 | serial 43. Origin 1 is minted on a calling thread by
//! `engine/handles`, origin 0 by an agent for what the network started; so both sides count without talking to each other.

use std::fmt;

const SERIAL_BITS: u32 = 43;
const SERIAL_MASK: u64 = (1 << SERIAL_BITS) - 1;

/// What an id names.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An account: address of record, credentials, registration.
    Account = 1,
    /// A call.
    Call = 2,
    /// A request that is no call: of the application, or of a peer for it to answer.
    Request = 3,
    /// A media node: session, player, recorder, port.
    Node = 4,
}

/// Who counts the serial.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// An agent, for what came from the network.
    Network,
    /// A calling thread, for what the application started.
    Application,
}

/// Packs an id. `serial` wraps after 2^43 (278 years at 1,000 ids a second).
#[must_use]
pub const fn pack(kind: Kind, engine: u8, shard: u8, origin: Origin, serial: u64) -> u64 {
    ((kind as u64) << 60)
        | ((engine as u64) << 52)
        | ((shard as u64) << 44)
        | ((origin as u64) << SERIAL_BITS)
        | (serial & SERIAL_MASK)
}

/// The kind bits of a packed id, if they name a kind.
#[must_use]
pub const fn kind(id: u64) -> Option<Kind> {
    match id >> 60 {
        1 => Some(Kind::Account),
        2 => Some(Kind::Call),
        3 => Some(Kind::Request),
        4 => Some(Kind::Node),
        _ => None,
    }
}

/// The engine bits of a packed id.
#[must_use]
pub const fn engine(id: u64) -> u8 {
    (id >> 52) as u8
}

/// The shard bits of a packed id.
#[must_use]
pub const fn shard(id: u64) -> u8 {
    (id >> 44) as u8
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// No object.
            pub const NONE: $name = $name(0);

            /// Packs an id of this kind.
            #[must_use]
            pub const fn new(engine: u8, shard: u8, origin: Origin, serial: u64) -> Self {
                $name(pack(Kind::$kind, engine, shard, origin, serial))
            }

            /// Takes a number that came through the C ABI; `None` when it is of another kind.
            #[must_use]
            pub const fn from_raw(raw: u64) -> Option<Self> {
                match kind(raw) {
                    Some(Kind::$kind) => Some($name(raw)),
                    _ => None,
                }
            }

            /// The number that goes through the C ABI.
            #[must_use]
            pub const fn raw(self) -> u64 {
                self.0
            }

            /// The shard that owns the object.
            #[must_use]
            pub const fn shard(self) -> u8 {
                shard(self.0)
            }

            /// Whether this is no object.
            #[must_use]
            pub const fn is_none(self) -> bool {
                self.0 == 0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }
    )*};
}

ids! {
    /// Names an account.
    AccountId => Account;
    /// Names a call.
    CallId => Call;
    /// Names a request that is no call: of the application, or of a peer for it to answer.
    RequestId => Request;
    /// Names a media node.
    NodeId => Node;
}

/// Counts ids of one shard and origin.
#[derive(Debug, Clone)]
pub struct Minter {
    engine: u8,
    shard: u8,
    next: u64,
}

impl Minter {
    /// Starts counting at 1.
    #[must_use]
    pub const fn new(engine: u8, shard: u8) -> Self {
        Self::starting_at(engine, shard, 1)
    }

    /// Starts counting at `first`: above all that an earlier minter of the same shard gave.
    #[must_use]
    pub const fn starting_at(engine: u8, shard: u8, first: u64) -> Self {
        Minter { engine, shard, next: first }
    }

    /// A new call id of network origin.
    pub const fn call(&mut self) -> CallId {
        CallId::new(self.engine, self.shard, Origin::Network, self.take())
    }

    /// A new media node id of network origin.
    pub const fn node(&mut self) -> NodeId {
        NodeId::new(self.engine, self.shard, Origin::Network, self.take())
    }

    /// A new request id of network origin.
    pub const fn request(&mut self) -> RequestId {
        RequestId::new(self.engine, self.shard, Origin::Network, self.take())
    }

    const fn take(&mut self) -> u64 {
        let serial = self.next;
        self.next = self.next.wrapping_add(1);
        serial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let call = CallId::new(3, 2, Origin::Network, 77);
        assert_eq!(CallId::from_raw(call.raw()), Some(call));
        assert_eq!(AccountId::from_raw(call.raw()), None);
        assert_eq!(CallId::from_raw(0), None);
        assert_eq!((engine(call.raw()), call.shard()), (3, 2));
    }

    #[test]
    fn the_two_origins_never_meet() {
        assert_ne!(CallId::new(1, 0, Origin::Network, 5), CallId::new(1, 0, Origin::Application, 5));
    }
}
