//! Reading WAV: the RIFF header, and samples of every common coding as 16-bit mono.
//!
//! Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE_FORMAT_PCM), RFC 2361 (registered formats: 3 IEEE float,
//! 6 A-law, 7 mu-law), and WAVE_FORMAT_EXTENSIBLE.

use crate::codec::g711;
use crate::dsp::mix_down;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

/// Most chunks looked at before `data`.
const CHUNKS: usize = 1000;
/// Rates that can be played.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4000..=384_000;

/// How one sample is stored.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Offset binary, 8 bits.
    Unsigned8,
    /// Two's complement.
    Signed16,
    /// Two's complement, packed.
    Signed24,
    /// Two's complement.
    Signed32,
    /// IEEE float, full scale 1.0.
    Float32,
    /// IEEE float, full scale 1.0.
    Float64,
    /// G.711.
    ALaw,
    /// G.711.
    MuLaw,
}

/// What a header says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// Of each sample.
    pub(super) coding: Coding,
    /// Interleaved channels.
    pub(super) channels: usize,
    /// Frames per second.
    pub(super) rate_hz: u32,
    /// Bytes per frame.
    pub(super) frame_bytes: usize,
    /// Where the audio starts in the file.
    pub(super) start: u64,
    /// Its length in bytes, whole frames.
    pub(super) bytes: u64,
}

/// Why a file cannot be played, without its name.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The system refused to read.
    Read(io::Error),
    /// It does not start like a WAV file; holds what it starts with.
    NotWav(&'static str),
    /// Nothing in it, or no audio.
    Empty,
    /// It ends before its header says; holds what is missing.
    Truncated(String),
    /// A format that is not played.
    Unsupported(String),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Wrong::Truncated("it ends inside its header".into())
        } else {
            Wrong::Read(error)
        }
    }
}

const CONVERT: &str = "convert it with: sox INPUT -b 16 -c 1 OUTPUT.wav";

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Read(error) => write!(f, "cannot be read: {error}; check the disk"),
            Wrong::NotWav(what) => write!(f, "is not a WAV file but {what}; {CONVERT}"),
            Wrong::Empty => write!(f, "holds no audio; record or export it again"),
            Wrong::Truncated(what) => write!(f, "is truncated: {what}; copy or export it again"),
            Wrong::Unsupported(what) => {
                write!(
                    f,
                    "has an unsupported format: {what}; PCM of 8, 16, 24, 32 bits, float, A-law and mu-law are played; {CONVERT}"
                )
            }
        }
    }
}

impl Format {
    /// Reads the header of a file of `length` bytes, from its start.
    pub(super) fn read(file: &mut (impl Read + Seek), length: u64) -> Result<Format, Wrong> {
        if length == 0 {
            return Err(Wrong::Empty);
        }
        let mut riff = [0; 12];
        let got = read_up_to(file, &mut riff)?;
        match (&riff[..4], &riff[8..12]) {
            (b"RIFF", b"WAVE") => {}
            (b"RIFF", _) if got == 12 => return Err(Wrong::NotWav("another kind of RIFF file")),
            (b"RIFF", _) => return Err(Wrong::Truncated("it ends inside its header".into())),
            (b"RIFX" | b"RF64" | b"BW64", _) => {
                return Err(Wrong::Unsupported("big-endian or 64-bit RIFF".into()));
            }
            (b"OggS", _) => return Err(Wrong::NotWav("Ogg")),
            (b"fLaC", _) => return Err(Wrong::NotWav("FLAC")),
            (b"FORM", _) => return Err(Wrong::NotWav("AIFF")),
            (b".snd", _) => return Err(Wrong::NotWav("Sun audio")),
            ([b'I', b'D', b'3', _] | [0xff, 0xe0..=0xff, ..], _) => return Err(Wrong::NotWav("MP3")),
            _ => return Err(Wrong::NotWav("something else (it does not start with RIFF)")),
        }
        let mut format = None;
        for _ in 0..CHUNKS {
            let mut head = [0; 8];
            let got = read_up_to(file, &mut head)?;
            if got < 8 {
                return Err(if format.is_some() {
                    Wrong::Empty
                } else {
                    Wrong::Truncated("it has no format chunk".into())
                });
            }
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            match &head[..4] {
                b"fmt " => format = Some(read_format(file, size)?),
                b"data" => {
                    let format = format.ok_or_else(|| Wrong::Unsupported("no format chunk before the audio".into()))?;
                    let start = file.stream_position()?;
                    return locate(format, start, size, length);
                }
                // Chunks are padded to even lengths.
                _ => {
                    file.seek(SeekFrom::Current(i64::from(size) + i64::from(size & 1)))?;
                }
            }
        }
        Err(Wrong::Unsupported(format!("more than {CHUNKS} chunks before the audio")))
    }

