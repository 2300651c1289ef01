//! What a response copies from its request, kept small. RFC 3261 s8.2.6, s12.1.1.

use super::via::{ViaFix, push_fixed};
use crate::base::scan::is_one_line;
use crate::message::{Name, Writer, check};

/// The lines that every response to one request repeats, printed once: Via, Record-Route, From, To, Call-ID, CSeq, Timestamp. With it
/// any later response can be printed without keeping the request.
#[derive(Clone, Debug)]
pub struct ResponseSeed {
    lines: Box<[u8]>,
    /// Where Record-Route begins, and where it ends.
    routes: (u32, u32),
    /// Where the To tag goes.
    to_end: u32,
    /// The request had a To tag.
    tagged: bool,
}

impl ResponseSeed {
    /// Takes what responses need from a request, the top Via completed by `fix`.
    #[must_use]
    pub fn new(request: &check::Request<'_, '_>, fix: &ViaFix) -> Self {
        let mut lines = Vec::with_capacity(512);
        let mut fix = Some(fix);
        for via in request.list(Name::Via) {
            match fix.take() {
                Some(fix) => {
                    let start = begin(&mut lines, Name::Via);
                    push_fixed(&mut lines, via, fix);
                    end(&mut lines, start);
                }
                None => line(&mut lines, Name::Via, via),
            }
        }
        let routes_start = lines.len();
        request.write_all(Name::RecordRoute, &mut lines);
        let routes_end = lines.len();
        request.write_all(Name::From, &mut lines);
        request.write_all(Name::To, &mut lines);
        let to_end = lines.len().saturating_sub(2);
        for name in [Name::CallId, Name::CSeq, Name::Timestamp] {
            request.write_all(name, &mut lines);
        }
        // A message is far below 4 GiB.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        ResponseSeed {
            lines: lines.into_boxed_slice(),
            routes: (offset(routes_start), offset(routes_end)),
            to_end: offset(to_end),
            tagged: request.to.tag().is_some(),
        }
    }

    /// Whether the request's To had a tag: it was sent within a dialog.
    #[must_use]
    pub const fn is_tagged(&self) -> bool {
        self.tagged
    }

    /// Prints a response into `out`. `to_tag` is added to To unless the request had a tag; a 100 needs none. `more` adds headers.
    /// Record-Route goes into what can make a dialog: 101-299 (s12.1.1).
    #[allow(clippy::too_many_arguments, reason = "the parts of a response")]
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        status: u16,
        reason: &str,
        to_tag: Option<&str>,
        more: impl FnOnce(&mut Writer<'_>),
        content_type: Option<&str>,
        body: &[u8],
    ) {
        let mut writer = Writer::response(out, status, reason);
        let (routes_start, routes_end) = (self.routes.0 as usize, self.routes.1 as usize);
        let to_end = self.to_end as usize;
        writer.raw(self.lines.get(..routes_start).unwrap_or_default());
        if (101..300).contains(&status) {
            writer.raw(self.lines.get(routes_start..routes_end).unwrap_or_default());
        }
        writer.raw(self.lines.get(routes_end..to_end).unwrap_or_default());
        if let Some(tag) = to_tag.filter(|_| !self.tagged) {
            writer.raw(b";tag=").raw(tag.as_bytes());
        }
        writer.raw(self.lines.get(to_end..).unwrap_or_default());
        more(&mut writer);
        writer.finish(content_type, body);
    }
}

fn line(out: &mut Vec<u8>, name: Name, value: &str) {
    let start = begin(out, name);
    out.extend_from_slice(value.as_bytes());
    end(out, start);
}

fn begin(out: &mut Vec<u8>, name: Name) -> usize {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.len()
}

/// Ends a line whose value begins at `start`; a folded value becomes one line.
fn end(out: &mut Vec<u8>, start: usize) {
    if let Some(value) = out.get_mut(start..)
        && !is_one_line(value)
    {
        for byte in value.iter_mut().filter(|b| matches!(b, b'\r' | b'\n' | 0)) {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}
