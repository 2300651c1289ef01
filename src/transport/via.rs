//! The server's half of Via: `received` and `rport`, and where responses go. RFC 3261 s18.2.1, s18.2.2, RFC 3581 s4.

use crate::base::scan::find_byte;
use crate::base::text::{push_decimal, push_ip};
use crate::base::{Flow, Protocol};
use crate::message::{Message, Name, OverloadFeedback, Via, Writer};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Keep-alives that we recommend: below the timeouts of most NATs. RFC 5626 s4.4.1, s4.4.2.
const KEEP_STREAM_S: u32 = 120;
const KEEP_DATAGRAM_S: u32 = 29;

/// What the server adds to the top Via of a request. The request itself is not rewritten: this is kept beside it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ViaFix {
    /// `received`: the source address, where sent-by does not name it or the client asked for `rport`.
    pub received: Option<IpAddr>,
    /// `rport`: the source port, where the client asked for it.
    pub rport: Option<u16>,
    /// `oc` and its kin, where the client takes part in overload control. RFC 7339 s5.2.
    pub feedback: Option<OverloadFeedback>,
    /// `keep`: how often we want keep-alives, seconds, where the client offers them. RFC 6223 s4.4.
    pub keep: Option<u32>,
}

impl ViaFix {
    /// What to add to `via` of a request that came on `flow`. `force`: as if the client had asked for `rport`.
    #[must_use]
    pub fn of(via: &Via<'_>, flow: &Flow, force: bool) -> Self {
        let source = flow.remote.ip().to_canonical();
        let named = via.host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical() == source);
        let rport = (force || via.rport().is_some()).then(|| flow.remote.port());
        ViaFix { received: (!named || rport.is_some()).then_some(source), rport, feedback: None, keep: None }
    }

    /// Accepts keep-alives for a request that makes a dialog, where its client offers them: their frequency is that of the flow.
    pub fn keep(&mut self, via: &Via<'_>, flow: &Flow) {
        if via.params.get("keep") == Some(None) {
            self.keep = Some(if flow.protocol.is_reliable() { KEEP_STREAM_S } else { KEEP_DATAGRAM_S });
        }
    }
}

/// Where responses to a request go whose top Via is `via` and which came on `flow`. RFC 3261 s18.2.2, RFC 3581 s4. Responses leave from
/// the address that the request was sent to. `force`: back to where it came from, whatever Via says.
#[must_use]
pub fn response_flow(via: &Via<'_>, flow: &Flow, force: bool) -> Flow {
    if force || flow.protocol.is_reliable() {
        return *flow;
    }
    let sent_by_port = via.port.filter(|port| *port != 0).unwrap_or(5060);
    if let Some(maddr) = via.maddr().and_then(|maddr| maddr.parse::<IpAddr>().ok())
        && maddr.is_ipv4() == flow.remote.is_ipv4()
    {
        return Flow { remote: SocketAddr::new(maddr, sent_by_port), ..*flow };
    }
    if via.rport().is_some() {
        return *flow;
    }
    // `received` is the source address whenever sent-by is not.
    let mut remote = flow.remote;
    remote.set_port(sent_by_port);
    Flow { remote, ..*flow }
}

/// Where to open a stream for a response whose own stream is gone: the address in `received` (else sent-by), the port of sent-by.
/// RFC 3261 s18.2.2. `None` when sent-by is a name.
#[must_use]
pub fn sent_by(via: &Via<'_>, protocol: Protocol) -> Option<SocketAddr> {
    let ip = via.received().or_else(|| via.host.parse().ok())?;
    Some(SocketAddr::new(ip, via.port.filter(|port| *port != 0).unwrap_or(protocol.default_port())))
}

/// Writes the Via fields of a response: those of the request, the top one completed by `fix`. RFC 3261 s8.2.6.2.
pub fn response_vias(writer: &mut Writer<'_>, request: &Message<'_>, fix: &ViaFix) {
    let mut vias = request.list(Name::Via);
    if let Some(top) = vias.next() {
        let mut value = Vec::with_capacity(top.len().saturating_add(64));
        push_fixed(&mut value, top, fix);
        writer.header(Name::Via, value);
    }
    for via in vias {
        writer.header(Name::Via, via);
    }
}

