//! Responses to an INVITE that was given up for another target: a late 2xx is acknowledged and its dialog ended. RFC 3263 s4.3,
//! RFC 3261 s9.1, s13.2.2.4.

use super::outgoing::Owner;
use super::{Agent, User};
use crate::base::Instant;
use crate::dialog::Dialog;
use crate::message::{Method, check};
use crate::request::OutgoingRequest;
use crate::transaction::TransactionId;

impl Agent {
    /// Whether a response belongs to an INVITE whose request went on to another target, or is gone.
    pub(super) fn is_given_up(&self, key: u64, id: TransactionId, response: &check::Response<'_, '_>) -> bool {
        let request = self.running.get(&key).and_then(|running| running.request.as_ref());
        response.cseq.method == Method::Invite && request.and_then(OutgoingRequest::transaction) != Some(id)
    }

    /// A provisional response is followed by a CANCEL, a 2xx by ACK and, the first time, BYE.
    pub(super) fn late_response(
        &mut self,
        id: TransactionId,
        key: Option<u64>,
        response: &check::Response<'_, '_>,
        now: Instant,
    ) {
        if response.code < 200 {
            self.transactions.cancel(id, now, &mut self.from_transactions);
            return;
        }
        if response.code >= 300 {
            return;
        }
        let Some(dialog) = dialog_of(response) else { return };
        let running = key.and_then(|key| self.running.get(&key));
        let credentials = running.and_then(|r| r.request.as_ref()).map(|r| r.credentials().to_vec());
        let account = running.map(|r| self.account_of(&r.owner)).unwrap_or_default();
        self.acknowledge(Box::new(dialog.clone()), credentials.unwrap_or_default(), now);
        if key.is_some() {
            self.users.insert(id, User::GivenUp);
            self.start(Owner::Bye { dialog: Box::new(dialog), account, flow: None, as_callee: false }, now);
        }
    }
}

/// The dialog that a 2xx makes, from the response alone.
fn dialog_of(response: &check::Response<'_, '_>) -> Option<Dialog> {
    let local = format!("<{}>", response.from.uri);
    let remote = format!("<{}>", response.to.uri);
    let (call_id, tag) = (response.call_id, response.from.tag()?);
    let mut dialog = Dialog::initial(call_id, tag, &local, &remote, &[], response.cseq.number).uac(response)?;
    dialog.set_local_cseq(response.cseq.number);
    Some(dialog)
}
