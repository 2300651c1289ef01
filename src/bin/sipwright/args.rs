//! The command line.

use clap::{Args as ClapArgs, Parser, Subcommand};
use sipwright::engine::{Codec, LogLevel, Network};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// SIP calls, messages and tests from the command line.
#[derive(Debug, Parser)]
#[command(name = "sipwright", disable_version_flag = true, max_term_width = 120, after_help = CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const CODES: &str = "Exit codes: 0 ok, 1 other failure, 2 usage, 3 malformed message (inspect), 10 busy, 11 declined, 12 no answer, \
13 not found, 14 authentication, 20 transport, 21 no media.\nThe password is taken from --password-file or from $SIP_PASSWORD.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Call somebody
    Call(CallArgs),
    /// Answer calls until SIGTERM, or a number of them
    Answer(AnswerArgs),
    /// Register, stay registered, and unregister at the end
    Register(RegisterArgs),
    /// Ask a peer whether it is there (OPTIONS)
    Ping(PingArgs),
    /// Send a text (MESSAGE)
    Message(MessageArgs),
    /// Send any request and show the response
    Request(RequestArgs),
    /// Make calls at a rate for a time, and say what became of them
    Load(LoadArgs),
    /// Read a SIP message from a file and print it as JSON
    Inspect(InspectArgs),
    /// Print the version
    Version,
}

/// Where to listen, who we are, what to print: every command that talks to the network has these.
#[derive(Clone, Debug, ClapArgs)]
pub struct Common {
    /// Listen on this address, such as udp://127.0.0.1:5070 or tcp://[::]:5060; repeatable, port 0 takes a free one
    #[arg(long, value_name = "URI", help_heading = "Network")]
    pub listen: Vec<String>,
    /// The address that peers see of us (Contact, Via, SDP)
    #[arg(long, value_name = "IP", help_heading = "Network")]
    pub public_address: Option<IpAddr>,
    /// Signalling threads
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Network")]
    pub threads: usize,
    /// Certificate chain (PEM) for tls:// and wss:// listeners, also shown to servers that ask; needs --tls-key
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "TLS")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "TLS")]
    pub tls_key: Option<PathBuf>,
    /// Trust these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub tls_ca: Option<PathBuf>,
    /// Let only clients in that show a certificate of --tls-ca
    #[arg(long, requires_all = ["tls_ca", "tls_cert"], help_heading = "TLS")]
    pub tls_clients: bool,
    /// Take ANY server certificate: whoever sits in between reads all
    #[arg(long, conflicts_with = "tls_ca", help_heading = "TLS")]
    pub tls_no_verify: bool,
    /// Write session keys to this file, for debugging (the format of SSLKEYLOGFILE)
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub tls_key_log: Option<PathBuf>,
    /// Limit what one source may send (60 new requests a minute, ten times as many for those we talked with), drop scanners
    #[arg(long, help_heading = "Defence")]
    pub defend: bool,
    /// New requests that one source may send in a minute, and at once; more are dropped, then banned
    #[arg(long, value_name = "N", help_heading = "Defence")]
    pub rate_limit: Option<u32>,
    /// Never limit or ban this address or network, such as 10.0.0.0/8; repeatable
    #[arg(long, value_name = "NETWORK", help_heading = "Defence")]
    pub allow: Vec<Network>,
    /// Refuse new calls above so many at once
    #[arg(long, value_name = "N", help_heading = "Defence")]
    pub calls_at_once: Option<usize>,
    /// Offer overload control to next hops and heed it (RFC 7339)
    #[arg(long, help_heading = "Defence")]
    pub overload_control: bool,
    /// Who we are: sip:alice@example.com, or a user name with --proxy
    #[arg(long, value_name = "URI", help_heading = "Account")]
    pub user: Option<String>,
    /// Ask this name server instead of the system's: an address, with :PORT where it is not 53; repeatable
    #[arg(long, value_name = "SERVER", help_heading = "Network", value_parser = dns_server)]
    pub dns: Vec<std::net::SocketAddr>,
    /// Answer to the source port over UDP, also where Via does not ask for it with rport
    #[arg(long, help_heading = "Network")]
    pub force_rport: bool,
    /// Keep the flow of the registration alive whatever the registrar says: STUN on UDP, CRLF on streams; every so many seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Account", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub keep_alive: Option<u32>,
    /// User name for authentication, where it is not that of --user
    #[arg(long, value_name = "NAME", help_heading = "Account")]
    pub auth_user: Option<String>,
    /// File with the password in its first line; without it $SIP_PASSWORD counts
    #[arg(long, value_name = "FILE", help_heading = "Account")]
    pub password_file: Option<PathBuf>,
    /// Proxy that every request goes through
    #[arg(long, value_name = "URI", help_heading = "Account")]
    pub proxy: Option<String>,
    /// Print events as JSON, one per line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Draw the SIP call flow at the end
    #[arg(long, help_heading = "Output")]
    pub ladder: bool,
    /// Print counts and how full the tables are at the end, and on SIGUSR1
    #[arg(long, help_heading = "Output")]
    pub stats: bool,
    /// No progress on stderr
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Log to stderr: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", value_parser = log_level, help_heading = "Output")]
    pub log: Option<LogLevel>,
}

