//! Session keys to a file, only where the configuration asks for it. RFC 9850 (the format of SSLKEYLOGFILE).

use crate::engine::Error;
use rustls::KeyLog;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

struct KeyLogFile(Mutex<File>);

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLogFile")
    }
}

/// Opens the file for appending, readable by its owner only; without a path nothing is logged.
pub(super) fn open(path: Option<&Path>) -> Result<Arc<dyn KeyLog>, Error> {
    let Some(path) = path else { return Ok(Arc::new(rustls::NoKeyLog)) };
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let file = file.map_err(|e| Error::io(format!("cannot write the key log {}: {e}", path.display())))?;
    tracing::warn!("TLS session keys are written to the key log: whoever reads it can read the traffic");
    Ok(Arc::new(KeyLogFile(Mutex::new(file))))
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = String::with_capacity(label.len() + 2 * (client_random.len() + secret.len()) + 3);
        line.push_str(label);
        for part in [client_random, secret] {
            line.push(' ');
            for byte in part {
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        if let Ok(mut file) = self.0.lock() {
            let _ = file.write_all(line.as_bytes());
        }
    }
}
