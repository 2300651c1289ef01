//! An engine with one account, its events, and the signals that end the program.

use crate::args::{Common, Media};
use crate::exit::Trouble;
use crate::ladder::Ladder;
use crate::screen::{Screen, is_unicode};
use crossbeam_channel::Receiver;
use sipwright::base::id::AccountId;
use sipwright::engine::files::Files;
use sipwright::engine::{
    AccountConfig, AuthConfig, CallOptions, ClientAuth, Codec, DefenceConfig, Delivered, Delivery, Engine,
    EngineConfig, KeepAliveMode, Pem, Rate, Timers, TlsCertificate, TlsConfig, TlsProfile,
};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Longest wait for an event before signals and deadlines are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long hanging up and unregistering may take at the end.
const GRACE: Duration = Duration::from_secs(4);

/// A running program.
#[derive(Debug)]
pub struct Session {
    pub engine: Engine,
    pub account: AccountId,
    pub screen: Screen,
    ladder: Option<Ladder>,
    stats: bool,
    signals: Receiver<()>,
}

/// What `next` found.
pub enum Next {
    /// An event.
    Event(Box<Delivered>),
    /// Nothing until the deadline.
    Nothing,
    /// SIGTERM or SIGINT.
    Signal,
}

/// What a command wants of its engine.
#[derive(Default)]
pub struct Wish {
    /// Register the account, asking for so many seconds.
    pub register: Option<u32>,
    /// Listen here when the command line says nothing.
    pub listen: &'static [&'static str],
    /// How events are delivered.
    pub delivery: Delivery,
    /// Codecs in order of preference; empty takes all.
    pub codecs: Vec<Codec>,
    /// Methods that the program answers itself.
    pub methods: Vec<String>,
    /// Whom callers must prove to be.
    pub auth: Option<AuthConfig>,
    /// Hang up after so long a silence.
    pub rtp_timeout: Option<Duration>,
    /// Gets the engine as soon as there is one, for a callback that waits for it.
    pub engine: Arc<OnceLock<Engine>>,
}

impl Session {
    pub fn start(common: &Common, wish: Wish) -> Result<Session, Trouble> {
        let mut screen = Screen::new(common);
        let account = account(common, wish.register, &mut screen)?;
        let ladder = common.ladder.then(Ladder::default);
        let listen = if common.listen.is_empty() {
            wish.listen.iter().map(|&uri| uri.to_owned()).collect()
        } else {
            common.listen.clone()
        };
        let mut config = EngineConfig {
            listen,
            public_address: common.public_address,
            signalling_threads: common.threads,
            raw_messages: false,
            timers: Timers::default(),
            delivery: wish.delivery,
            ..EngineConfig::default()
        };
        config.sip.methods = wish.methods;
        config.auth = wish.auth;
        config.sip.force_rport = common.force_rport;
        config.defence = defence(common);
        config.tls = tls(common);
        config.dns.servers.clone_from(&common.dns);
        config.max_calls = common.calls_at_once.unwrap_or(0);
        if !wish.codecs.is_empty() {
            config.codecs = wish.codecs;
        }
        if wish.rtp_timeout.is_some() {
            config.rtp_timeout = wish.rtp_timeout;
            config.rtp_timeout_hangup = true;
        }
        if screen.is_live() {
            config.quality_interval = Some(Duration::from_secs(1));
        }
        if let Some(ladder) = ladder.clone() {
            config.trace = Some(Box::new(move |trace| ladder.take(trace)));
        }
        if let Some(level) = common.log {
            config.log_level = level;
            config.log = Some(Box::new(|record| eprintln!("{:?} {}: {}", record.level, record.target, record.message)));
        }
        let signals = signals()?;
        let engine = Engine::new(config)?;
        let _ = wish.engine.set(engine.clone());
        let account = engine.add_account(account, 0)?;
        if common.stats {
            stats_on_signal(engine.clone(), common.json)?;
        }
        Ok(Session { engine, account, screen, ladder, stats: common.stats, signals })
    }