/// What happens in a call that is up.
#[derive(Clone, Debug, ClapArgs)]
pub struct Media {
    /// Play this WAV file
    #[arg(long, value_name = "FILE", help_heading = "Audio")]
    pub play: Option<PathBuf>,
    /// Play it again and again
    #[arg(long, requires = "play", help_heading = "Audio")]
    pub repeat: bool,
    /// Record to this WAV file (stereo: left us, right them); later calls get FILE-2, FILE-3 ..
    #[arg(long, value_name = "FILE", help_heading = "Audio")]
    pub record: Option<PathBuf>,
    /// Record both sides mixed into one channel
    #[arg(long, requires = "record", help_heading = "Audio")]
    pub mono: bool,
    /// Send these keys: 0-9 * # A-D, a comma waits half a second
    #[arg(long, value_name = "KEYS", help_heading = "Audio")]
    pub send_dtmf: Option<String>,
    /// Codec: PCMU, PCMA or G722; repeatable, in order of preference
    #[arg(long, value_name = "NAME", value_parser = codec, help_heading = "Audio")]
    pub codec: Vec<Codec>,
    /// Negotiate, but send and receive no audio
    #[arg(long, conflicts_with_all = ["play", "record", "send_dtmf"], help_heading = "Audio")]
    pub no_media: bool,
    /// Hang up when nothing was heard for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with = "no_media", help_heading = "Audio")]
    pub rtp_timeout: Option<Duration>,
    /// Hang up so many seconds after the answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,
}

#[derive(Debug, ClapArgs)]
pub struct CallArgs {
    /// Whom to call: sip:bob@example.com, or a user of our domain
    pub target: String,
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub media: Media,
    /// How many calls to make
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_calls: u32,
    /// Calls per second, with --max-calls
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub rate: f64,
    /// Give up after so many seconds of ringing
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "180")]
    pub ring_timeout: Duration,
    /// Register first, and unregister at the end
    #[arg(long, requires = "user", overrides_with = "no_register", help_heading = "Account")]
    pub register: bool,
    /// Do not register (the default)
    #[arg(long, help_heading = "Account")]
    pub no_register: bool,
}

#[derive(Debug, ClapArgs)]
pub struct AnswerArgs {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub media: Media,
    /// End after so many calls; until SIGTERM without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_calls: Option<u32>,
    /// Ring for so many seconds before answering
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    pub ring: Duration,
    /// Refuse every call with this status, such as 486
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(300..700))]
    pub reject: Option<u16>,
    /// Take requests of this method too, show them and answer 200: INFO, NOTIFY, one of yours; repeatable
    #[arg(long, value_name = "METHOD")]
    pub take: Vec<String>,
    /// Ask callers for credentials of this realm (digest, SHA-256 and MD5)
    #[arg(long, value_name = "REALM", requires = "auth_users", help_heading = "Account")]
    pub auth_realm: Option<String>,
    /// File with the users of the realm, a USER:PASSWORD per line
    #[arg(long, value_name = "FILE", requires = "auth_realm", help_heading = "Account")]
    pub auth_users: Option<PathBuf>,
    /// Do not register --user
    #[arg(long, help_heading = "Account")]
    pub no_register: bool,
}

