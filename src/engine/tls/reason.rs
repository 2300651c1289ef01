//! Why TLS failed: cause and remedy. RFC 8446 s6.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// In words, for the reason of a call that failed and for the log.
pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => certificate(why),
        Error::AlertReceived(alert) => alert_received(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "the peer does not speak TLS on that port; check the port and the transport".to_owned()
        }
        Error::NoCertificatesPresented => {
            "the client showed no certificate; give it one, or make them optional".to_owned()
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic,
        ) => {
            "the peer speaks no TLS version that is allowed here; lower the least version or update the peer".to_owned()
        }
        other => format!("TLS failed: {other}"),
    }
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired => expired(""),
        CertificateError::ExpiredContext { time, not_after } => {
            let days = time.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
            expired(&format!(" {days} days ago"))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet; is the clock of this machine right?".to_owned()
        }
        // Bad signature: an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate is signed by an authority that is not trusted (unknown issuer, or self-signed); add the authority to the \
             profile's trust roots, or pin the key"
                .to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked; the server needs a new one".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name; call the name that it has".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not made for this purpose (extendedKeyUsage); it needs serverAuth for a server, clientAuth for a client"
                .to_owned()
        }
        CertificateError::Other(other) => match &other.0.to_string() {
            text if text.contains("CaUsedAsEndEntity") => {
                "the certificate is one of an authority (CA) used as a server's; pin its key, or make one that is not".to_owned()
            }
            text => text.clone(),
        },
        other => format!("the certificate is refused: {other}"),
    }
}

fn expired(when: &str) -> String {
    format!("the certificate has expired{when}; the peer needs a new one (or the clock of this machine is wrong)")
}

fn alert_received(alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::CertificateRequired => "it wants a certificate of ours: give the TLS profile one",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => "it does not accept our certificate",
        AlertDescription::UnknownCA => "it does not trust the authority of our certificate",
        AlertDescription::CertificateExpired => "our certificate has expired for it: renew ours",
        AlertDescription::CertificateRevoked => "our certificate was revoked: renew it",
        AlertDescription::ProtocolVersion => "it speaks none of our TLS versions",
        AlertDescription::HandshakeFailure => {
            "it has no cipher suite in common with us, or wants a certificate of ours"
        }
        AlertDescription::UnrecognisedName => "it does not serve the name that we asked for (SNI)",
        _ => "see its log",
    };
    format!("the peer refused the TLS connection ({alert:?}): {why}")
}
