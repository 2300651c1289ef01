//! The keyword argument `tls` of an engine: a dict of settings. RFC 5922.

use crate::error::{invalid, raise};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sipwright::engine::{ClientAuth, Pem, TlsCertificate, TlsConfig, TlsProfile, TlsVersion, tls_pin};

/// Reads the dict; `None` is the default.
pub(crate) fn config(given: Option<&Bound<'_, PyDict>>) -> PyResult<TlsConfig> {
    let mut config = TlsConfig::default();
    let Some(given) = given else { return Ok(config) };
    let mut default = TlsProfile::default();
    for (key, value) in given.iter() {
        let key: String = key.extract()?;
        match key.as_str() {
            "certificates" => {
                for (chain, private) in value.extract::<Vec<(String, String)>>()? {
                    config.certificates.push(certificate(&chain, &private));
                }
            }
            "client_auth" => {
                config.client_auth = match value.extract::<String>()?.as_str() {
                    "off" => ClientAuth::Off,
                    "optional" => ClientAuth::Optional,
                    "required" => ClientAuth::Required,
                    other => return Err(invalid(format!("client_auth = {other:?}: give off, optional or required"))),
                }
            }
            "client_ca" => config.client_ca = Some(Pem::from(value.extract::<String>()?.as_str())),
            "min_version" => config.min_version = version(&value.extract::<String>()?)?,
            "key_log" => config.key_log = Some(value.extract::<String>()?.into()),
            "profiles" => {
                for (name, settings) in value.cast_into::<PyDict>()?.iter() {
                    let mut profile = TlsProfile { name: name.extract()?, ..TlsProfile::default() };
                    for (key, value) in settings.cast_into::<PyDict>()?.iter() {
                        let key: String = key.extract()?;
                        if !of_profile(&mut profile, &key, &value)? {
                            return Err(invalid(format!(
                                "a TLS profile has no {key:?}; there are roots, pins, certificate, min_version, verify"
                            )));
                        }
                    }
                    config.profiles.push(profile);
                }
            }
            _ if of_profile(&mut default, &key, &value)? => {}
            other => {
                return Err(invalid(format!(
                    "tls has no {other:?}; there are certificates, client_auth, client_ca, min_version, key_log, profiles, and roots, \
                     pins, certificate, verify of the default profile"
                )));
            }
        }
    }
    if default != TlsProfile::default() {
        default.min_version = config.min_version;
        config.profiles.push(default);
    }
    Ok(config)
}

fn of_profile(profile: &mut TlsProfile, key: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match key {
        "roots" => profile.roots = Some(Pem::from(value.extract::<String>()?.as_str())),
        "pins" => {
            let pins: Vec<String> = value.extract()?;
            profile.pins = pins.iter().map(|pin| tls_pin(pin)).collect::<Result<_, _>>().map_err(raise)?;
        }
        "certificate" => {
            let (chain, private): (String, String) = value.extract()?;
            profile.certificate = Some(certificate(&chain, &private));
        }
        "min_version" => profile.min_version = version(&value.extract::<String>()?)?,
        "verify" => profile.verify = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn certificate(chain: &str, key: &str) -> TlsCertificate {
    TlsCertificate { chain: chain.into(), key: key.into() }
}

fn version(name: &str) -> PyResult<TlsVersion> {
    match name {
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        _ => Err(invalid(format!("min_version = {name:?}: give 1.2 or 1.3"))),
    }
}