#[derive(Debug, ClapArgs)]
pub struct RegisterArgs {
    #[command(flatten)]
    pub common: Common,
    /// Stay registered for so many seconds; until SIGTERM without it
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// Lifetime asked for
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(60..=86_400))]
    pub expires: u32,
}

#[derive(Debug, ClapArgs)]
pub struct PingArgs {
    /// Whom to ask: sip:example.com
    pub target: String,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, ClapArgs)]
pub struct MessageArgs {
    /// To whom
    pub target: String,
    /// The text; - reads it from stdin
    pub text: String,
    #[command(flatten)]
    pub common: Common,
    /// What kind of text it is
    #[arg(long, value_name = "TYPE", default_value = "text/plain")]
    pub content_type: String,
}

#[derive(Debug, ClapArgs)]
pub struct RequestArgs {
    /// Method: SUBSCRIBE, PUBLISH, REFER, INFO, one of yours ..
    pub method: String,
    /// To whom
    pub target: String,
    #[command(flatten)]
    pub common: Common,
    /// A header, as "Event: presence"; repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// The body; - reads it from stdin
    #[arg(long, value_name = "TEXT")]
    pub body: Option<String>,
    /// What kind of body it is
    #[arg(long, value_name = "TYPE", default_value = "text/plain")]
    pub content_type: String,
    /// A pre-loaded route, as "<sip:proxy.example.com;lr>"; repeatable, topmost first
    #[arg(long, value_name = "URI")]
    pub route: Vec<String>,
}

/// Audio of the calls of a load.
#[derive(Copy, Clone, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LoadMedia {
    /// RTP with a tone, PCMU or PCMA
    G711,
}

#[derive(Debug, ClapArgs)]
pub struct LoadArgs {
    /// Whom to call
    pub target: String,
    #[command(flatten)]
    pub common: Common,
    /// Calls per second
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub rate: f64,
    /// Dial for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    pub duration: Duration,
    /// Hang up so many seconds after the answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    pub hold: Duration,
    /// Send and receive audio; without it calls are negotiated, but open no socket
    #[arg(long, value_name = "CODEC")]
    pub media: Option<LoadMedia>,
}

#[derive(Debug, ClapArgs)]
pub struct InspectArgs {
    /// File with one SIP message; - reads stdin
    pub file: PathBuf,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a positive number of seconds".to_owned())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| "has no colon; write \"Name: value\"".to_owned())?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn codec(text: &str) -> Result<Codec, String> {
    Codec::from_name(text).ok_or_else(|| format!("not one of {}", Codec::ALL.map(Codec::name).join(", ")))
}

fn log_level(text: &str) -> Result<LogLevel, String> {
    Ok(match text {
        "error" => LogLevel::Error,
        "warn" => LogLevel::Warn,
        "info" => LogLevel::Info,
        "debug" => LogLevel::Debug,
        "trace" => LogLevel::Trace,
        _ => return Err("not one of error, warn, info, debug, trace".into()),
    })
}

fn dns_server(text: &str) -> Result<std::net::SocketAddr, String> {
    let refusal = || format!("{text:?} is no address; give 192.0.2.53 or [2001:db8::53]:5353");
    sipwright::engine::DnsConfig::server(text).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn values_are_checked() {
        for wrong in [
            &["sipwright", "call", "sip:a@b", "--codec", "OPUS"][..],
            &["sipwright", "call", "sip:a@b", "--duration", "-1"],
            &["sipwright", "call", "sip:a@b", "--duration", "soon"],
            &["sipwright", "call", "sip:a@b", "--no-media", "--play", "x.wav"],
            &["sipwright", "answer", "--reject", "200"],
            &["sipwright", "call"],
            &["sipwright"],
        ] {
            assert_eq!(Args::try_parse_from(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
        let args = Args::try_parse_from([
            "sipwright",
            "call",
            "bob",
            "--codec",
            "pcma",
            "--codec",
            "G722",
            "--duration",
            "0.5",
        ]);
        let Command::Call(call) = args.unwrap().command else { panic!() };
        assert_eq!(call.media.codec, [Codec::Pcma, Codec::G722]);
        assert_eq!(call.media.duration, Some(Duration::from_millis(500)));
    }
}
