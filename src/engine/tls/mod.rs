//! SIP over TLS: settings, certificates, and the layer between a socket and SIP. RFC 3261 s26.3, RFC 5922, RFC 8446, RFC 5246.
//!
//! [`Live`] holds what new connections are made from; a reload replaces it whole and leaves open connections alone. A connection is a
//! `Layer`: bytes in, bytes out, no socket of its own.

#[cfg(feature = "tls")]
mod client;
mod config;
#[cfg(feature = "tls")]
mod keylog;
#[cfg(feature = "tls")]
mod layer;
#[cfg(feature = "tls")]
mod load;
#[cfg(feature = "tls")]
mod names;
#[cfg(feature = "tls")]
mod reason;
#[cfg(feature = "tls")]
mod server;

pub use config::{ClientAuth, Pem, TlsCertificate, TlsConfig, TlsInfo, TlsProfile, TlsVersion, pin};
#[cfg(feature = "tls")]
pub(crate) use layer::Layer;

use super::Error;
#[cfg(feature = "tls")]
use arc_swap::ArcSwap;
#[cfg(feature = "tls")]
use std::sync::{Arc, Mutex, PoisonError};

/// What new connections are made from.
#[cfg(feature = "tls")]
pub(crate) struct Live {
    now: ArcSwap<Settings>,
    /// For a reload of the files that it names.
    config: Mutex<TlsConfig>,
}

/// A configuration with its files read.
#[cfg(feature = "tls")]
struct Settings {
    server: Option<Arc<rustls::ServerConfig>>,
    profiles: std::collections::BTreeMap<String, client::Profile>,
}

#[cfg(feature = "tls")]
impl Live {
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, Error> {
        let settings = Settings::load(config)?;
        Ok(Live { now: ArcSwap::from_pointee(settings), config: Mutex::new(config.clone()) })
    }

    /// Takes another configuration, or reads the files of the present one again. On an error all stays as it was.
    pub(crate) fn reload(&self, config: Option<&TlsConfig>) -> Result<(), Error> {
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = Settings::load(config.unwrap_or(&current))?;
        if settings.server.is_none() && self.has_certificate() {
            return Err(Error::invalid("the new TLS settings have no certificate; the ones in use stay"));
        }
        if let Some(config) = config {
            current.clone_from(config);
        }
        self.now.store(Arc::new(settings));
        Ok(())
    }

    /// Whether TLS can be listened for.
    pub(crate) fn has_certificate(&self) -> bool {
        self.now.load().server.is_some()
    }

    /// The server's end of a new connection.
    pub(crate) fn accept(&self) -> Result<Layer, String> {
        let settings = self.now.load();
        let server = settings.server.as_ref().ok_or("there is no server certificate: set one in the TLS settings")?;
        Layer::server(server.clone())
    }

    /// The client's end of a new connection to `name` under a profile; empty names the default profile.
    pub(crate) fn connect(&self, profile: &str, name: &str) -> Result<Layer, String> {
        let settings = self.now.load();
        let found = settings.profiles.get(profile).ok_or_else(|| {
            format!("the account's TLS profile {profile:?} is not among the TLS settings: add it there")
        })?;
        Layer::client(found, name)
    }
}

#[cfg(feature = "tls")]
impl Settings {
    fn load(config: &TlsConfig) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key_log = keylog::open(config.key_log.as_deref())?;
        let server = server::load(config, &provider, key_log.clone())?;
        let profiles = client::load(config, &provider, &key_log)?;
        Ok(Settings { server, profiles })
    }
}

/// Without TLS: settings are refused where they ask for something.
#[cfg(not(feature = "tls"))]
pub(crate) struct Live;

#[cfg(not(feature = "tls"))]
impl Live {
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, Error> {
        if *config == TlsConfig::default() { Ok(Live) } else { Err(Self::absent()) }
    }

    pub(crate) fn reload(&self, _config: Option<&TlsConfig>) -> Result<(), Error> {
        Err(Self::absent())
    }

    pub(crate) fn has_certificate(&self) -> bool {
        false
    }

    fn absent() -> Error {
        Error::new(super::ErrorKind::Unsupported, "TLS is not built in; build with the feature `tls`")
    }
}