    /// Appends the frames of `bytes` (whole frames) to `out` as mono, the mean of the channels.
    pub(super) fn decode(&self, bytes: &[u8], out: &mut Vec<i16>, scratch: &mut Vec<i16>) {
        scratch.clear();
        match self.coding {
            Coding::Unsigned8 => scratch.extend(bytes.iter().map(|&b| (i16::from(b) - 128) << 8)),
            Coding::ALaw => scratch.extend(bytes.iter().map(|&b| g711::from_a_law(b))),
            Coding::MuLaw => scratch.extend(bytes.iter().map(|&b| g711::from_mu_law(b))),
            Coding::Signed16 => scratch.extend(each(bytes).map(i16::from_le_bytes)),
            Coding::Signed24 => scratch.extend(each(bytes).map(|[a, b, c]| top_bits(i32::from_le_bytes([0, a, b, c])))),
            Coding::Signed32 => scratch.extend(each(bytes).map(|b| top_bits(i32::from_le_bytes(b)))),
            Coding::Float32 => scratch.extend(each(bytes).map(|b| full_scale(f64::from(f32::from_le_bytes(b))))),
            Coding::Float64 => scratch.extend(each(bytes).map(|b| full_scale(f64::from_le_bytes(b)))),
        }
        mix_down(scratch, self.channels, out);
    }
}

