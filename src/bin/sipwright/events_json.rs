//! Events as JSON: the names and values of the C ABI. Ids are strings, because a 64-bit number is no safe JSON number.

use serde_json::{Map, Value, json};
use sipwright::engine::{Event, EventKind, Outcome, Quality};

/// One event as one JSON object.
pub fn event(event: &Event) -> Value {
    let (name, Value::Object(data)) = kind(&event.kind) else { unreachable!("every kind gives an object") };
    let mut out = Map::new();
    out.insert("type".into(), name.into());
    out.insert("time_us".into(), event.time.as_micros().into());
    for (key, id) in [("account", event.account.raw()), ("call", event.call.raw()), ("request", event.request.raw())] {
        if id != 0 {
            out.insert(key.into(), id.to_string().into());
        }
    }
    out.extend(data);
    if let Some(user) = &event.auth_user {
        out.insert("auth_user".into(), user.to_string().into());
    }
    // Of requests, what is on the wire is what counts.
    if let Some(message) = event.message.as_ref().filter(|_| !event.request.is_none()) {
        out.insert("message".into(), String::from_utf8_lossy(message).into());
    }
    Value::Object(out)
}

/// The figures of an engine as one JSON object.
pub fn stats(list: &[(&'static str, u64)]) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), "stats".into());
    out.extend(list.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    Value::Object(out)
}

fn kind(kind: &EventKind) -> (&'static str, Value) {
    match kind {
        EventKind::Registered { expires_s } => ("registered", json!({ "expires_s": expires_s })),
        EventKind::RegisterFailed(o) => ("register_failed", outcome(o)),
        EventKind::FlowFailed { reason } => ("flow_failed", json!({ "reason": reason })),
        EventKind::AccountRemoved => ("account_removed", json!({})),
        EventKind::CallIncoming { from, from_display, to } => {
            ("call_incoming", json!({ "from": from, "from_display": from_display, "to": to }))
        }
        EventKind::CallProgress { outcome: o, early_media } => {
            let mut data = outcome(o);
            data["early_media"] = (*early_media).into();
            ("call_progress", data)
        }
        EventKind::CallAnswered { codec } => ("call_answered", json!({ "codec": codec.map(|c| c.name()) })),
        EventKind::CallHeld(true) => ("call_held", json!({ "held": true })),
        EventKind::CallHeld(false) => ("call_resumed", json!({ "held": false })),
        EventKind::CallHoldDone { held, ok } => ("hold_done", json!({ "held": held, "ok": ok })),
        EventKind::CallEnded { outcome: o, quality: q } => {
            let mut data = outcome(o);
            data["quality"] = q.as_ref().map_or(Value::Null, quality);
            ("call_ended", data)
        }
        EventKind::Dtmf { digit, duration_ms } => {
            ("dtmf", json!({ "digit": digit.to_string(), "duration_ms": duration_ms }))
        }
        EventKind::DtmfSent => ("dtmf_sent", json!({})),
        EventKind::PlayDone { token, interrupted, played_ms } => {
            ("play_done", json!({ "token": token.to_string(), "interrupted": interrupted, "played_ms": played_ms }))
        }
        EventKind::MediaStarted => ("media_started", json!({})),
        EventKind::MediaFailed { reason } => ("media_failed", json!({ "reason": reason })),
        EventKind::RtpTimeout => ("rtp_timeout", json!({})),
        EventKind::Quality(q) => ("quality", quality(q)),
        EventKind::MessageReceived { from, content_type, body } => {
            ("message", json!({ "from": from, "content_type": content_type, "body": String::from_utf8_lossy(body) }))
        }
        EventKind::Request { method, uri, from, to, content_type, body } => (
            "request",
            json!({ "method": method, "uri": uri, "from": from, "to": to, "content_type": content_type,
                "body": String::from_utf8_lossy(body) }),
        ),
        EventKind::RequestProgress(o) => ("request_progress", outcome(o)),
        EventKind::RequestDone(o) => ("request_done", outcome(o)),
        EventKind::Trouble { reason } => ("trouble", json!({ "reason": reason })),
    }
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "status": outcome.status, "reason": outcome.reason, "local": outcome.local, "by_peer": outcome.by_peer,
    })
}

fn quality(q: &Quality) -> Value {
    // Two decimals say all that is known.
    let round = |x: f32| (f64::from(x) * 100.0).round() / 100.0;
    json!({
        "mos": round(q.mos), "loss_pct": round(q.loss_pct), "jitter_ms": round(q.jitter_ms), "rtt_ms": round(q.rtt_ms),
        "r_factor": round(q.r_factor), "buffer_ms": round(q.buffer_ms), "remote_loss_pct": round(q.remote_loss_pct),
        "remote_jitter_ms": round(q.remote_jitter_ms), "sent": q.sent, "received": q.received, "lost": q.lost, "late": q.late,
        "duplicate": q.duplicate, "rejected": q.rejected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sipwright::base::Instant;
    use sipwright::base::id::{AccountId, CallId, Origin, RequestId};

    #[test]
    fn an_event_has_its_type_first_its_ids_as_text_and_its_values() {
        let call = CallId::new(1, 0, Origin::Application, 7);
        let kind = EventKind::CallEnded {
            outcome: Outcome { status: 486, reason: "Busy Here".into(), local: false, by_peer: true },
            quality: Some(Quality { mos: 4.4123, lost: 2, ..Quality::default() }),
        };
        let time = Instant::from_micros(1500);
        let value = event(&Event {
            time,
            account: AccountId::NONE,
            call,
            request: RequestId::NONE,
            kind,
            message: None,
            flow: None,
            auth_user: None,
        });
        let text = value.to_string();
        assert!(text.starts_with(r#"{"type":"call_ended","time_us":1500,"call":""#), "{text}");
        assert_eq!(value["call"], call.raw().to_string());
        assert_eq!((&value["status"], &value["by_peer"]), (&json!(486), &json!(true)));
        assert_eq!((&value["quality"]["mos"], &value["quality"]["lost"]), (&json!(4.41), &json!(2)));
        assert!(value.get("request").is_none());
    }
}