/// The top Via value with our parameters; a `received` that the client wrote itself is dropped.
pub(super) fn push_fixed(out: &mut Vec<u8>, value: &str, fix: &ViaFix) {
    let (head, params) = value.split_at(find_byte(value.as_bytes(), b';').unwrap_or(value.len()));
    out.extend_from_slice(head.trim_ascii_end().as_bytes());
    let mut rest = params.get(1..);
    while let Some(text) = rest {
        let end = find_byte(text.as_bytes(), b';').unwrap_or(text.len());
        let (param, behind) = text.split_at_checked(end).unwrap_or((text, ""));
        rest = behind.get(1..);
        let param = param.trim_ascii();
        let ours = is_named(param, "received")
            || (fix.rport.is_some() && is_named(param, "rport"))
            || (fix.feedback.is_some() && (is_named(param, "oc") || is_named(param, "oc-algo")))
            || (fix.keep.is_some() && is_named(param, "keep"));
        if !ours && !param.is_empty() {
            out.push(b';');
            out.extend_from_slice(param.as_bytes());
        }
    }
    if let Some(received) = fix.received {
        out.extend_from_slice(b";received=");
        push_ip(out, received);
    }
    if let Some(rport) = fix.rport {
        out.extend_from_slice(b";rport=");
        push_decimal(out, rport.into());
    }
    if let Some(feedback) = &fix.feedback {
        // Writing into a Vec cannot fail.
        let _ = write!(out, "{feedback}");
    }
    if let Some(keep) = fix.keep {
        out.extend_from_slice(b";keep=");
        push_decimal(out, keep.into());
    }
}

