//! The application's own word on each new request, before anything is made of it.

use crate::base::Flow;
use crate::base::text::is_header_safe;
use crate::message::{Message, Name, check};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A new request, as a filter sees it. Valid during the call.
#[derive(Copy, Clone, Debug)]
pub struct Incoming<'a> {
    /// `INVITE`.
    pub method: &'a str,
    /// Request-URI as it came.
    pub uri: &'a str,
    /// URI of From.
    pub from: &'a str,
    /// URI of To.
    pub to: &'a str,
    /// How it came: protocol, our address, and the address of the source.
    pub flow: Flow,
    /// Whether it belongs to a dialog that is there.
    pub in_dialog: bool,
    message: &'a Message<'a>,
}

impl<'a> Incoming<'a> {
    /// The view of a request.
    #[must_use]
    pub fn new(request: &'a check::Request<'_, '_>, flow: Flow, in_dialog: bool) -> Self {
        Incoming {
            method: request.method.as_str(),
            uri: request.uri,
            from: request.from.uri,
            to: request.to.uri,
            flow,
            in_dialog,
            message: request,
        }
    }

    /// Every value of a header in order, in whatever form its name was written; folded lines as they came.
    pub fn header<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> + use<'a, 'b> {
        let known = Name::parse(name.as_bytes());
        self.message
            .headers()
            .filter(move |h| h.name == known && (known != Name::Other || h.raw_name.eq_ignore_ascii_case(name)))
            .filter_map(|h| std::str::from_utf8(h.value).ok())
    }

    /// The whole message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.message.raw()
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes on.
    Accept,
    /// It is dropped without a word.
    Drop,
    /// It is refused, without state.
    Reject {
        /// 300 to 699; anything else is 403.
        status: u16,
        /// Reason phrase; empty, or with control characters, takes the usual one.
        reason: String,
    },
    /// The filter could not tell: the request is refused with 500, and counted.
    Failed,
}

/// A filter. It runs on the signalling thread that has the request, so it must be quick and must not block: nothing else of that thread
/// goes on meanwhile. With several signalling threads it runs on each of them. A panic in it is contained, counted, and refuses the
/// request with 500.
#[derive(Clone)]
pub struct Filter(Arc<dyn Fn(&Incoming<'_>) -> Decision + Send + Sync>);

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter(..)")
    }
}

impl Filter {
    /// A filter from a function.
    pub fn new(filter: impl Fn(&Incoming<'_>) -> Decision + Send + Sync + 'static) -> Self {
        Filter(Arc::new(filter))
    }

    /// Asks it.
    #[must_use]
    pub fn ask(&self, request: &Incoming<'_>) -> Decision {
        match catch_unwind(AssertUnwindSafe(|| (self.0)(request))) {
            Ok(Decision::Reject { status, reason }) => {
                let status = if (300..=699).contains(&status) { status } else { 403 };
                let reason = if is_header_safe(&reason) { reason } else { String::new() };
                Decision::Reject { status, reason }
            }
            Ok(decision) => decision,
            Err(_) => Decision::Failed,
        }
    }
}