    /// Says where we listen.
    pub fn tell_listeners(&mut self) {
        let listeners = self.engine.listeners();
        let uris: Vec<String> = listeners.iter().map(|l| format!("{}://{}", l.protocol, l.local)).collect();
        self.screen.progress(&format!("listening on {}", uris.join(", ")));
    }

    /// Waits for an event, a signal or the deadline. Events are printed as JSON on the way.
    pub fn next(&mut self, deadline: Option<Instant>) -> Next {
        loop {
            if self.signals.try_recv().is_ok() {
                return Next::Signal;
            }
            let left = deadline.map_or(LOOK, |at| at.saturating_duration_since(Instant::now()).min(LOOK));
            if let Some(delivered) = self.engine.wait_event(left) {
                self.screen.event(&delivered.event);
                return Next::Event(Box::new(delivered));
            }
            if deadline.is_some_and(|at| at <= Instant::now()) || self.screen.is_live() {
                return Next::Nothing;
            }
        }
    }

    /// Whether SIGTERM or SIGINT came.
    pub fn is_signalled(&self) -> bool {
        self.signals.try_recv().is_ok()
    }

    /// Blocks until SIGTERM or SIGINT, or until `done` is told something.
    pub fn wait_signal(&self, done: &Receiver<()>) {
        crossbeam_channel::select! {
            recv(self.signals) -> _ => {}
            recv(done) -> _ => {}
        }
    }

    /// Hangs up what is left, unregisters, prints the last events, draws the ladder.
    pub fn finish(mut self) {
        // Before the end, so that what is left shows.
        if self.stats {
            self.screen.stats(&self.engine.stats());
        }
        if let Err(error) = self.engine.shutdown(GRACE) {
            self.screen.trouble(&error.message);
        }
        while let Some(delivered) = self.engine.next_event() {
            self.screen.event(&delivered.event);
        }
        if let Some(ladder) = &self.ladder {
            let drawn = ladder.draw(is_unicode());
            self.screen.result(drawn.trim_end());
        }
    }
}

