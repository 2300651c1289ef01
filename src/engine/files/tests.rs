//! Files as the engine uses them.

use super::*;
use std::time::Instant;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sipwright-files-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pcm(count: usize) -> Vec<i16> {
    (0..count).map(|i| (i * 37 % 20_011) as i16 - 10_000).collect()
}

fn wav16(rate_hz: u32, samples: &[i16]) -> Vec<u8> {
    wav::tests::wav(1, 1, rate_hz, 16, &samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<u8>>())
}

/// Reads `count` samples, or to the end. Waits for the file thread as a stage never would.
fn take(source: &mut dyn Source, count: usize) -> Vec<i16> {
    let mut all = vec![];
    let patience = Instant::now() + Duration::from_secs(30);
    while all.len() < count && !source.is_finished() {
        let mut beat = [0; 160];
        let got = source.read(&mut beat);
        all.extend(&beat[..got]);
        if got == 0 {
            assert!(Instant::now() < patience, "nothing came for too long");
            std::thread::yield_now();
        }
    }
    all.truncate(count);
    all
}

#[test]
fn a_file_plays_from_its_first_to_its_last_sample() {
    let (folder, files) = (Folder::new("play"), Files::new().unwrap());
    let samples = pcm(70_000);
    let mut source = files.player(&folder.file("a.wav", &wav16(8000, &samples)), false).unwrap();
    assert_eq!(source.rate_hz(), 8000);
    // The first beats are there at once.
    assert_eq!(source.read(&mut [0; 160]), 160);
    assert_eq!(take(&mut *source, usize::MAX), samples[160..]);
    assert!(source.is_finished());
    assert_eq!(source.read(&mut [0; 160]), 0);
}

#[test]
fn a_repeated_file_has_no_seam() {
    let (folder, files) = (Folder::new("repeat"), Files::new().unwrap());
    let samples = pcm(777);
    let mut source = files.player(&folder.file("a.wav", &wav16(8000, &samples)), true).unwrap();
    let expected: Vec<i16> = samples.iter().copied().cycle().take(40_000).collect();
    assert_eq!(take(&mut *source, 40_000), expected);
    assert!(!source.is_finished());
}

#[test]
fn a_dropped_source_closes_its_file() {
    let (folder, files) = (Folder::new("drop"), Files::new().unwrap());
    let source = files.player(&folder.file("a.wav", &wav16(8000, &pcm(777))), true).unwrap();
    assert_eq!(files.open(), 1);
    drop(source);
    let patience = Instant::now() + Duration::from_secs(30);
    while files.open() > 0 {
        assert!(Instant::now() < patience, "the file stays open");
        std::thread::yield_now();
    }
}

#[test]
fn errors_name_cause_and_remedy() {
    let (folder, files) = (Folder::new("errors"), Files::new().unwrap());
    let whole = wav16(8000, &pcm(800));
    let fifo = folder.0.join("fifo");
    let name = std::ffi::CString::new(fifo.to_str().unwrap()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(name.to_str().unwrap()).status().unwrap().success());
    for (path, kind, cause, remedy) in [
        (folder.0.join("none.wav"), ErrorKind::Io, "no such file", "check the path"),
        (folder.0.clone(), ErrorKind::Invalid, "not a regular file", "name a WAV"),
        (fifo, ErrorKind::Invalid, "not a regular file", "name a WAV"),
        (folder.file("empty.wav", b""), ErrorKind::Invalid, "no audio", "export it again"),
        (folder.file("text.wav", b"not a wav file at all"), ErrorKind::Invalid, "not a WAV file", "sox"),
        (folder.file("cut.wav", &whole[..1000]), ErrorKind::Invalid, "truncated", "copy or export"),
        (folder.file("mp3.wav", &wav::tests::wav(0x55, 1, 8000, 8, &[1; 99])), ErrorKind::Unsupported, "0x0055", "sox"),
    ] {
        let error = files.player(&path, false).err().unwrap();
        assert_eq!(error.kind, kind, "{}", error.message);
        for text in [path.to_str().unwrap(), cause, remedy] {
            assert!(error.message.contains(text), "{:?} lacks {text:?}", error.message);
        }
    }
    let error = files.recorder(&folder.0.join("no/such/a.wav"), 8000, true, Box::new(|_| {})).err().unwrap();
    assert!(error.message.contains("no such folder; create it"), "{}", error.message);
    let error = files.recorder(&folder.0, 8000, true, Box::new(|_| {})).err().unwrap();
    assert!(error.message.contains("it is a folder"), "{}", error.message);
    assert_eq!(files.open(), 0);
}

/// Records `beats` beats of 20 ms at 8 kHz and gives the notice.
fn record(files: &Files, path: &Path, stereo: bool, beats: &[(Vec<i16>, Vec<i16>)]) -> Recorded {
    let (tell, told) = crossbeam_channel::bounded(1);
    let mut sink = files.recorder(path, 8000, stereo, Box::new(move |r| drop(tell.send(r)))).unwrap();
    for (ours, theirs) in beats {
        sink.write(ours, theirs);
    }
    drop(sink);
    told.recv_timeout(Duration::from_secs(30)).unwrap()
}

