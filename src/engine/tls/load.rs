//! PEM into certificates, keys and trust roots. RFC 7468.

use super::{Pem, TlsCertificate};
use crate::engine::Error;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::borrow::Cow;
use std::sync::Arc;

/// Largest file of certificates: the trust store of a system is about 250 KB.
const FILE_BYTES: u64 = 8 * 1024 * 1024;

fn read<'a>(pem: &'a Pem, what: &str) -> Result<Cow<'a, [u8]>, Error> {
    let path = match pem {
        Pem::Text(text) => return Ok(Cow::Borrowed(text.as_bytes())),
        Pem::File(path) => path,
    };
    let bad = |why: String| Error::io(format!("cannot read {what} {}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| bad(e.to_string()))?.len();
    if size > FILE_BYTES {
        return Err(bad(format!("{size} bytes is no PEM file")));
    }
    std::fs::read(path).map(Cow::Owned).map_err(|e| bad(e.to_string()))
}

pub(super) fn chain(pem: &Pem, what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = read(pem, what)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => {
            Err(Error::invalid(format!("{what} {pem:?} holds no certificate: it needs -----BEGIN CERTIFICATE-----")))
        }
        Err(e) => Err(Error::invalid(format!("{what} {pem:?} is no PEM: {e}"))),
    }
}

/// A certificate with its key, which belong together.
pub(super) fn certified(from: &TlsCertificate, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
    let chain = chain(&from.chain, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&read(&from.key, "private key")?).map_err(|e| {
        let hint = "it must be an unencrypted PEM key (openssl pkey -in key.pem -out plain.pem takes a password off)";
        Error::invalid(format!("private key {:?} cannot be read: {e}; {hint}", from.key))
    })?;
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => Error::invalid(format!(
            "the private key {:?} does not belong to the certificate {:?}",
            from.key, from.chain
        )),
        e => Error::invalid(format!("certificate {:?} with key {:?} cannot be used: {e}", from.chain, from.key)),
    })
}

pub(super) fn roots(pem: &Pem, what: &str) -> Result<Arc<RootCertStore>, Error> {
    let mut store = RootCertStore::empty();
    let mut last = None;
    for certificate in chain(pem, what)? {
        last = store.add(certificate).err().or(last);
    }
    match last {
        Some(e) if store.is_empty() => Err(Error::invalid(format!("{what} {pem:?} hold no usable certificate: {e}"))),
        _ => Ok(Arc::new(store)),
    }
}
