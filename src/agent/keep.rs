//! Flows that registrations live on: kept alive where the peer says or the application wants it, and renewed when they fail.
//! RFC 5626 s4.4, s4.5, s8; RFC 6223.

use super::io::{EventKind, KeepAliveMode, Output};
use super::outgoing::Owner;
use super::{About, Agent, Timer};
use crate::base::id::AccountId;
use crate::base::{Flow, Instant, Protocol, Transmit};
use crate::message::{Message, Name, check};
use crate::stun;
use crate::usage::keep_alive::{Action, KeepAlive, Kind};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A flow with registrations on it.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Names it in the schedule, whose keys are small.
    number: u64,
    /// None for a stream that is at home on another shard, which sees its pongs.
    machine: Option<KeepAlive>,
    accounts: Vec<AccountId>,
    /// Why it has failed, once it has.
    reason: Option<String>,
}

impl Agent {
    /// A registration came through: its flow is kept alive from now on, if the peer says so or the application wants it.
    pub(super) fn keep_flow(&mut self, id: AccountId, response: &check::Response<'_, '_>, now: Instant) {
        let Some(account) = self.accounts.find(id) else { return };
        let Some(flow) = account.registration.as_ref().and_then(|r| r.flow) else { return };
        let indicated = indicated_s(response);
        let wanted = match account.config.keep_alive {
            KeepAliveMode::Never => None,
            KeepAliveMode::Negotiated => indicated,
            KeepAliveMode::Always => Some(indicated.unwrap_or(0)),
        };
        let Some(mut seconds) = wanted else { return self.drop_flow(id, None) };
        if account.config.keep_alive_s > 0 {
            // Never less often than the peer asks for.
            seconds = if seconds == 0 { account.config.keep_alive_s } else { seconds.min(account.config.keep_alive_s) };
        }
        self.drop_flow(id, Some(&flow));
        let (recommended, rng) = ((seconds > 0).then_some(seconds), &mut self.rng);
        let kind = match flow.protocol {
            Protocol::Udp => Some(Kind::Stun { shard: self.config.shard }),
            // WebSockets have pings of their own (RFC 6455 s5.5.2).
            Protocol::Ws | Protocol::Wss => None,
            _ if flow.home() != self.config.shard => None,
            _ => Some(Kind::Crlf),
        };
        let numbers = &mut self.keeper_numbers;
        let keeper = self.keepers.entry(flow).or_insert_with(|| Keeper {
            number: numbered(numbers, flow),
            machine: kind.map(|kind| KeepAlive::new(kind, recommended, rng, now)),
            accounts: Vec::new(),
            reason: None,
        });
        if let Some(machine) = &mut keeper.machine {
            machine.set_interval(recommended, &mut self.rng, now);
        }
        if !keeper.accounts.contains(&id) {
            keeper.accounts.push(id);
        }
        self.keep_reschedule(&flow);
    }

    fn keep_reschedule(&mut self, flow: &Flow) {
        if let Some(keeper) = self.keepers.get(flow) {
            let deadline = keeper.machine.as_ref().and_then(KeepAlive::next_timeout);
            self.schedule.set(Timer::Keep(keeper.number), deadline);
        }
    }

    fn forget_keeper(&mut self, flow: &Flow) -> Option<Keeper> {
        let keeper = self.keepers.remove(flow)?;
        self.keeper_numbers.remove(&keeper.number);
        self.schedule.set(Timer::Keep(keeper.number), None);
        Some(keeper)
    }

    /// An account lives on its old flow no more; `now_on` is its new one.
    pub(super) fn drop_flow(&mut self, id: AccountId, now_on: Option<&Flow>) {
        let left: Vec<Flow> = self
            .keepers
            .iter()
            .filter(|(flow, keeper)| now_on != Some(*flow) && keeper.accounts.contains(&id))
            .map(|(flow, _)| *flow)
            .collect();
        for flow in left {
            let Some(keeper) = self.keepers.get_mut(&flow) else { continue };
            keeper.accounts.retain(|account| *account != id);
            if keeper.accounts.is_empty() {
                self.forget_keeper(&flow);
            }
        }
    }

    /// The timer of a flow.
    pub(super) fn keep_due(&mut self, number: u64, now: Instant) {
        let Some(flow) = self.keeper_numbers.get(&number).copied() else { return };
        let Some(keeper) = self.keepers.get_mut(&flow) else { return };
        let action = keeper.machine.as_mut().and_then(|machine| machine.handle_timeout(&mut self.rng, now));
        self.keep_act(flow, action, now);
    }

    /// A pong on a stream.
    pub(super) fn pong(&mut self, flow: &Flow, now: Instant) {
        let Some(machine) = self.keepers.get_mut(flow).and_then(|keeper| keeper.machine.as_mut()) else { return };
        machine.pong(&mut self.rng, now);
        self.keep_reschedule(flow);
    }

