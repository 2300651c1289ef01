//! The Contact that a peer gets on the flow that it came on. RFC 3261 s8.1.1.8, s12.1.1.

use crate::base::{Flow, Protocol};
use crate::transport::Transports;

/// Our Contact on a flow, with a user part where there is one.
pub(super) fn contact(transports: &Transports, flow: &Flow, user: &str) -> String {
    let mut address = transports.advertised(flow.protocol, flow.local.ip());
    if flow.protocol == Protocol::Udp {
        address.set_port(flow.local.port());
    }
    crate::call::contact(address, flow.protocol, user)
}
