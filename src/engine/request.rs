//! Requests that are no calls: sent for the application, and answered by it. RFC 3261 s8.1, s8.2, s12.2.

use super::handles::{CallState, Object};
use super::{Engine, Error, check};
use crate::agent::io::{Command, RequestAnswer, RequestOptions, Sender};
use crate::base::id::{AccountId, Origin, RequestId};
use bytes::Bytes;

impl Engine {
    /// Sends a request outside of calls (MESSAGE, OPTIONS or another method). Ends with `RequestDone`.
    ///
    /// # Errors
    /// `Invalid` for a bad target, method or header, `Gone` for the account, `Full`, `Draining`.
    #[expect(clippy::too_many_arguments, reason = "a request has these parts, and each is one word")]
    pub fn request(
        &self,
        account: AccountId,
        method: &str,
        target: &str,
        content_type: &str,
        body: &[u8],
        headers: Vec<(String, String)>,
        user: usize,
    ) -> Result<RequestId, Error> {
        let options = RequestOptions {
            method: method.to_owned(),
            target: target.to_owned(),
            content_type: content_type.to_owned(),
            body: Bytes::copy_from_slice(body),
            headers,
            routes: Vec::new(),
        };
        self.send_request(Sender::Account(account), options, user)
    }

    /// Sends any request that the library does not make itself, outside of dialogs or inside the one of a call. Provisional responses come
    /// as `RequestProgress`, the final one as `RequestDone`, each with the whole response.
    ///
    /// # Errors
    /// `Invalid` for a bad target, method or header, and for methods that have functions of their own; `Gone` for the account or call,
    /// `Full`, `Draining`.
    pub fn send_request(&self, sender: Sender, options: RequestOptions, user: usize) -> Result<RequestId, Error> {
        self.send_request_then(sender, options, user, |_| ())
    }

    /// The same; `announce` runs before any event of the request can.
    pub(crate) fn send_request_then(
        &self,
        sender: Sender,
        options: RequestOptions,
        user: usize,
        announce: impl FnOnce(RequestId),
    ) -> Result<RequestId, Error> {
        let shard = match sender {
            Sender::Account(account) => {
                self.accepts_new()?;
                self.object(account.raw())?;
                account.shard()
            }
            Sender::Call(call) => {
                self.object(call.raw())?;
                call.shard()
            }
        };
        check::request(&sender, &options)?;
        let serial = self.shared().next_serial();
        let request = RequestId::new(self.shared().number.get(), shard, Origin::Application, serial);
        self.insert(Object::new(request.raw(), user, CallState::Ended))?;
        announce(request);
        self.born(request.raw(), shard, Command::Request { request, sender, options: Box::new(options) })?;
        Ok(request)
    }

    /// Answers a request that came as `EventKind::Request`. Ends with `RequestDone`; the first answer counts.
    ///
    /// # Errors
    /// `Invalid` for a bad status or header, `Gone` when it was answered or has run out of time, `Full`.
    pub fn answer_request(&self, request: RequestId, answer: RequestAnswer) -> Result<(), Error> {
        self.object(request.raw())?;
        check::answer(&answer)?;
        self.command(request.shard(), Command::AnswerRequest { request, answer: Box::new(answer) })
    }
}