    fn keep_act(&mut self, flow: Flow, action: Option<Action>, now: Instant) {
        match action {
            Some(Action::Send(bytes)) => {
                let transmit = Transmit { flow, bytes: Bytes::from(bytes) };
                self.transports.transmit(transmit, now, &mut self.from_transports);
            }
            Some(Action::Failed(reason)) if flow.protocol == Protocol::Udp => {
                self.flow_lost(&flow, Some(reason), now);
                return;
            }
            Some(Action::Failed(reason)) => {
                // Its end tells every shard.
                if let Some(keeper) = self.keepers.get_mut(&flow) {
                    keeper.reason = Some(reason);
                }
                self.out.push_back(Output::Close { flow });
            }
            None => {}
        }
        self.keep_reschedule(&flow);
    }

    /// A flow is gone: who registered over it is told, and registers anew. RFC 5626 s4.5: at once where the flow had been a good one,
    /// else after a while.
    pub(super) fn flow_lost(&mut self, flow: &Flow, reason: Option<String>, now: Instant) {
        let Some(keeper) = self.forget_keeper(flow) else { return };
        let reason = reason.or(keeper.reason).unwrap_or_else(|| "the connection was closed".to_owned());
        let proven = keeper.machine.as_ref().is_none_or(KeepAlive::is_proven);
        for id in keeper.accounts {
            let kind = EventKind::FlowFailed { reason: format!("{} over {}: {reason}", flow.remote, flow.protocol) };
            self.event(kind, About::account(id), None, now);
            let registering = self.accounts.find_mut(id).and_then(|account| account.registration.as_mut());
            let Some(registering) = registering.filter(|r| !r.machine.is_busy()) else { continue };
            registering.flow = None;
            if proven {
                registering.machine.start();
                self.schedule.set(Timer::Account(id), None);
                self.start(Owner::Register(id), now);
            } else {
                registering.machine.failed(None, &mut self.rng, now);
                let deadline = registering.machine.next_timeout();
                self.schedule.set(Timer::Account(id), deadline);
            }
        }
    }

    /// A STUN message on the SIP port. RFC 5626 s8. `may_route`: it may belong to another shard.
    pub(super) fn stun(&mut self, flow: Flow, bytes: &[u8], may_route: bool, now: Instant) {
        let Ok(message) = stun::Message::parse(bytes) else {
            self.dropped = self.dropped.saturating_add(1);
            return;
        };
        match message.class {
            stun::Class::Request => {
                let (id, fingerprint) = (&message.transaction, message.fingerprint);
                let answer = match &*message.unknown {
                    [] => stun::success(id, flow.remote, fingerprint),
                    unknown => stun::unknown_attributes(id, unknown, fingerprint),
                };
                self.transmit(Transmit { flow, bytes: answer.into() });
            }
            stun::Class::Indication => {}
            stun::Class::Success | stun::Class::Error => {
                let [shard, ..] = message.transaction;
                if may_route && shard != self.config.shard && shard < self.config.shards {
                    self.out.push_back(Output::Route { shard, flow, bytes: Bytes::copy_from_slice(bytes) });
                    return;
                }
                let Some(machine) = self.keepers.get_mut(&flow).and_then(|k| k.machine.as_mut()) else { return };
                let action = machine.response(&message, &mut self.rng, now);
                self.keep_act(flow, action, now);
            }
        }
    }
}

/// A number for a keeper: above all that there are.
fn numbered(numbers: &mut BTreeMap<u64, Flow>, flow: Flow) -> u64 {
    let number = numbers.last_key_value().map_or(0, |(last, _)| last.wrapping_add(1));
    numbers.insert(number, flow);
    number
}

/// Seconds between keep-alives that the response to a REGISTER asks for, 0 for any; none when it says nothing of keep-alives.
/// RFC 6223 s4.3 (`keep`), RFC 5626 s4.4 (Flow-Timer), s8 (`ob` in Path).
fn indicated_s(response: &check::Response<'_, '_>) -> Option<u32> {
    let flow_timer = response.header(Name::FlowTimer).and_then(|value| value.trim().parse().ok());
    let keep = || response.via.params.value("keep").and_then(|value| value.trim().parse().ok());
    let outbound = || is_outbound(response).then_some(0);
    flow_timer.or_else(keep).or_else(outbound)
}

fn is_outbound(response: &Message<'_>) -> bool {
    let ob = |path: &str| {
        crate::message::NameAddr::parse(path)
            .ok()
            .and_then(|address| address.parsed_uri().ok().map(|uri| uri.params.has("ob")))
            .unwrap_or(false)
    };
    response.list(Name::Path).any(ob)
}
