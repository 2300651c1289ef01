//! Registrations of accounts. RFC 3261 s10.2, RFC 3608.

use super::account::Registering;
use super::io::{EventKind, KeepAliveMode, Outcome};
use super::outgoing::Owner;
use super::{About, Agent, Timer};
use crate::base::Instant;
use crate::base::id::AccountId;
use crate::dialog::Dialog;
use crate::message::{Message, Name, check};
use crate::transport::shard::tag;
use crate::usage::register::Registration;

/// What a registrar grants when it names no time. RFC 3261 s10.2.1.1.
const DEFAULT_EXPIRES_S: u32 = 3600;

impl Agent {
    /// Registers an account, now and from now on.
    pub(super) fn register(&mut self, id: AccountId, now: Instant) {
        let local_tag = tag(self.config.shard, &mut self.rng);
        let call_id = self.call_id();
        let first_cseq = self.rng.below(1 << 16);
        let Some(account) = self.accounts.find_mut(id) else { return };
        // All registrations of one account share a Call-ID, and number their requests upward (s10.2).
        let registering = account.registration.take().unwrap_or_else(|| {
            let aor = &account.config.aor;
            let mut dialog = Dialog::initial(&call_id, &local_tag, aor, aor, &account.register_routes(), first_cseq);
            dialog.set_target(&account.registrar());
            let expires_s = account.config.expires_s.clamp(60, 86_400);
            Registering {
                machine: Registration::new(expires_s),
                dialog,
                asked_s: expires_s,
                contact: String::new(),
                offers_keep: account.config.keep_alive != KeepAliveMode::Never,
                flow: None,
            }
        });
        let registering = account.registration.insert(registering);
        registering.machine.start();
        self.start(Owner::Register(id), now);
    }

    pub(super) fn registration_due(&mut self, id: AccountId, now: Instant) {
        let registering = self.accounts.find_mut(id).and_then(|a| a.registration.as_mut());
        if registering.is_some_and(|r| r.machine.handle_timeout(now)) {
            self.start(Owner::Register(id), now);
        }
    }

    /// Ends the binding of an account, if there is one. Whether a request is on its way.
    pub(super) fn unregister(&mut self, id: AccountId, now: Instant) -> bool {
        let Some(registering) = self.accounts.find_mut(id).and_then(|a| a.registration.as_mut()) else { return false };
        let under_way = registering.machine.is_busy();
        if !registering.machine.stop() {
            return false;
        }
        self.schedule.set(Timer::Account(id), None);
        self.drop_flow(id, None);
        // One that is under way comes first; its result starts this one.
        if !under_way {
            self.start(Owner::Register(id), now);
        }
        true
    }

    pub(super) fn remove_account(&mut self, id: AccountId, now: Instant) {
        let Some(account) = self.accounts.find_mut(id) else {
            return self.event(EventKind::AccountRemoved, About::account(id), None, now);
        };
        account.removing = true;
        if !self.unregister(id, now) {
            self.account_gone(id, now);
        }
    }

    fn account_gone(&mut self, id: AccountId, now: Instant) {
        self.schedule.set(Timer::Account(id), None);
        self.drop_flow(id, None);
        self.accounts.remove(id);
        self.share_account(id);
        self.event(EventKind::AccountRemoved, About::account(id), None, now);
    }

    /// The final response to a REGISTER.
    pub(super) fn register_response(
        &mut self,
        id: AccountId,
        response: &check::Response<'_, '_>,
        outcome: Outcome,
        now: Instant,
    ) {
        if (200..300).contains(&outcome.status) {
            return self.registered(id, response, now);
        }
        let registering = self.accounts.find_mut(id).and_then(|a| a.registration.as_mut());
        if response.code == 423
            && let Some(min) = response.header(Name::MinExpires).and_then(|v| v.trim().parse().ok())
            && registering.is_some_and(|r| r.machine.too_brief(min))
        {
            return self.start(Owner::Register(id), now);
        }
        self.register_failed(id, outcome, response.retry_after_s(), Some(response.raw()), now);
    }

    /// No final response came, or none that helps.
    pub(super) fn register_failed(
        &mut self,
        id: AccountId,
        outcome: Outcome,
        retry_after_s: Option<u32>,
        raw: Option<&[u8]>,
        now: Instant,
    ) {
        let Some(account) = self.accounts.find_mut(id) else { return };
        let removing = account.removing;
        let Some(registering) = account.registration.as_mut() else { return };
        registering.machine.failed(retry_after_s, &mut self.rng, now);
        let deadline = registering.machine.next_timeout();
        self.schedule.set(Timer::Account(id), deadline);
        if removing {
            return self.account_gone(id, now);
        }
        if !self.draining {
            self.event(EventKind::RegisterFailed(outcome), About::account(id), raw, now);
        }
    }

    fn registered(&mut self, id: AccountId, response: &check::Response<'_, '_>, now: Instant) {
        let Some(account) = self.accounts.find_mut(id) else { return };
        let removing = account.removing;
        let Some(registering) = account.registration.as_mut() else { return };
        let asked = registering.asked_s;
        if registering.machine.is_unregistering() && asked > 0 {
            // The application changed its mind while this one was under way.
            return self.start(Owner::Register(id), now);
        }
        let granted =
            granted_s(response, &registering.contact).unwrap_or(if asked == 0 { 0 } else { DEFAULT_EXPIRES_S });
        let bound = registering.machine.granted(granted, now);
        let deadline = registering.machine.next_timeout();
        let service_route: Vec<String> = response.list(Name::ServiceRoute).map(Into::into).collect();
        let changed = account.service_route != service_route;
        account.service_route = service_route;
        self.schedule.set(Timer::Account(id), deadline);
        if removing && !bound {
            return self.account_gone(id, now);
        }
        if changed {
            self.share_account(id);
        }
        if bound {
            self.keep_flow(id, response, now);
            self.event(EventKind::Registered { expires_s: granted }, About::account(id), Some(response.raw()), now);
        }
    }
}

/// The time granted to our contact. RFC 3261 s10.2.4: its own `expires`, else the Expires header.
fn granted_s(response: &Message<'_>, contact: &str) -> Option<u32> {
    let ours = contact.trim_start_matches('<').trim_end_matches('>');
    let ours = crate::message::Uri::parse(ours).ok()?;
    let mut seen_other = false;
    for address in response.contacts().flatten() {
        if address.parsed_uri().is_ok_and(|uri| uri.same_as(&ours)) {
            let own = address.param("expires").and_then(|v| v.trim().parse().ok());
            return own.or_else(|| response.expires());
        }
        seen_other = true;
    }
    // A registrar that rewrote our contact (NAT) or shows none.
    if seen_other && response.contacts().count() == 1 {
        let only = response.contacts().next()?.ok()?;
        return only.param("expires").and_then(|v| v.trim().parse().ok()).or_else(|| response.expires());
    }
    response.expires()
}