/// Whether a parameter, trimmed, has that name.
fn is_named(param: &str, name: &str) -> bool {
    param.split_at_checked(name.len()).is_some_and(|(front, rest)| {
        front.eq_ignore_ascii_case(name) && matches!(rest.trim_ascii_start().as_bytes(), [] | [b'=', ..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(protocol: Protocol, remote: &str) -> Flow {
        Flow { protocol, local: "192.0.2.1:5060".parse().unwrap(), remote: remote.parse().unwrap(), connection: 0 }
    }

    fn via(text: &str) -> Via<'_> {
        Via::parse(text).unwrap()
    }

    fn fixed(value: &str, fix: &ViaFix) -> String {
        let mut out = Vec::new();
        push_fixed(&mut out, value, fix);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_domain_in_sent_by_gets_received() {
        let v = "SIP/2.0/UDP bobspc.biloxi.com:5060";
        let f = flow(Protocol::Udp, "192.0.2.4:1234");
        let fix = ViaFix::of(&via(v), &f, false);
        assert_eq!(fix, ViaFix { received: "192.0.2.4".parse().ok(), ..ViaFix::default() });
        assert_eq!(fixed(v, &fix), "SIP/2.0/UDP bobspc.biloxi.com:5060;received=192.0.2.4");
        assert_eq!(response_flow(&via(v), &f, false).remote, "192.0.2.4:5060".parse().unwrap());
    }

    #[test]
    fn a_true_address_in_sent_by_gets_nothing() {
        let v = via("SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1");
        let f = flow(Protocol::Udp, "192.0.2.4:1234");
        assert_eq!(ViaFix::of(&v, &f, false), ViaFix::default());
        assert_eq!(response_flow(&v, &f, false).remote, "192.0.2.4:5070".parse().unwrap());
        assert_eq!(response_flow(&via("SIP/2.0/UDP 192.0.2.4"), &f, false).remote, "192.0.2.4:5060".parse().unwrap());
        assert_eq!(response_flow(&via("SIP/2.0/UDP 192.0.2.4:0"), &f, false).remote, "192.0.2.4:5060".parse().unwrap());
    }

    #[test]
    fn rport_brings_responses_back_through_the_nat() {
        let v = "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff";
        let f = flow(Protocol::Udp, "192.0.2.1:9988");
        let fix = ViaFix::of(&via(v), &f, false);
        assert_eq!(fixed(v, &fix), "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKkjshdyff;received=192.0.2.1;rport=9988");
        assert_eq!(response_flow(&via(v), &f, false), f);
        // RFC 3581 s4: received even when sent-by is true.
        let fix = ViaFix::of(&via("SIP/2.0/UDP 192.0.2.1:9988;rport"), &f, false);
        let wanted = ViaFix { received: "192.0.2.1".parse().ok(), rport: Some(9988), ..ViaFix::default() };
        assert_eq!(fix, wanted);
    }

    #[test]
    fn forced_rport_answers_the_source_of_clients_that_do_not_ask() {
        let v = "SIP/2.0/UDP 10.1.1.1:4540;maddr=10.9.9.9;branch=z9hG4bK1";
        let f = flow(Protocol::Udp, "192.0.2.1:9988");
        let fix = ViaFix::of(&via(v), &f, true);
        assert_eq!(
            fixed(v, &fix),
            "SIP/2.0/UDP 10.1.1.1:4540;maddr=10.9.9.9;branch=z9hG4bK1;received=192.0.2.1;rport=9988"
        );
        assert_eq!(response_flow(&via(v), &f, true), f);
    }

    #[test]
    fn keep_alives_are_accepted_where_they_are_offered() {
        let offered = "SIP/2.0/UDP 192.0.2.4:5060;keep;branch=z9hG4bK1";
        let f = flow(Protocol::Udp, "192.0.2.4:5060");
        let of = |v: &str, f: &Flow| {
            let mut fix = ViaFix::of(&via(v), f, false);
            fix.keep(&via(v), f);
            fixed(v, &fix)
        };
        assert_eq!(of(offered, &f), "SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK1;keep=29");
        let tcp = flow(Protocol::Tcp, "192.0.2.4:5060");
        assert_eq!(of("SIP/2.0/TCP 192.0.2.4;keep;a", &tcp), "SIP/2.0/TCP 192.0.2.4;a;keep=120");
        for plain in ["SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK1", "SIP/2.0/UDP 192.0.2.4:5060;keep=7"] {
            assert_eq!(of(plain, &f), plain);
        }
    }

    #[test]
    fn a_forged_received_is_replaced() {
        let v = "SIP/2.0/TCP 192.0.2.4;branch=z9hG4bK1;Received=203.0.113.9;rport=1";
        let f = flow(Protocol::Tcp, "192.0.2.4:1234");
        let fix = ViaFix::of(&via(v), &f, false);
        assert_eq!(fixed(v, &fix), "SIP/2.0/TCP 192.0.2.4;branch=z9hG4bK1;received=192.0.2.4;rport=1234");
        assert_eq!(fixed("SIP/2.0/TCP h ;a; received=1.2.3.4", &ViaFix::default()), "SIP/2.0/TCP h;a");
    }

    #[test]
    fn maddr_wins_over_rport_on_datagrams_only() {
        let v = via("SIP/2.0/UDP h:5070;maddr=239.1.1.1;rport");
        assert_eq!(
            response_flow(&v, &flow(Protocol::Udp, "192.0.2.4:1"), false).remote,
            "239.1.1.1:5070".parse().unwrap()
        );
        let f = flow(Protocol::Tcp, "192.0.2.4:1");
        assert_eq!(response_flow(&v, &f, false), f);
    }

    #[test]
    fn ipv6_and_mapped_addresses() {
        let f = flow(Protocol::Udp, "[2001:db8::9:255]:5070");
        let v = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK1;rport";
        let fix = ViaFix::of(&via(v), &f, false);
        assert_eq!(fixed(v, &fix), "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK1;received=2001:db8::9:255;rport=5070");
        let f = flow(Protocol::Udp, "[::ffff:192.0.2.4]:5070");
        assert_eq!(ViaFix::of(&via("SIP/2.0/UDP 192.0.2.4:5070"), &f, false), ViaFix::default());
    }

    #[test]
    fn a_lost_stream_is_reopened_at_sent_by() {
        let at = |text| sent_by(&via(text), Protocol::Tcp);
        assert_eq!(at("SIP/2.0/TCP h:5070;received=192.0.2.4;rport=999"), "192.0.2.4:5070".parse().ok());
        assert_eq!(at("SIP/2.0/TCP 192.0.2.4"), "192.0.2.4:5060".parse().ok());
        assert_eq!(at("SIP/2.0/TCP h"), None);
    }
}
