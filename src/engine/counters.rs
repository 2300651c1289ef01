//! What an engine counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the engine started.
        #[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The live counters; each is written by few threads and read by anyone.
        #[derive(Debug, Default)]
        pub(crate) struct Live {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            /// Every count with its name.
            pub(crate) fn list(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }

        impl Live {
            /// A copy of all.
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Datagrams received on signalling sockets.
    datagrams_received,
    /// System calls that received them.
    receive_batches,
    /// Datagrams sent from signalling sockets.
    datagrams_sent,
    /// System calls that sent them.
    send_batches,
    /// Messages that another signalling thread had to handle.
    rerouted,
    /// Messages dropped because another signalling thread was too far behind.
    reroute_dropped,
    /// Streams opened or accepted.
    streams_opened,
    /// Streams closed because the peer did not read, was idle, or sent nothing.
    streams_shed,
    /// RTP and RTCP packets received.
    media_received,
    /// RTP and RTCP packets sent.
    media_sent,
    /// Beats of media workers that came more than one beat late.
    late_beats,
    /// Panics of our own that were caught.
    panics,
    /// Panics of the application's callbacks that were caught.
    callback_panics,
    /// Inline callbacks that ran longer than 10 ms.
    slow_callbacks,
    /// Keys that the application took too slowly and that were dropped.
    events_dropped,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// Adds `n`.
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}
