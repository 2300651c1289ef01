//! The engine.

use crate::error::{invalid, raise};
use crate::event::{EventTuple, convert, quality_dict};
use crate::pcm::Pcm;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sipwright::agent::io::{AccountConfig, CallOptions};
use sipwright::base::Duration;
use sipwright::base::id::{AccountId, CallId};
use sipwright::base::media::Codec;
use sipwright::engine::{self, CallState, EngineConfig};
use std::path::PathBuf;

/// One engine: threads of its own, events by a descriptor.
#[pyclass(frozen, module = "sipwright._sipwright")]
pub(crate) struct Engine(engine::Engine);

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| invalid(format!("{name} = {value} is no length of time in seconds")))
}

fn codecs(names: Vec<String>) -> PyResult<Vec<Codec>> {
    names
        .iter()
        .map(|name| {
            Codec::from_name(name).ok_or_else(|| {
                let known: Vec<&str> = Codec::ALL.iter().map(|c| c.name()).collect();
                invalid(format!("codec {name:?} is not known; there are {}", known.join(", ")))
            })
        })
        .collect()
}

fn call_id(raw: u64) -> PyResult<CallId> {
    CallId::from_raw(raw).ok_or_else(|| invalid(format!("{raw} is no call")))
}

fn account_id(raw: u64) -> PyResult<AccountId> {
    AccountId::from_raw(raw).ok_or_else(|| invalid(format!("{raw} is no account")))
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, listen=Vec::new(), user_agent=None, public_address=None, signalling_threads=1, media_threads=0, max_calls=0,
        codecs=None, ring_timeout=180.0, rtp_timeout=30.0, rtp_timeout_hangup=false, quality_interval=1.0, rtp_ports=None))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of a constructor")]
    fn new(
        py: Python<'_>,
        listen: Vec<String>,
        user_agent: Option<String>,
        public_address: Option<String>,
        signalling_threads: usize,
        media_threads: usize,
        max_calls: usize,
        codecs: Option<Vec<String>>,
        ring_timeout: f64,
        rtp_timeout: f64,
        rtp_timeout_hangup: bool,
        quality_interval: f64,
        rtp_ports: Option<(u16, u16)>,
    ) -> PyResult<Self> {
        let mut config =
            EngineConfig { listen, signalling_threads, media_threads, max_calls, ..EngineConfig::default() };
        if let Some(user_agent) = user_agent {
            config.user_agent = user_agent;
        }
        if let Some(address) = public_address {
            let parsed =
                address.parse().map_err(|_| invalid(format!("public_address {address:?} is no IP address")))?;
            config.public_address = Some(parsed);
        }
        if let Some(names) = codecs {
            config.codecs = self::codecs(names)?;
        }
        config.ring_timeout = seconds("ring_timeout", ring_timeout)?;
        config.rtp_timeout = (rtp_timeout > 0.0).then(|| seconds("rtp_timeout", rtp_timeout)).transpose()?;
        config.rtp_timeout_hangup = rtp_timeout_hangup;
        config.quality_interval =
            (quality_interval > 0.0).then(|| seconds("quality_interval", quality_interval)).transpose()?;
        if let Some((first, last)) = rtp_ports {
            config.rtp_ports = first..=last;
        }
        config.raw_messages = false;
        py.detach(|| engine::Engine::new(config)).map(Engine).map_err(raise)
    }

    /// Where it listens: `udp://127.0.0.1:5060`.
    fn listeners(&self) -> Vec<String> {
        self.0.listeners().iter().map(|l| format!("{}://{}", l.protocol, l.local)).collect()
    }

    #[pyo3(signature = (aor, password="", *, register=false, auth_user="", realm="", registrar="", proxy="", expires=3600, codecs=Vec::new()))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn add_account(
        &self,
        aor: &str,
        password: &str,
        register: bool,
        auth_user: &str,
        realm: &str,
        registrar: &str,
        proxy: &str,
        expires: u32,
        codecs: Vec<String>,
    ) -> PyResult<u64> {
        let config = AccountConfig {
            aor: aor.into(),
            auth_user: auth_user.into(),
            password: password.into(),
            realm: realm.into(),
            registrar: registrar.into(),
            proxy: proxy.into(),
            register,
            expires_s: expires,
            codecs: self::codecs(codecs)?,
        };
        self.0.add_account(config, 0).map(|id| id.raw()).map_err(raise)
    }

    fn remove_account(&self, account: u64) -> PyResult<()> {
        self.0.remove_account(account_id(account)?).map_err(raise)
    }

    #[pyo3(signature = (account, target, *, headers=Vec::new(), codecs=Vec::new(), caller="", ring_timeout=None))]
    fn dial(
        &self,
        account: u64,
        target: &str,
        headers: Vec<(String, String)>,
        codecs: Vec<String>,
        caller: &str,
        ring_timeout: Option<f64>,
    ) -> PyResult<u64> {
        let options = CallOptions {
            headers,
            codecs: self::codecs(codecs)?,
            from: caller.into(),
            ring_timeout: ring_timeout.map(|s| seconds("timeout", s)).transpose()?,
            ..CallOptions::default()
        };
        self.0.dial(account_id(account)?, target, options, 0).map(|id| id.raw()).map_err(raise)
    }

    #[pyo3(signature = (call, status=180, early_media=false))]
    fn ring(&self, call: u64, status: u16, early_media: bool) -> PyResult<()> {
        self.0.ring(call_id(call)?, status, early_media).map_err(raise)
    }

    #[pyo3(signature = (call, *, headers=Vec::new(), codecs=Vec::new()))]
    fn answer(&self, call: u64, headers: Vec<(String, String)>, codecs: Vec<String>) -> PyResult<()> {
        let options = CallOptions { headers, codecs: self::codecs(codecs)?, ..CallOptions::default() };
        self.0.answer(call_id(call)?, options).map_err(raise)
    }

    #[pyo3(signature = (call, status=0))]
    fn hangup(&self, call: u64, status: u16) -> PyResult<()> {
        self.0.hangup(call_id(call)?, status).map_err(raise)
    }

    fn hold(&self, call: u64, hold: bool) -> PyResult<()> {
        self.0.hold(call_id(call)?, hold).map_err(raise)
    }

    #[pyo3(signature = (call, path, repeat=false))]
    fn play(&self, py: Python<'_>, call: u64, path: PathBuf, repeat: bool) -> PyResult<u64> {
        let call = call_id(call)?;
        py.detach(|| self.0.play_file(call, &path, repeat)).map_err(raise)
    }

    #[pyo3(signature = (call, token=None))]
    fn stop_play(&self, call: u64, token: Option<u64>) -> PyResult<()> {
        self.0.stop_play(call_id(call)?, token).map_err(raise)
    }

    #[pyo3(signature = (call, path, stereo=true))]
    fn record(&self, py: Python<'_>, call: u64, path: PathBuf, stereo: bool) -> PyResult<()> {
        let call = call_id(call)?;
        py.detach(|| self.0.record_file(call, &path, stereo)).map_err(raise)
    }

    fn stop_record(&self, call: u64) -> PyResult<()> {
        self.0.stop_record(call_id(call)?).map_err(raise)
    }

    #[pyo3(signature = (call, digits, duration_ms=160))]
    fn send_dtmf(&self, call: u64, digits: &str, duration_ms: u16) -> PyResult<()> {
        self.0.send_dtmf(call_id(call)?, digits, duration_ms).map_err(raise)
    }

    fn pcm(&self, call: u64, rate: u32) -> PyResult<Pcm> {
        self.0.pcm(call_id(call)?, rate).map(Pcm::new).map_err(raise)
    }

    #[pyo3(signature = (account, method, target, content_type="", body=b"".as_slice(), headers=Vec::new()))]
    fn request(
        &self,
        account: u64,
        method: &str,
        target: &str,
        content_type: &str,
        body: &[u8],
        headers: Vec<(String, String)>,
    ) -> PyResult<u64> {
        let account = account_id(account)?;
        self.0.request(account, method, target, content_type, body, headers, 0).map(|id| id.raw()).map_err(raise)
    }

    fn quality<'py>(&self, py: Python<'py>, call: u64) -> PyResult<Bound<'py, PyDict>> {
        quality_dict(py)(&self.0.quality(call_id(call)?).map_err(raise)?)
    }

    fn state(&self, call: u64) -> PyResult<&'static str> {
        Ok(match self.0.state(call_id(call)?) {
            CallState::Calling | CallState::Incoming | CallState::Ringing => "ringing",
            CallState::Answered => "up",
            CallState::Held => "held",
            _ => "ended",
        })
    }

    /// Readable while events wait.
    fn fileno(&self) -> i32 {
        self.0.event_fd()
    }

    fn next_event(&self, py: Python<'_>) -> PyResult<Option<EventTuple>> {
        self.0.next_event().map(|delivered| convert(py, &delivered.event)).transpose()
    }

    /// Hangs up, unregisters, joins every thread. Blocks for up to `grace` seconds and a little.
    #[pyo3(signature = (grace=2.0))]
    fn shutdown(&self, py: Python<'_>, grace: f64) -> PyResult<()> {
        let grace = seconds("grace", grace)?;
        py.detach(|| self.0.shutdown(grace)).map_err(raise)
    }
}
