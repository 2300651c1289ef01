//! Who a request comes from: credentials asked for and checked before anything is kept. RFC 3261 s8.2.7, s22.1, s22.2; RFC 7616 s3.3.

use super::Agent;
use super::defence::proof;
use crate::auth::{FromPolicy, Subject, Verdict};
use crate::base::{Flow, Instant, Pii};
use crate::message::{Method, Name, Uri, check};

impl Agent {
    /// Knows the users that another agent knew, also those that came at run time.
    pub fn take_auth_users(&mut self, before: &mut Agent) {
        if let (Some(digest), Some(before)) = (&mut self.digest, &mut before.digest) {
            digest.take_users(before);
        }
    }

    /// Whether a request outside of dialogs may go on. Without credentials that prove its sender it is answered 401 (or 407) here, without a
    /// transaction or any other state; ACK and CANCEL are never asked (s22.1).
    pub(super) fn is_authenticated(&mut self, request: &check::Request<'_, '_>, flow: Flow, now: Instant) -> bool {
        let (Some(digest), Some(config)) = (&mut self.digest, &self.config.auth) else { return true };
        let method = request.method.as_str();
        if matches!(request.method, Method::Ack | Method::Cancel)
            || !config.wants(method)
            || config.trusts(flow.remote.ip())
        {
            return true;
        }
        let verdict = match digest.find(request.authorizations()) {
            Some(credentials) => {
                let subject = Subject { method, uri: request.uri, body: request.body() };
                let verdict = digest.verify(&credentials, &subject, now);
                // Whoever keeps guessing gets no answer any more.
                if verdict == Verdict::Denied && !self.guard.auth_failed(flow.remote.ip(), proof(&flow), now) {
                    return false;
                }
                verdict
            }
            None => Verdict::Denied,
        };
        match verdict {
            Verdict::Proven { user } if config.from == FromPolicy::Match && !is_from(request, &user) => {
                tracing::debug!(user = %Pii(&user), "a user that proved itself speaks as somebody else; refused");
                self.refuse(request, flow, 403, &[]);
                false
            }
            Verdict::Proven { user } => {
                self.befriend(&flow, now);
                self.proven = Some(user.into());
                true
            }
            verdict => {
                let status = digest.status();
                let challenges = digest.challenge(verdict == Verdict::Stale, now);
                let headers: Vec<(Name, &str)> =
                    challenges.iter().map(|(name, value)| (*name, value.as_str())).collect();
                self.refuse(request, flow, status, &headers);
                false
            }
        }
    }
}

/// Whether the user part of From is this user.
fn is_from(request: &check::Request<'_, '_>, user: &str) -> bool {
    Uri::parse(request.from.uri).is_ok_and(|uri| uri.user == Some(user))
}
