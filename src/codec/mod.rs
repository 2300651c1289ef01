//! Floor 4: audio codecs, PCM to RTP payload and back. RFC 3551 s4.5.
//!
//! A payload byte of any value is valid in every codec here, so decoding has no error. What is unbounded in a codec's arithmetic is
//! saturated where its Recommendation says so; the tests drive every codec with arbitrary input and overflow checks on.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod g711;
pub mod g722;

use crate::base::media::Codec;

/// Makes an encoder with fresh state.
#[must_use]
pub fn encoder(codec: Codec) -> Encoder {
    Encoder::new(codec)
}

/// Makes a decoder with fresh state.
#[must_use]
pub fn decoder(codec: Codec) -> Decoder {
    Decoder::new(codec)
}

/// PCM to payload bytes.
#[derive(Clone, Debug)]
pub enum Encoder {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722(Box<g722::Encoder>),
}

impl Encoder {
    /// An encoder with fresh state.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Encoder::Pcmu,
            Codec::Pcma => Encoder::Pcma,
            Codec::G722 => Encoder::G722(Box::default()),
        }
    }

    /// Which codec this is.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        match self {
            Encoder::Pcmu => Codec::Pcmu,
            Encoder::Pcma => Codec::Pcma,
            Encoder::G722(_) => Codec::G722,
        }
    }

    /// Appends the payload of `pcm` (mono at [`Codec::sample_rate_hz`]) to `out`. G.722 makes one byte of two samples; an odd one
    /// waits for the next call.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        match self {
            Encoder::Pcmu => out.extend(pcm.iter().map(|&s| g711::mu_law(s))),
            Encoder::Pcma => out.extend(pcm.iter().map(|&s| g711::a_law(s))),
            Encoder::G722(encoder) => encoder.encode(pcm, out),
        }
    }
}

/// Payload bytes to PCM.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722(Box<g722::Decoder>),
}

impl Decoder {
    /// A decoder with fresh state.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Decoder::Pcmu,
            Codec::Pcma => Decoder::Pcma,
            Codec::G722 => Decoder::G722(Box::default()),
        }
    }

    /// Which codec this is.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        match self {
            Decoder::Pcmu => Codec::Pcmu,
            Decoder::Pcma => Codec::Pcma,
            Decoder::G722(_) => Codec::G722,
        }
    }

    /// Appends the audio of `payload` (mono at [`Codec::sample_rate_hz`]) to `out`: one sample per byte, two with G.722.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        match self {
            Decoder::Pcmu => out.extend(payload.iter().map(|&b| g711::from_mu_law(b))),
            Decoder::Pcma => out.extend(payload.iter().map(|&b| g711::from_a_law(b))),
            Decoder::G722(decoder) => decoder.decode(payload, out),
        }
    }
}

/// Where other people's test material lies: `$SIPWRIGHT_CORPUS`, or beside the project. `None` where it is missing.
#[cfg(test)]
fn corpus(set: &str) -> Option<std::path::PathBuf> {
    let root = std::env::var_os("SIPWRIGHT_CORPUS")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), Into::into);
    let set = root.join("codec").join(set);
    if set.is_dir() {
        return Some(set);
    }
    eprintln!("{} is missing: its vectors were not run", set.display());
    None
}

/// Reads 16-bit little-endian words.
#[cfg(test)]
fn words(path: &std::path::Path) -> Vec<i16> {
    std::fs::read(path).unwrap().chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_milliseconds_are_160_bytes_and_come_back_as_long() {
        for codec in Codec::ALL {
            let samples = codec.sample_rate_hz() as usize / 50;
            let (mut encoder, mut decoder) = (encoder(codec), decoder(codec));
            assert_eq!((encoder.codec(), decoder.codec()), (codec, codec));
            let mut payload = vec![];
            encoder.encode(&vec![0; samples], &mut payload);
            assert_eq!(payload.len(), 160);
            let mut pcm = vec![];
            decoder.decode(&payload, &mut pcm);
            assert_eq!(pcm.len(), samples);
        }
    }

    #[test]
    fn silence_stays_silence() {
        for codec in Codec::ALL {
            let (mut payload, mut pcm) = (vec![], vec![]);
            encoder(codec).encode(&[0; 320], &mut payload);
            decoder(codec).decode(&payload, &mut pcm);
            assert!(pcm.iter().all(|s| s.abs() <= 8), "{codec:?}: {:?}", pcm.iter().max());
        }
    }
}
