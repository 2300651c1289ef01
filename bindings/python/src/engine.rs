//! The engine.

use crate::error::{invalid, raise};
use crate::event::{EventTuple, Figures, convert, figures, is_wanted};
use crate::pcm::Pcm;
use crate::tape::{Tape, Told};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sipwright::agent::io::{AccountConfig, CallOptions};
use sipwright::base::Duration;
use sipwright::base::id::{AccountId, CallId, RequestId};
use sipwright::base::media::Codec;
use sipwright::engine::{
    self, EngineConfig, Error, ErrorKind, KeepAliveMode, LogLevel, RequestAnswer, RequestOptions, Sender,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// One engine: threads of its own, events by a descriptor.
#[pyclass(frozen, module = "sipwright._sipwright")]
pub(crate) struct Engine {
    engine: engine::Engine,
    /// Where traces and log records wait, if they were asked for.
    tape: Option<Arc<Tape>>,
    /// A filter of the program runs on the engine's threads.
    filtered: bool,
}

impl Drop for Engine {
    /// The engine's threads may wait for the interpreter that drops it.
    fn drop(&mut self) {
        if self.filtered {
            let engine = &self.engine;
            let _ = Python::try_attach(|py| py.detach(|| engine.shutdown(Duration::from_millis(500))));
        }
    }
}

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

fn log_level(name: &str) -> PyResult<LogLevel> {
    Ok(match name {
        "error" => LogLevel::Error,
        "warning" => LogLevel::Warn,
        "info" => LogLevel::Info,
        "debug" => LogLevel::Debug,
        "trace" => LogLevel::Trace,
        _ => return Err(invalid(format!("log = {name:?}: give error, warning, info, debug or trace"))),
    })
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
        codecs=None, ring_timeout=180.0, rtp_timeout=30.0, rtp_timeout_hangup=false, quality_interval=1.0, rtp_ports=None,
        trace=false, log=None, methods=Vec::new(), force_rport=false, udp_size_limit=1300,
        defence=None, filter=None, tls=None, dns=Vec::new(), hosts=None))]
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
        trace: bool,
        log: Option<&str>,
        methods: Vec<String>,
        force_rport: bool,
        udp_size_limit: usize,
        defence: Option<&Bound<'_, PyDict>>,
        filter: Option<Py<PyAny>>,
        tls: Option<&Bound<'_, PyDict>>,
        dns: Vec<String>,
        hosts: Option<String>,
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
        config.sip.methods = methods;
        config.sip.force_rport = force_rport;
        config.udp_size_limit = udp_size_limit;
        let filtered = filter.is_some();
        config.defence = crate::defence::config(defence, filter)?;
        config.tls = crate::tls::config(tls)?;
        for text in dns {
            let bad = || Error::new(ErrorKind::Invalid, format!("dns: {text:?} is no address; give 192.0.2.53:53"));
            config.dns.servers.push(sipwright::engine::DnsConfig::server(&text).ok_or_else(|| raise(bad()))?);
        }
        match hosts.as_deref() {
            None => {}
            Some("") => config.dns.hosts = sipwright::engine::HostsFile::Nothing,
            Some(path) => config.dns.hosts = sipwright::engine::HostsFile::File(path.into()),
        }
        let tape = (trace || log.is_some()).then(Tape::new).transpose().map_err(|e| {
            raise(Error::new(ErrorKind::NoMemory, format!("no descriptor: {e}; raise the limit of open files")))
        })?;
        if let (true, Some(tape)) = (trace, tape.clone()) {
            config.trace = Some(Box::new(move |message| tape.trace(message)));
        }
        if let (Some(level), Some(tape)) = (log, tape.clone()) {
            config.log_level = log_level(level)?;
            config.log = Some(Box::new(move |record| tape.log(record)));
        }
        let engine = py.detach(|| engine::Engine::new(config)).map_err(raise)?;
        Ok(Engine { engine, tape, filtered })
    }

    /// Takes other TLS settings, or reads the files of the present ones again; open connections go on.
    #[pyo3(signature = (tls=None))]
    fn tls_reload(&self, py: Python<'_>, tls: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let config = tls.map(|tls| crate::tls::config(Some(tls))).transpose()?;
        py.detach(|| self.engine.tls_reload(config.as_ref())).map_err(raise)
    }

    /// Where it listens: `udp://127.0.0.1:5060`.
    fn listeners(&self) -> Vec<String> {
        self.engine.listeners().iter().map(|l| format!("{}://{}", l.protocol, l.local)).collect()
    }

    #[pyo3(signature = (aor, password="", *, register=false, auth_user="", realm="", registrar="", proxy="", expires=3600, codecs=Vec::new(),
        tls_profile="", ws_path="", routes=Vec::new(), keep_alive=None, keep_alive_interval=0))]
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
        tls_profile: &str,
        ws_path: &str,
        routes: Vec<String>,
        keep_alive: Option<bool>,
        keep_alive_interval: u32,
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
            tls_profile: tls_profile.into(),
            ws_path: ws_path.into(),
            routes,
            keep_alive: match keep_alive {
                None => KeepAliveMode::Negotiated,
                Some(true) => KeepAliveMode::Always,
                Some(false) => KeepAliveMode::Never,
            },
            keep_alive_s: keep_alive_interval,
            ..AccountConfig::default()
        };
        self.engine.add_account(config, 0).map(|id| id.raw()).map_err(raise)
    }

    fn remove_account(&self, account: u64) -> PyResult<()> {
        self.engine.remove_account(account_id(account)?).map_err(raise)
    }

    #[pyo3(signature = (account, target, *, headers=Vec::new(), codecs=Vec::new(), caller="", ring_timeout=None, routes=Vec::new()))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn dial(
        &self,
        account: u64,
        target: &str,
        headers: Vec<(String, String)>,
        codecs: Vec<String>,
        caller: &str,
        ring_timeout: Option<f64>,
        routes: Vec<String>,
    ) -> PyResult<u64> {
        let options = CallOptions {
            headers,
            codecs: self::codecs(codecs)?,
            from: caller.into(),
            routes,
            ring_timeout: ring_timeout.map(|s| seconds("timeout", s)).transpose()?,
            ..CallOptions::default()
        };
        self.engine.dial(account_id(account)?, target, options, 0).map(|id| id.raw()).map_err(raise)
    }

    #[pyo3(signature = (call, status=180, early_media=false))]
    fn ring(&self, call: u64, status: u16, early_media: bool) -> PyResult<()> {
        self.engine.ring(call_id(call)?, status, early_media).map_err(raise)
    }

    #[pyo3(signature = (call, *, headers=Vec::new(), codecs=Vec::new()))]
    fn answer(&self, call: u64, headers: Vec<(String, String)>, codecs: Vec<String>) -> PyResult<()> {
        let options = CallOptions { headers, codecs: self::codecs(codecs)?, ..CallOptions::default() };
        self.engine.answer(call_id(call)?, options).map_err(raise)
    }

    #[pyo3(signature = (call, status=0))]
    fn hangup(&self, call: u64, status: u16) -> PyResult<()> {
        self.engine.hangup(call_id(call)?, status).map_err(raise)
    }

    fn hold(&self, call: u64, hold: bool) -> PyResult<()> {
        self.engine.hold(call_id(call)?, hold).map_err(raise)
    }

    #[pyo3(signature = (call, path, repeat=false))]
    fn play(&self, py: Python<'_>, call: u64, path: PathBuf, repeat: bool) -> PyResult<u64> {
        let call = call_id(call)?;
        py.detach(|| self.engine.play_file(call, &path, repeat)).map_err(raise)
    }

    #[pyo3(signature = (call, token=None))]
    fn stop_play(&self, call: u64, token: Option<u64>) -> PyResult<()> {
        self.engine.stop_play(call_id(call)?, token).map_err(raise)
    }

    #[pyo3(signature = (call, path, stereo=true))]
    fn record(&self, py: Python<'_>, call: u64, path: PathBuf, stereo: bool) -> PyResult<()> {
        let call = call_id(call)?;
        py.detach(|| self.engine.record_file(call, &path, stereo)).map_err(raise)
    }

    fn stop_record(&self, call: u64) -> PyResult<()> {
        self.engine.stop_record(call_id(call)?).map_err(raise)
    }

    #[pyo3(signature = (call, digits, duration_ms=160))]
    fn send_dtmf(&self, call: u64, digits: &str, duration_ms: u16) -> PyResult<()> {
        self.engine.send_dtmf(call_id(call)?, digits, duration_ms).map_err(raise)
    }

    fn pcm(&self, call: u64, rate: u32) -> PyResult<Pcm> {
        self.engine.pcm(call_id(call)?, rate).map(Pcm::new).map_err(raise)
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
        self.engine.request(account, method, target, content_type, body, headers, 0).map(|id| id.raw()).map_err(raise)
    }

    /// Any request, in the name of an account, or inside the dialog of a call.
    #[pyo3(signature = (sender, method, target="", content_type="", body=b"".as_slice(), headers=Vec::new(), routes=Vec::new()))]
    #[allow(clippy::too_many_arguments, reason = "the parts of a request")]
    fn send_request(
        &self,
        sender: u64,
        method: &str,
        target: &str,
        content_type: &str,
        body: &[u8],
        headers: Vec<(String, String)>,
        routes: Vec<String>,
    ) -> PyResult<u64> {
        let account = AccountId::from_raw(sender).map(Sender::Account);
        let from = account.or_else(|| CallId::from_raw(sender).map(Sender::Call));
        let from = from.ok_or_else(|| invalid(format!("{sender} is neither account nor call")))?;
        let options = RequestOptions {
            method: method.into(),
            target: target.into(),
            content_type: content_type.into(),
            body: body.to_vec().into(),
            headers,
            routes,
        };
        self.engine.send_request(from, options, 0).map(|id| id.raw()).map_err(raise)
    }

    #[pyo3(signature = (request, status=200, reason="", content_type="", body=b"".as_slice(), headers=Vec::new()))]
    fn answer_request(
        &self,
        request: u64,
        status: u16,
        reason: &str,
        content_type: &str,
        body: &[u8],
        headers: Vec<(String, String)>,
    ) -> PyResult<()> {
        let id = RequestId::from_raw(request).ok_or_else(|| invalid(format!("{request} is no request")))?;
        let answer = RequestAnswer {
            status,
            reason: reason.into(),
            content_type: content_type.into(),
            body: body.to_vec().into(),
            headers,
        };
        self.engine.answer_request(id, answer).map_err(raise)
    }

    fn quality(&self, call: u64) -> PyResult<Figures> {
        self.engine.quality(call_id(call)?).map(|quality| figures(&quality)).map_err(raise)
    }

    /// Counts, how full the tables are and their bounds, by name.
    fn stats(&self, py: Python<'_>) -> BTreeMap<&'static str, u64> {
        py.detach(|| self.engine.stats()).list().into_iter().collect()
    }

    /// Readable while events wait.
    fn fileno(&self) -> i32 {
        self.engine.event_fd()
    }

    /// Up to `max` events that wait, in order. Figures of a call are not among them: `quality` has the latest.
    fn next_events(&self, py: Python<'_>, max: usize) -> PyResult<Vec<EventTuple>> {
        std::iter::from_fn(|| self.engine.next_event())
            .filter(|delivered| is_wanted(&delivered.event.kind))
            .take(max)
            .map(|delivered| convert(py, &delivered.event))
            .collect()
    }

    /// Readable while traces or log records wait; -1 when none were asked for.
    fn tape_fileno(&self) -> i32 {
        self.tape.as_ref().map_or(-1, |tape| tape.fd())
    }

    /// Up to `max` traces and log records that wait, and how many were lost because nobody took them.
    fn take_tape<'py>(&self, py: Python<'py>, max: usize) -> (Vec<Told<'py>>, u64) {
        self.tape.as_ref().map_or_else(Default::default, |tape| tape.take(py, max))
    }

    /// Hangs up, unregisters, joins every thread. Blocks for up to `grace` seconds and a little.
    #[pyo3(signature = (grace=2.0))]
    fn shutdown(&self, py: Python<'_>, grace: f64) -> PyResult<()> {
        let grace = seconds("grace", grace)?;
        py.detach(|| self.engine.shutdown(grace)).map_err(raise)
    }
}
