//! How an engine defends itself, and the filter of incoming requests.

use crate::error::invalid;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sipwright::base::Duration;
use sipwright::engine::{self, Decision, DefenceConfig, Filter, Network, Rate};
use sipwright::message::{Message, Name};

/// A new request, as a filter sees it. It may be kept.
#[pyclass(frozen, get_all, module = "sipwright._sipwright")]
pub(crate) struct Incoming {
    method: String,
    uri: String,
    sender: String,
    to: String,
    source: String,
    protocol: &'static str,
    in_dialog: bool,
    raw: Py<PyBytes>,
}

#[pymethods]
impl Incoming {
    /// Every value of a header, in whatever form its name was written.
    fn header(&self, py: Python<'_>, name: &str) -> Vec<String> {
        let Ok(message) = Message::parse(self.raw.as_bytes(py)) else { return Vec::new() };
        let known = Name::parse(name.as_bytes());
        let same = |h: &sipwright::message::Header<'_>| {
            h.name == known && (known != Name::Other || h.raw_name.eq_ignore_ascii_case(name))
        };
        message.headers().filter(same).map(|h| String::from_utf8_lossy(h.value).into_owned()).collect()
    }
}

/// The keyword arguments `defence` and `filter` of an engine.
pub(crate) fn config(given: Option<&Bound<'_, PyDict>>, filter: Option<Py<PyAny>>) -> PyResult<DefenceConfig> {
    let mut config = DefenceConfig::default();
    for (key, value) in given.into_iter().flatten() {
        let key: String = key.extract()?;
        match key.as_str() {
            "requests" => config.requests = rate(&value)?,
            "auth_failures" => config.auth_failures = rate(&value)?,
            "malformed" => config.malformed = rate(&value)?,
            "ban" => config.ban = seconds(&key, &value)?,
            "ban_max" => config.ban_max = seconds(&key, &value)?,
            "overload_delay" => config.overload_delay = seconds(&key, &value)?,
            "drop_scanners" => config.drop_scanners = value.extract()?,
            "overload_control" => config.overload_control = value.extract()?,
            "allow" => {
                let texts: Vec<String> = value.extract()?;
                let networks: Result<Vec<Network>, String> = texts.iter().map(|text| text.parse()).collect();
                config.allow = networks.map_err(|why| invalid(format!("allow: {why}")))?;
            }
            other => {
                return Err(invalid(format!(
                    "defence has no {other:?}; there are requests, auth_failures, malformed, ban, ban_max, allow, drop_scanners, \
                     overload_delay and overload_control"
                )));
            }
        }
    }
    config.filter = filter.map(|filter| {
        Filter::new(move |request| {
            Python::attach(|py| {
                ask(py, &filter, request).unwrap_or_else(|error| {
                    // The request gets 500 and is counted; whoever looks at stderr sees why.
                    error.write_unraisable(py, None);
                    Decision::Failed
                })
            })
        })
    });
    Ok(config)
}

/// `60`, or `(60, 10)`: per minute, and at once. 0 is no limit.
fn rate(value: &Bound<'_, PyAny>) -> PyResult<Rate> {
    if let Ok((per_minute, burst)) = value.extract::<(u32, u32)>() {
        return Ok(Rate { per_minute, burst });
    }
    let per_minute = value.extract::<u32>()?;
    Ok(Rate { per_minute, burst: per_minute })
}

fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds: f64 = value.extract()?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| invalid(format!("{name} = {seconds} is no length of time in seconds")))
}

fn ask(py: Python<'_>, filter: &Py<PyAny>, request: &engine::Incoming<'_>) -> PyResult<Decision> {
    let view = Incoming {
        method: request.method.to_owned(),
        uri: request.uri.to_owned(),
        sender: request.from.to_owned(),
        to: request.to.to_owned(),
        source: request.flow.remote.to_string(),
        protocol: request.flow.protocol.param(),
        in_dialog: request.in_dialog,
        raw: PyBytes::new(py, request.raw()).unbind(),
    };
    let verdict = filter.bind(py).call1((view,))?;
    // A bool is an int, too.
    if verdict.is_none() {
        return Ok(Decision::Accept);
    }
    if let Ok(accept) = verdict.extract::<bool>() {
        return Ok(if accept { Decision::Accept } else { Decision::Drop });
    }
    if let Ok((status, reason)) = verdict.extract::<(u16, String)>() {
        return Ok(Decision::Reject { status, reason });
    }
    Ok(Decision::Reject { status: verdict.extract()?, reason: String::new() })
}
