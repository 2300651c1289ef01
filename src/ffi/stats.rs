//! What an engine tells of itself in one look. Rule 8 of the C ABI: the struct grows only at its end.

use super::engine::{find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::string::{put_sized, wanted};

/// Counts since the engine started, how full its tables are, and their bounds. Filled by sipw_engine_stats().
#[repr(C)]
#[derive(Copy, Clone, Default)]
pub struct sipw_stats {
    /// Bytes the library filled.
    pub size: u32,
    /// Nothing yet; 0.
    pub reserved: u32,
    /// Accounts, calls and requests whose ids are alive.
    pub objects: u64,
    /// Events that wait for delivery.
    pub events_waiting: u64,
    /// Accounts.
    pub accounts: u64,
    /// Calls that are not forgotten.
    pub calls: u64,
    /// The most calls at once.
    pub calls_max: u64,
    /// Dialogs.
    pub dialogs: u64,
    /// Transactions, of both sides.
    pub transactions: u64,
    /// The most transactions of each side at once.
    pub transactions_max: u64,
    /// Outgoing requests without final response.
    pub requests: u64,
    /// Streams (TCP) known.
    pub streams: u64,
    /// The most streams at once.
    pub streams_max: u64,
    /// Deadlines of calls, accounts and requests.
    pub timers: u64,
    /// Messages dropped because they could not be read or belonged to nothing.
    pub messages_dropped: u64,
    /// Datagrams received on signalling sockets.
    pub datagrams_received: u64,
    /// System calls that received them.
    pub receive_batches: u64,
    /// Datagrams sent from signalling sockets.
    pub datagrams_sent: u64,
    /// System calls that sent them.
    pub send_batches: u64,
    /// Messages that another signalling thread had to handle.
    pub rerouted: u64,
    /// Messages dropped because another signalling thread was too far behind.
    pub reroute_dropped: u64,
    /// Streams opened or accepted.
    pub streams_opened: u64,
    /// Streams closed because the peer did not read, was idle, or sent nothing.
    pub streams_shed: u64,
    /// RTP and RTCP packets received.
    pub media_received: u64,
    /// RTP and RTCP packets sent.
    pub media_sent: u64,
    /// Beats of media threads that came more than one beat late.
    pub late_beats: u64,
    /// Defects of the library that were caught. Please report them.
    pub panics: u64,
    /// Panics of Rust callbacks that were caught.
    pub callback_panics: u64,
    /// Inline callbacks that ran longer than 10 ms.
    pub slow_callbacks: u64,
    /// Keys that the application took too slowly and that were dropped.
    pub events_dropped: u64,
    /// SIP messages received over UDP.
    pub udp_messages_received: u64,
    /// SIP messages sent over UDP.
    pub udp_messages_sent: u64,
    /// Bytes of SIP messages received over UDP.
    pub udp_bytes_received: u64,
    /// Bytes of SIP messages sent over UDP.
    pub udp_bytes_sent: u64,
    /// SIP messages received over TCP.
    pub tcp_messages_received: u64,
    /// SIP messages sent over TCP.
    pub tcp_messages_sent: u64,
    /// Bytes of SIP messages received over TCP.
    pub tcp_bytes_received: u64,
    /// Bytes of SIP messages sent over TCP.
    pub tcp_bytes_sent: u64,
    /// TCP connections open now.
    pub tcp_streams: u64,
    /// SIP messages received over TLS.
    pub tls_messages_received: u64,
    /// SIP messages sent over TLS.
    pub tls_messages_sent: u64,
    /// Bytes of SIP messages received over TLS.
    pub tls_bytes_received: u64,
    /// Bytes of SIP messages sent over TLS.
    pub tls_bytes_sent: u64,
    /// TLS connections open now.
    pub tls_streams: u64,
    /// SIP messages received over WebSocket.
    pub ws_messages_received: u64,
    /// SIP messages sent over WebSocket.
    pub ws_messages_sent: u64,
    /// Bytes of SIP messages received over WebSocket.
    pub ws_bytes_received: u64,
    /// Bytes of SIP messages sent over WebSocket.
    pub ws_bytes_sent: u64,
    /// WebSocket connections open now.
    pub ws_streams: u64,
    /// SIP messages received over secure WebSocket.
    pub wss_messages_received: u64,
    /// SIP messages sent over secure WebSocket.
    pub wss_messages_sent: u64,
    /// Bytes of SIP messages received over secure WebSocket.
    pub wss_bytes_received: u64,
    /// Bytes of SIP messages sent over secure WebSocket.
    pub wss_bytes_sent: u64,
    /// secure WebSocket connections open now.
    pub wss_streams: u64,
    /// SIP messages that were sent again: timers A, E and G of RFC 3261 s17, and repeats of a 2xx and its ACK.
    pub retransmissions_sent: u64,
    /// SIP messages that came again.
    pub retransmissions_received: u64,
    /// Transactions that ended without what they waited for.
    pub timeouts: u64,
    /// Messages that could not be read.
    pub messages_unreadable: u64,
    /// Commands of the application that wait for a signalling thread.
    pub commands_waiting: u64,
    /// Datagrams that wait for a full socket.
    pub datagrams_waiting: u64,
    /// Bytes that wait for streams whose peers do not read.
    pub stream_bytes_waiting: u64,
    /// Messages of banned sources, dropped before they were read.
    pub banned: u64,
    /// New requests above their source's rate, dropped.
    pub over_rate: u64,
    /// Messages that break the rules above their source's rate, dropped without an answer.
    pub malformed: u64,
    /// Failed authentications above their source's rate, dropped without an answer.
    pub auth_failures: u64,
    /// Requests of scanners that were dropped.
    pub scanners: u64,
    /// Requests that the filter dropped.
    pub filter_dropped: u64,
    /// Requests that the filter refused.
    pub filter_rejected: u64,
    /// Failures of the filter; the request got 500.
    pub filter_failures: u64,
    /// New requests refused with 503 because of load.
    pub refused_load: u64,
    /// New requests refused with 503 because the engine is closing or the application is behind with its events.
    pub refused_closing: u64,
    /// New requests refused with 503 because a table was full.
    pub refused_full: u64,
    /// Requests of ours not sent because the next hop asked for less (RFC 7339).
    pub throttled: u64,
    /// Bans.
    pub bans: u64,
    /// Sources remembered.
    pub sources: u64,
    /// The most sources remembered at once.
    pub sources_max: u64,
    /// Sources among them that calls or registrations came up with.
    pub friends: u64,
    /// Sources forgotten because newer ones took their place.
    pub sources_evicted: u64,
    /// Per cent of strangers' new requests refused because of load now.
    pub loss_percent: u64,
}

/// Fills a struct from the list of names, and says which names it has no field for.
macro_rules! fill {
    ($list:expr, $($name:ident),* $(,)?) => {{
        let mut stats = sipw_stats { size: size_of::<sipw_stats>() as u32, ..sipw_stats::default() };
        let mut unknown: Vec<&'static str> = Vec::new();
        for (name, value) in $list {
            match name {
                $(stringify!($name) => stats.$name = value,)*
                other => unknown.push(other),
            }
        }
        (stats, unknown)
    }};
}

fn filled(list: Vec<(&'static str, u64)>) -> (sipw_stats, Vec<&'static str>) {
    fill!(
        list,
        objects,
        events_waiting,
        accounts,
        calls,
        calls_max,
        dialogs,
        transactions,
        transactions_max,
        requests,
        streams,
        streams_max,
        timers,
        messages_dropped,
        datagrams_received,
        receive_batches,
        datagrams_sent,
        send_batches,
        rerouted,
        reroute_dropped,
        streams_opened,
        streams_shed,
        media_received,
        media_sent,
        late_beats,
        panics,
        callback_panics,
        slow_callbacks,
        events_dropped,
        udp_messages_received,
        udp_messages_sent,
        udp_bytes_received,
        udp_bytes_sent,
        tcp_messages_received,
        tcp_messages_sent,
        tcp_bytes_received,
        tcp_bytes_sent,
        tcp_streams,
        tls_messages_received,
        tls_messages_sent,
        tls_bytes_received,
        tls_bytes_sent,
        tls_streams,
        ws_messages_received,
        ws_messages_sent,
        ws_bytes_received,
        ws_bytes_sent,
        ws_streams,
        wss_messages_received,
        wss_messages_sent,
        wss_bytes_received,
        wss_bytes_sent,
        wss_streams,
        retransmissions_sent,
        retransmissions_received,
        timeouts,
        messages_unreadable,
        commands_waiting,
        datagrams_waiting,
        stream_bytes_waiting,
        banned,
        over_rate,
        malformed,
        auth_failures,
        scanners,
        filter_dropped,
        filter_rejected,
        filter_failures,
        refused_load,
        refused_closing,
        refused_full,
        throttled,
        bans,
        sources,
        sources_max,
        friends,
        sources_evicted,
        loss_percent,
    )
}

/// Reads counts, fill and bounds of an engine; use the macro sipw_engine_stats().
///
/// @param out   where they go
/// @param size  sizeof *out as the caller was compiled: nothing beyond it is written
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread; waits up to 100 ms for the signalling threads to tell how full their tables are.
///         Inside a callback it does not wait: the tables are then those of up to 100 ms ago.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_engine_stats_sized(
    eng: *mut sipw_engine,
    out: *mut sipw_stats,
    size: usize,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        wanted(out, "out")?;
        let (mut stats, _) = filled(shared.engine().stats().list());
        stats.size = size.min(size_of::<sipw_stats>()) as u32;
        // SAFETY: checked for NULL; the caller promises `size` writable bytes.
        unsafe { put_sized(out, &stats, size) };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Stats;

    #[test]
    fn every_figure_of_the_engine_has_its_field() {
        let list = Stats::default().list();
        let (fields, unknown) = (size_of::<sipw_stats>() / 8 - 1, filled(list.clone()).1);
        assert_eq!(unknown, Vec::<&str>::new());
        assert_eq!(fields, list.len());
    }
}
