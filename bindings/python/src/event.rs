//! Events as tuples: (name, account, call, request, fields).

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sipwright::agent::io::{Event, EventKind, Outcome};
use sipwright::media::io::Quality;

/// (name, account, call, request, fields)
pub(crate) type EventTuple = (&'static str, u64, u64, u64, Py<PyDict>);

/// Whether the Python side has a use for it.
pub(crate) const fn is_wanted(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Quality(_) | EventKind::MediaStarted)
}

pub(crate) fn convert(py: Python<'_>, event: &Event) -> PyResult<EventTuple> {
    let fields = PyDict::new(py);
    let name = fill(py, &event.kind, &fields)?;
    if let Some(message) = event.message.as_ref().filter(|_| !event.request.is_none()) {
        fields.set_item(intern!(py, "message"), PyBytes::new(py, message))?;
    }
    Ok((name, event.account.raw(), event.call.raw(), event.request.raw(), fields.unbind()))
}

fn fill(py: Python<'_>, kind: &EventKind, fields: &Bound<'_, PyDict>) -> PyResult<&'static str> {
    Ok(match kind {
        EventKind::Registered { expires_s } => {
            fields.set_item(intern!(py, "expires"), expires_s)?;
            "registered"
        }
        EventKind::RegisterFailed(outcome) => {
            fill_outcome(fields, outcome)?;
            "register_failed"
        }
        EventKind::FlowFailed { reason } => {
            fields.set_item(intern!(py, "reason"), reason)?;
            "flow_failed"
        }
        EventKind::AccountRemoved => "account_removed",
        EventKind::CallIncoming { from, from_display, to } => {
            fields.set_item(intern!(py, "from"), from)?;
            fields.set_item(intern!(py, "display"), from_display)?;
            fields.set_item(intern!(py, "to"), to)?;
            "call_incoming"
        }
        EventKind::CallProgress { outcome, early_media } => {
            fill_outcome(fields, outcome)?;
            fields.set_item(intern!(py, "early_media"), early_media)?;
            "call_progress"
        }
        EventKind::CallAnswered { codec } => {
            fields.set_item(intern!(py, "codec"), codec.map(sipwright::base::media::Codec::name))?;
            "call_answered"
        }
        EventKind::CallHeld(held) => {
            fields.set_item(intern!(py, "held"), held)?;
            "call_held"
        }
        EventKind::CallHoldDone { held, ok } => {
            fields.set_item(intern!(py, "held"), held)?;
            fields.set_item(intern!(py, "ok"), ok)?;
            "call_hold_done"
        }
        EventKind::CallEnded { outcome, quality } => {
            fill_outcome(fields, outcome)?;
            fields.set_item(intern!(py, "quality"), quality.as_ref().map(figures))?;
            "call_ended"
        }
        EventKind::Dtmf { digit, duration_ms } => {
            fields.set_item(intern!(py, "digit"), digit.to_string())?;
            fields.set_item(intern!(py, "duration_ms"), duration_ms)?;
            "dtmf"
        }
        EventKind::DtmfSent => "dtmf_sent",
        EventKind::PlayDone { token, interrupted, played_ms } => {
            fields.set_item(intern!(py, "token"), token)?;
            fields.set_item(intern!(py, "interrupted"), interrupted)?;
            fields.set_item(intern!(py, "played_ms"), played_ms)?;
            "play_done"
        }
        EventKind::MediaStarted => "media_started",
        EventKind::MediaFailed { reason } => {
            fields.set_item(intern!(py, "reason"), reason)?;
            "media_failed"
        }
        EventKind::RtpTimeout => "rtp_timeout",
        EventKind::Quality(quality) => {
            fields.set_item(intern!(py, "quality"), figures(quality))?;
            "quality"
        }
        EventKind::MessageReceived { from, content_type, body } => {
            fields.set_item(intern!(py, "from"), from)?;
            fields.set_item(intern!(py, "content_type"), content_type)?;
            fields.set_item(intern!(py, "body"), PyBytes::new(py, body))?;
            "message"
        }
        EventKind::Request { method, uri, from, to, content_type, body } => {
            for (name, text) in
                [("method", method), ("uri", uri), ("from", from), ("to", to), ("content_type", content_type)]
            {
                fields.set_item(name, text)?;
            }
            fields.set_item(intern!(py, "body"), PyBytes::new(py, body))?;
            "request"
        }
        EventKind::RequestProgress(outcome) => {
            fill_outcome(fields, outcome)?;
            "request_progress"
        }
        EventKind::RequestDone(outcome) => {
            fill_outcome(fields, outcome)?;
            "request_done"
        }
        EventKind::Trouble { reason } => {
            fields.set_item(intern!(py, "reason"), reason)?;
            "trouble"
        }
    })
}

fn fill_outcome(fields: &Bound<'_, PyDict>, outcome: &Outcome) -> PyResult<()> {
    let py = fields.py();
    fields.set_item(intern!(py, "status"), outcome.status)?;
    fields.set_item(intern!(py, "reason"), &outcome.reason)?;
    fields.set_item(intern!(py, "local"), outcome.local)?;
    fields.set_item(intern!(py, "by_peer"), outcome.by_peer)
}

/// The figures of a stream, in the order of the fields of `sipwright.Quality`: rates, then counts.
pub(crate) type Figures = ((f32, f32, f32, f32, f32, f32, f32, f32), (u64, u64, u64, u64, u64, u64));

pub(crate) fn figures(q: &Quality) -> Figures {
    (
        (q.mos, q.r_factor, q.loss_pct, q.jitter_ms, q.rtt_ms, q.buffer_ms, q.remote_loss_pct, q.remote_jitter_ms),
        (q.sent, q.received, q.lost, q.late, q.duplicate, q.rejected),
    )
}