/// Reads until `into` is full or the file ends.
fn read_up_to(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < into.len() {
        match file.read(&mut into[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// Reads a `fmt ` chunk; `start` and `bytes` are left 0.
fn read_format(file: &mut (impl Read + Seek), size: u32) -> Result<Format, Wrong> {
    let mut chunk = [0; 40];
    let used = (size as usize).min(chunk.len());
    if used < 16 {
        return Err(Wrong::Unsupported(format!("a format chunk of {size} bytes")));
    }
    file.read_exact(&mut chunk[..used])?;
    file.seek(SeekFrom::Current(i64::from(size) + i64::from(size & 1) - used as i64))?;
    let short = |at: usize| u16::from_le_bytes([chunk[at], chunk[at + 1]]);
    let (mut tag, channels, block, bits) = (short(0), usize::from(short(2)), usize::from(short(12)), short(14));
    let rate_hz = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
    if tag == 0xfffe && used == 40 {
        // WAVE_FORMAT_EXTENSIBLE: the tag is the front of the sub-format's GUID.
        tag = short(24);
    }
    if !(1..=32).contains(&channels) {
        return Err(Wrong::Unsupported(format!("{channels} channels")));
    }
    if !RATES_HZ.contains(&rate_hz) {
        return Err(Wrong::Unsupported(format!("{rate_hz} Hz")));
    }
    // The container counts, not the bits used of it: samples fill it from the top.
    let coding = match (tag, block / channels, block % channels) {
        (1, 1, 0) => Coding::Unsigned8,
        (1, 2, 0) => Coding::Signed16,
        (1, 3, 0) => Coding::Signed24,
        (1, 4, 0) => Coding::Signed32,
        (3, 4, 0) => Coding::Float32,
        (3, 8, 0) => Coding::Float64,
        (6, 1, 0) => Coding::ALaw,
        (7, 1, 0) => Coding::MuLaw,
        (1 | 3 | 6 | 7, ..) => return Err(Wrong::Unsupported(format!("{bits} bits in frames of {block} bytes"))),
        _ => return Err(Wrong::Unsupported(format!("compression {tag:#06x}"))),
    };
    Ok(Format { coding, channels, rate_hz, frame_bytes: block, start: 0, bytes: 0 })
}

/// Fills in where the audio lies, and checks that it is there.
fn locate(format: Format, start: u64, size: u32, length: u64) -> Result<Format, Wrong> {
    let available = length.saturating_sub(start);
    // Writers to a pipe cannot go back to fill in the size: 0 or the largest number then means "to the end".
    let streamed = size == 0 || size >= 0x7fff_ffff && u64::from(size) > available;
    if !streamed && u64::from(size) > available {
        return Err(Wrong::Truncated(format!("its header announces {size} bytes of audio and {available} are there")));
    }
    let bytes = if streamed { available } else { u64::from(size) };
    let bytes = bytes - bytes % format.frame_bytes as u64;
    if bytes == 0 {
        return Err(Wrong::Empty);
    }
    Ok(Format { start, bytes, ..format })
}

/// Arrays of `N` bytes; a remainder is left out.
fn each<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// The upper 16 of 32 bits, rounded.
fn top_bits(sample: i32) -> i16 {
    (sample.saturating_add(0x8000) >> 16) as i16
}

/// A float cast saturates, and makes 0 of what is not a number.
fn full_scale(sample: f64) -> i16 {
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Cursor;

    /// A WAV file.
    pub(crate) fn wav(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let block = channels * bits / 8;
        let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        for short in [tag, channels] {
            out.extend(short.to_le_bytes());
        }
        out.extend(rate_hz.to_le_bytes());
        out.extend((rate_hz * u32::from(block)).to_le_bytes());
        for short in [block, bits] {
            out.extend(short.to_le_bytes());
        }
        // A chunk to skip, of odd length.
        out.extend(b"LIST\x03\0\0\0abc\0");
        out.extend(b"data");
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
        let riff = (out.len() as u32 - 8).to_le_bytes();
        out[4..8].copy_from_slice(&riff);
        out
    }

    fn read(bytes: &[u8]) -> Result<Format, Wrong> {
        Format::read(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    fn samples(bytes: &[u8]) -> Vec<i16> {
        let format = read(bytes).unwrap();
        let (mut out, mut scratch) = (vec![], vec![]);
        let start = format.start as usize;
        format.decode(&bytes[start..start + format.bytes as usize], &mut out, &mut scratch);
        out
    }

    #[test]
    fn every_coding_gives_its_samples() {
        assert_eq!(samples(&wav(1, 1, 8000, 8, &[0, 128, 255])), [-32_768, 0, 32_512]);
        assert_eq!(samples(&wav(1, 1, 8000, 16, &[0x34, 0x12, 0, 0x80])), [0x1234, -32_768]);
        assert_eq!(samples(&wav(1, 1, 8000, 24, &[0x80, 0x34, 0x12, 0xff, 0xff, 0x7f])), [0x1235, 32_767]);
        assert_eq!(samples(&wav(1, 1, 8000, 32, &[0, 0, 0x34, 0x12])), [0x1234]);
        let floats: Vec<u8> = [0.5f32, -1.0, 1.5, f32::NAN].iter().flat_map(|f| f.to_le_bytes()).collect();
        assert_eq!(samples(&wav(3, 1, 8000, 32, &floats)), [16_384, -32_768, 32_767, 0]);
        let floats: Vec<u8> = [0.25f64, -2.0].iter().flat_map(|f| f.to_le_bytes()).collect();
        assert_eq!(samples(&wav(3, 1, 8000, 64, &floats)), [8192, -32_768]);
        assert_eq!(samples(&wav(6, 1, 8000, 8, &[0xd5, 0xaa])), [8, 32_256]);
        assert_eq!(samples(&wav(7, 1, 8000, 8, &[0xff, 0x80])), [0, 32_124]);
    }

    #[test]
    fn stereo_is_mixed_down_and_the_rate_is_told() {
        let file = wav(1, 2, 44_100, 16, &[100, 0, 44, 1, 0, 0, 10, 0]);
        assert_eq!(samples(&file), [200, 5]);
        assert_eq!(read(&file).unwrap().rate_hz, 44_100);
    }

    #[test]
    fn extensible_names_its_coding_in_the_guid() {
        let mut file = wav(1, 1, 16_000, 16, &[1, 0, 2, 0]);
        let extension = [22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
        file[16] = 40;
        file[20..22].copy_from_slice(&0xfffeu16.to_le_bytes());
        file.splice(36..36, extension);
        assert_eq!(samples(&file), [1, 2]);
    }

    #[test]
    fn what_hound_writes_is_read() {
        for (bits, format) in
            [(16, hound::SampleFormat::Int), (24, hound::SampleFormat::Int), (32, hound::SampleFormat::Float)]
        {
            let spec =
                hound::WavSpec { channels: 2, sample_rate: 48_000, bits_per_sample: bits, sample_format: format };
            let mut bytes = Cursor::new(vec![]);
            let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
            for i in 0..100 {
                let sample = i * 100;
                for _ in 0..2 {
                    match format {
                        hound::SampleFormat::Int => writer.write_sample(sample << (bits - 16)).unwrap(),
                        hound::SampleFormat::Float => writer.write_sample(sample as f32 / 32_768.0).unwrap(),
                    }
                }
            }
            writer.finalize().unwrap();
            assert_eq!(samples(&bytes.into_inner()), (0..100).map(|i| i * 100).collect::<Vec<i16>>(), "{bits}");
        }
    }

    #[test]
    fn a_streamed_file_plays_to_its_end() {
        for size in [0u32, 0xffff_ffff, 0x7fff_ffff] {
            let mut file = wav(1, 1, 8000, 16, &[1, 0, 2, 0, 3]);
            let at = file.len() - 9;
            file[at..at + 4].copy_from_slice(&size.to_le_bytes());
            assert_eq!(samples(&file), [1, 2], "{size:#x}");
        }
    }

    #[test]
    fn wrong_files_are_named() {
        let whole = wav(1, 1, 8000, 16, &[0; 320]);
        assert!(matches!(read(b""), Err(Wrong::Empty)));
        assert!(matches!(read(&whole[..whole.len() - 320]), Err(Wrong::Truncated(_))));
        assert!(matches!(read(&wav(1, 1, 8000, 16, &[])), Err(Wrong::Empty)));
        assert!(matches!(read(b"OggS\0\0\0\0\0\0\0\0\0\0"), Err(Wrong::NotWav("Ogg"))));
        assert!(matches!(read(b"hello"), Err(Wrong::NotWav(_))));
        assert!(matches!(read(&wav(0x11, 1, 8000, 8, &[0; 9])), Err(Wrong::Unsupported(_))));
        assert!(matches!(read(&wav(1, 1, 8000, 64, &[0; 16])), Err(Wrong::Unsupported(_))));
        assert!(matches!(read(&wav(1, 1, 100, 16, &[0; 16])), Err(Wrong::Unsupported(_))));
        assert!(matches!(read(&whole[..whole.len() - 1]), Err(Wrong::Truncated(_))));
        // Cut anywhere, a file gives an error or fewer samples, never a panic.
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_headers_never_panic(
            tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            keep in 0usize..48,
        ) {
            let mut file = wav(1, 2, 8000, 16, &[0; 8]);
            file.truncate(keep);
            file.extend(tail);
            if let Ok(format) = read(&file) {
                let end = (format.start + format.bytes) as usize;
                proptest::prop_assert!(end <= file.len());
                format.decode(&file[format.start as usize..end], &mut vec![], &mut vec![]);
            }
        }
    }
}