#[test]
fn a_stereo_recording_holds_us_left_and_them_right() {
    let (folder, files) = (Folder::new("stereo"), Files::new().unwrap());
    let path = folder.0.join("r.wav");
    let beats: Vec<_> = pcm(1600).chunks(160).map(|c| (c.to_vec(), c.iter().map(|s| s / 2).collect())).collect();
    let recorded = record(&files, &path, true, &beats);
    assert_eq!(recorded, Recorded { path: path.clone(), rate_hz: 8000, frames: 1600, dropped: 0, error: None });
    let mut reader = hound::WavReader::open(&path).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate, reader.spec().bits_per_sample), (2, 8000, 16));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    assert_eq!(samples, pcm(1600).iter().flat_map(|&s| [s, s / 2]).collect::<Vec<i16>>());
}

#[test]
fn a_mono_recording_holds_the_sum() {
    let (folder, files) = (Folder::new("mono"), Files::new().unwrap());
    let path = folder.0.join("r.wav");
    let recorded = record(&files, &path, false, &[(vec![1000; 160], vec![32_000; 160]), (vec![-5; 160], vec![7; 160])]);
    assert_eq!(recorded.frames, 320);
    let samples: Vec<i16> = hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
    assert_eq!((&samples[..160], &samples[160..]), (&[32_767; 160][..], &[2; 160][..]));
}

#[test]
fn what_the_ring_cannot_take_is_counted_and_silent() {
    let folder = Folder::new("slow");
    let path = folder.0.join("r.wav");
    let (tell, told) = crossbeam_channel::bounded(1);
    let (jobs, _inbox) = crossbeam_channel::unbounded();
    // No thread: the disk is as slow as can be.
    let (mut recorder, mut sink) =
        Recorder::create(&path, 8000, false, Box::new(move |r| drop(tell.send(r))), jobs).unwrap();
    let bound = limits::RECORDER_RING.as_secs() as usize * 50;
    for _ in 0..bound + 3 {
        sink.write(&[5; 160], &[0; 160]);
    }
    assert!(recorder.drain(false));
    sink.write(&[6; 160], &[0; 160]);
    drop(sink);
    assert!(!recorder.drain(false));
    let recorded = told.recv().unwrap();
    assert_eq!((recorded.frames, recorded.dropped), ((bound as u64 + 4) * 160, 480));
    let samples: Vec<i16> = hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
    assert!(samples[..bound * 160].iter().all(|&s| s == 5));
    assert!(samples[bound * 160..(bound + 3) * 160].iter().all(|&s| s == 0));
    assert!(samples[(bound + 3) * 160..].iter().all(|&s| s == 6));
}

#[test]
fn an_unfinished_recording_is_playable() {
    let folder = Folder::new("killed");
    let path = folder.0.join("r.wav");
    let (jobs, _inbox) = crossbeam_channel::unbounded();
    let (mut recorder, mut sink) = Recorder::create(&path, 8000, true, Box::new(|_| {}), jobs).unwrap();
    assert_eq!(hound::WavReader::open(&path).unwrap().len(), 0);
    for beat in 1..=60 {
        sink.write(&[beat; 160], &[-beat; 160]);
        assert!(recorder.drain(false));
    }
    // Nobody finished it: the header speaks of the first second.
    let mut reader = hound::WavReader::open(&path).unwrap();
    assert_eq!(reader.duration(), 8000);
    assert_eq!(reader.samples::<i16>().last().unwrap().unwrap(), -50);
}

#[test]
fn dropping_the_files_completes_recordings() {
    let (folder, files) = (Folder::new("end"), Files::new().unwrap());
    let path = folder.0.join("r.wav");
    let (tell, told) = crossbeam_channel::bounded(1);
    let mut sink = files.recorder(&path, 16_000, false, Box::new(move |r| drop(tell.send(r)))).unwrap();
    sink.write(&[1; 320], &[2; 320]);
    drop(files);
    assert_eq!(told.try_recv().unwrap().frames, 320);
    // The sink lives on without harm.
    sink.write(&[1; 320], &[2; 320]);
    assert_eq!(hound::WavReader::open(&path).unwrap().len(), 320);
}

#[test]
fn a_disk_that_refuses_is_reported() {
    let folder = Folder::new("full");
    let path = folder.0.join("r.wav");
    let (jobs, _inbox) = crossbeam_channel::unbounded();
    let (tell, told) = crossbeam_channel::bounded(1);
    let (mut recorder, mut sink) =
        Recorder::create(&path, 8000, false, Box::new(move |r| drop(tell.send(r))), jobs).unwrap();
    recorder.refuse();
    sink.write(&[1; 160], &[1; 160]);
    assert!(recorder.drain(false));
    sink.write(&[1; 160], &[1; 160]);
    drop(sink);
    assert!(!recorder.drain(false));
    let recorded = told.recv().unwrap();
    assert_eq!((recorded.frames, recorded.dropped), (0, 320));
    let error = recorded.error.unwrap();
    assert!(error.contains("ends early") && error.contains("free space"), "{error}");
}