/// SIGTERM and SIGINT as messages. A second one ends the program at once.
fn signals() -> Result<Receiver<()>, Trouble> {
    let (tell, told) = crossbeam_channel::unbounded();
    let fail = |e: std::io::Error| Trouble { exit: crate::exit::Exit::Failed, message: format!("signals: {e}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(fail)?;
    let (mut term, mut int) = {
        use tokio::signal::unix::{SignalKind, signal};
        let _inside = runtime.enter();
        (signal(SignalKind::terminate()).map_err(fail)?, signal(SignalKind::interrupt()).map_err(fail)?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async move {
            for count in 0.. {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                if count > 0 {
                    std::process::exit(130);
                }
                let _ = tell.send(());
            }
        });
    });
    Ok(told)
}

/// What the command line says about strangers.
fn defence(common: &Common) -> DefenceConfig {
    let mut config = if common.defend { DefenceConfig::strict() } else { DefenceConfig::default() };
    if let Some(n) = common.rate_limit {
        config.requests = Rate { per_minute: n, burst: n };
    }
    config.allow.clone_from(&common.allow);
    config.overload_control = common.overload_control;
    config
}

/// What the command line says about certificates.
fn tls(common: &Common) -> TlsConfig {
    let file = |path: &PathBuf| Pem::File(path.clone());
    let certificate = common.tls_cert.as_ref().zip(common.tls_key.as_ref());
    let certificate = certificate.map(|(chain, key)| TlsCertificate { chain: file(chain), key: file(key) });
    let roots = common.tls_ca.as_ref().map(file);
    let asked = certificate.is_some() || roots.is_some() || common.tls_no_verify;
    let profile = TlsProfile {
        roots: roots.clone(),
        certificate: certificate.clone(),
        verify: !common.tls_no_verify,
        ..TlsProfile::default()
    };
    TlsConfig {
        certificates: certificate.into_iter().collect(),
        client_auth: if common.tls_clients { ClientAuth::Required } else { ClientAuth::Off },
        client_ca: roots.filter(|_| common.tls_clients),
        profiles: if asked { vec![profile] } else { Vec::new() },
        key_log: common.tls_key_log.clone(),
        ..TlsConfig::default()
    }
}

/// SIGUSR1 prints the figures of the engine.
fn stats_on_signal(engine: Engine, json: bool) -> Result<(), Trouble> {
    let fail = |e: std::io::Error| Trouble { exit: crate::exit::Exit::Failed, message: format!("signals: {e}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(fail)?;
    let mut usr1 = {
        let _inside = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::user_defined1()).map_err(fail)?
    };
    std::thread::spawn(move || {
        while runtime.block_on(usr1.recv()).is_some() {
            println!("{}", crate::screen::shown(&engine.stats(), json));
        }
    });
    Ok(())
}

/// The account of the command line; without `--user` an anonymous one (RFC 3323 s4.1.1.3) that answers for everybody.
fn account(common: &Common, register: Option<u32>, screen: &mut Screen) -> Result<AccountConfig, Trouble> {
    let proxy = common.proxy.clone().unwrap_or_default();
    let aor = match &common.user {
        None => "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
        Some(user) if user.contains(':') || user.contains('@') => {
            if user.contains(':') {
                user.clone()
            } else {
                format!("sip:{user}")
            }
        }
        Some(user) => match domain(&proxy) {
            Some(domain) => format!("sip:{user}@{domain}"),
            None => {
                return Err(Trouble::usage(format!(
                    "--user {user} has no domain; give sip:{user}@DOMAIN, or --proxy as well"
                )));
            }
        },
    };
    Ok(AccountConfig {
        aor,
        auth_user: common.auth_user.clone().unwrap_or_default(),
        password: password(common, screen)?,
        proxy,
        register: register.is_some(),
        expires_s: register.unwrap_or(3600),
        keep_alive: if common.keep_alive.is_some() { KeepAliveMode::Always } else { KeepAliveMode::Negotiated },
        keep_alive_s: common.keep_alive.unwrap_or(0),
        ..AccountConfig::default()
    })
}

/// Host (and port) of a proxy URI.
fn domain(proxy: &str) -> Option<&str> {
    let rest = proxy.trim_start_matches("sips:").trim_start_matches("sip:");
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    rest.split([';', '?', '>']).next().filter(|host| !host.is_empty())
}

fn password(common: &Common, screen: &mut Screen) -> Result<String, Trouble> {
    let Some(path) = &common.password_file else { return Ok(std::env::var("SIP_PASSWORD").unwrap_or_default()) };
    let text = secret_file("--password-file", path, screen)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads a file with passwords, and says so when others can read it too.
pub fn secret_file(option: &str, path: &Path, screen: &mut Screen) -> Result<String, Trouble> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|e| Trouble::usage(format!("{option} {}: {e}", path.display())))?;
    if std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o044 != 0) {
        let path = path.display();
        screen.progress(&format!("{path}: others can read this password; chmod 600 {path}"));
    }
    Ok(text)
}

impl Media {
    /// Checks the files named on the command line before anything is sent.
    pub fn check(&self) -> Result<(), Trouble> {
        if let Some(path) = &self.play {
            let files = Files::new()?;
            files.player(path, false).map_err(|e| Trouble::usage(format!("--play {}", e.message)))?;
        }
        let folder = self.record.as_deref().and_then(Path::parent).filter(|p| !p.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Trouble::usage(format!("--record: there is no folder {}; create it first", folder.display())));
        }
        Ok(())
    }

    /// Options of a dial or an answer.
    pub fn options(&self) -> CallOptions {
        CallOptions { codecs: self.codec.clone(), no_media: self.no_media, ..CallOptions::default() }
    }

    /// Where the `n`-th call (from 1) is recorded.
    pub fn record_path(&self, n: u32) -> Option<PathBuf> {
        let path = self.record.as_ref()?;
        if n == 1 {
            return Some(path.clone());
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
        Some(path.with_file_name(format!("{stem}-{n}{extension}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_a_proxy_is_found() {
        assert_eq!(domain("sip:127.0.0.1:5060;transport=tcp;lr"), Some("127.0.0.1:5060"));
        assert_eq!(domain("sip:[::1]:5060;lr"), Some("[::1]:5060"));
        assert_eq!(domain("proxy.example.com"), Some("proxy.example.com"));
        assert_eq!(domain(""), None);
    }
}
