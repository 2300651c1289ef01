//! Session descriptions that others wrote: every one printed in an RFC, browsers, cameras and broadcast gear, seeds of other fuzzers;
//! and the offer/answer flows of RFC 4317. They live outside the project: `SIPWRIGHT_CORPUS` names the place. Where a set is missing,
//! the test says how many were left out; with CI=true it fails.

#[path = "torture/corpus.rs"]
mod corpus;

use sipwright::base::media::{Codec, Direction};
use sipwright::offer_answer::{LocalMedia, Negotiation};
use sipwright::sdp::{SdpError, Session};
use std::path::{Path, PathBuf};

fn local(ip: &str) -> LocalMedia {
    LocalMedia {
        rtp: format!("{ip}:4000").parse().unwrap(),
        rtcp: format!("{ip}:4001").parse().unwrap(),
        codecs: Codec::ALL.to_vec(),
        dtmf: true,
        ptime_ms: 20,
    }
}

fn is_sdp(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "sdp")
}

/// Why `answer` is no answer to `offer` by RFC 3264 s6, on the streams that are taken; `None` when it is one.
fn fault(offer: &[u8], answer: &[u8]) -> Option<String> {
    let (offer, answer) = (Session::parse(offer).ok()?, Session::parse(answer).ok()?);
    if offer.media.len() != answer.media.len() {
        return Some(format!("{} m= lines for {}", answer.media.len(), offer.media.len()));
    }
    for (o, a) in offer.media.iter().zip(&answer.media) {
        if (o.kind, o.protocol) != (a.kind, a.protocol) {
            return Some(format!("{} {} for {} {}", a.kind, a.protocol, o.kind, o.protocol));
        }
        if o.port == 0 && a.port != 0 {
            return Some("a stream that was not wanted is taken".into());
        }
        if a.port == 0 {
            continue;
        }
        let (theirs, ours) = (offer.direction_of(o), answer.direction_of(a));
        if (ours.sends() && !theirs.receives()) || (ours.receives() && !theirs.sends()) {
            return Some(format!("{ours:?} for {theirs:?}"));
        }
        // The same number, or the same encoding under another one.
        let encodings: Vec<_> = o.rtpmaps().map(|m| m.encoding).collect();
        let renumbered = a.rtpmaps().any(|m| encodings.contains(&m.encoding));
        if !renumbered && !a.formats.iter().any(|f| o.formats.contains(f)) {
            return Some(format!("formats {:?} for {:?}", a.formats, o.formats));
        }
        for pt in a.payload_types().filter(|pt| *pt >= 96) {
            if a.rtpmap(pt).is_none() {
                return Some(format!("no rtpmap for {pt}"));
            }
        }
    }
    let time = offer.timing.first().copied().unwrap_or(('t', "0 0"));
    (answer.timing.first() != Some(&time)).then(|| "another time".into())
}

/// Everything that is done with SDP from a peer. Returns whether it was understood and whether a call could be made of it.
fn exercise(bytes: &[u8]) -> (Result<(), SdpError>, bool) {
    let session = match Session::parse(bytes) {
        Ok(session) => session,
        Err(e) => {
            let refused = Negotiation::new(1).remote_offer(bytes).unwrap_err();
            assert_eq!((refused.status, refused.warn_code), (488, 307));
            return (Err(e), false);
        }
    };
    let once = session.to_vec();
    assert_eq!(Session::parse(&once).expect("what we print parses").to_vec(), once);
    let mut taken = false;
    for ip in ["192.0.2.1", "[2001:db8::1]"] {
        let mut ours = Negotiation::new(1);
        if ours.remote_offer(bytes).is_ok()
            && let Ok((answer, agreed)) = ours.answer(&local(ip), Direction::SendRecv)
        {
            let printed = String::from_utf8_lossy(&answer).into_owned();
            assert_eq!(fault(bytes, &answer), None, "{}\n{printed}", String::from_utf8_lossy(bytes));
            assert_eq!(Session::parse(&answer).unwrap().to_vec(), answer, "{printed}");
            taken |= agreed.audio.is_some();
        }
        let mut ours = Negotiation::new(1);
        ours.offer(&local(ip), Direction::SendRecv);
        let _ = ours.remote_answer(bytes);
        assert!(ours.can_offer());
    }
    (Ok(()), taken)
}

/// Exercises a set; says which files were not understood, and how many were taken as an audio call.
fn exercise_all(files: &[(PathBuf, Vec<u8>)]) -> (Vec<(String, SdpError)>, usize) {
    let (mut refused, mut taken) = (Vec::new(), 0);
    for (path, bytes) in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (result, call) = exercise(bytes);
        taken += usize::from(call);
        refused.extend(result.err().map(|e| (name, e)));
    }
    (refused, taken)
}

#[test]
fn printed_in_an_rfc() {
    let Some(dir) = corpus::set("rfc-sdp", 386) else { return };
    let files = corpus::files(&dir, &is_sdp);
    assert_eq!(files.len(), 386);
    let (refused, taken) = exercise_all(&files);
    println!("{taken} calls; refused {refused:?}");
    // Ports that are none: `$NAT-PUB-1.PORT` in the ICE and NAT scenarios, 66544 in RFC 6871.
    let names: Vec<_> = refused.iter().map(|(name, _)| name.trim_end_matches(".sdp")).collect();
    let nat = ["rfc6314-01", "rfc6314-02", "rfc6314-03", "rfc6314-04", "rfc6314-05", "rfc6314-06"];
    let rest = ["rfc6871-03", "rfc8839-02", "rfc8839-04"];
    assert_eq!(names, [&["rfc5245-02", "rfc5245-03"][..], &nat, &rest].concat());
    assert!(refused.iter().all(|(_, e)| matches!(e, SdpError::Media { .. })), "{refused:?}");
    assert_eq!(taken, 236);
}

#[test]
fn browsers_cameras_and_broadcast_gear() {
    let Some(dir) = corpus::set("sdp", 65) else { return };
    let mut files = corpus::files(&dir, &is_sdp);
    assert_eq!(files.len(), 65);
    // Three begin with remarks of their collectors.
    for (_, text) in &mut files {
        let lines = text.split_inclusive(|b| *b == b'\n').filter(|line| !line.starts_with(b";"));
        *text = lines.flatten().copied().collect();
    }
    let (refused, taken) = exercise_all(&files);
    println!("{taken} calls; refused {refused:?}");
    assert_eq!(refused, []);
}

#[test]
fn seeds_of_other_fuzzers() {
    if let Some(dir) = corpus::set("fuzz-seeds/webrtc/sdp-corpus", 67) {
        let (refused, taken) = exercise_all(&corpus::files(&dir, &is_sdp));
        println!("{taken} calls; refused {refused:?}");
        // Those begin in the middle of a description.
        let names: Vec<_> = refused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["unittest-3.sdp", "unittest-6.sdp", "unittest-7.sdp"]);
    }
    if let Some(dir) = corpus::set("fuzz-seeds/sdp-types/parse_session", 2) {
        exercise_all(&corpus::files(&dir, &|_| true));
    }
    if let Some(archive) = corpus::set("fuzz-seeds/pjsip/fuzz-sdp_seed_corpus.zip", 7) {
        for seed in corpus::unzip(&archive).unwrap_or_default() {
            let _ = exercise(&seed);
        }
    }
    // Seeds of whole messages and of other formats are as good as noise here.
    if let Some(dir) = corpus::set("fuzz-seeds/belle-sip-afl", 137) {
        for (_, bytes) in corpus::files(&dir, &|_| true) {
            let _ = exercise(&bytes);
            let _ = exercise(&[b"v=0\r\n", bytes.as_slice()].concat());
        }
    }
}

/// One flow of RFC 4317: labels (`Offer`, `Answer`, `Second-Offer`..) and bodies.
fn flows(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut flows: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut in_body = false;
    for line in text.lines().skip_while(|l| !l.starts_with("2.  ")).skip(1) {
        let words = line.trim();
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            flows.push((line.to_string(), Vec::new()));
            in_body = false;
        } else if let Some(label) = words.strip_prefix('[').and_then(|l| l.split(']').next())
            && (label.contains("Offer") || label.contains("Answer"))
        {
            flows.last_mut().unwrap().1.push((label.to_string(), String::new()));
            in_body = true;
        } else if let Some((_, body)) = flows.last_mut().and_then(|f| f.1.last_mut()).filter(|_| in_body)
            && words.as_bytes().get(1) == Some(&b'=')
        {
            body.push_str(words);
            body.push_str("\r\n");
        }
    }
    flows.retain(|(_, steps)| !steps.is_empty());
    flows
}

/// RFC 4317 s2 - s4: the RFC's own answers pass our reading of RFC 3264, and so do ours to the same offers, in the same order.
#[test]
fn offer_answer_flows() {
    let Some(file) = corpus::set("rfc-text/rfc4317.txt", 39) else { return };
    let flows = flows(&std::fs::read_to_string(file).unwrap());
    let mut exchanges = 0;
    for (name, steps) in &flows {
        let mut bob = Negotiation::new(1);
        for pair in steps.chunks(2) {
            let [(label, offer), (answer_label, theirs)] = pair else { panic!("{name}: {pair:?}") };
            assert!(label.contains("Offer") && answer_label.contains("Answer"), "{name}: {label}, {answer_label}");
            // In s3.2 the RFC's own answer to a sendonly stream is sendrecv, against RFC 3264 s6.1.
            let slip =
                (name.starts_with("3.2.") && label == "Second-Offer").then(|| "SendRecv for SendOnly".to_string());
            assert_eq!(fault(offer.as_bytes(), theirs.as_bytes()), slip, "{name}: {label}");
            exchanges += 1;
            if let Err(e) = bob.remote_offer(offer.as_bytes()) {
                assert_eq!((e.warn_code, offer.contains("PCM")), (305, false), "{name} {label}: {e}\n{offer}");
                continue;
            }
            let (ours, _) = bob.answer(&local("192.0.2.1"), Direction::SendRecv).unwrap();
            assert_eq!(fault(offer.as_bytes(), &ours), None, "{name}: {label}");
        }
    }
    println!("{} flows, {exchanges} exchanges", flows.len());
    assert!(exchanges >= 15, "{flows:#?}");
}

/// The check above sees what is wrong.
#[test]
fn a_wrong_answer_is_seen() {
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    let offer =
        format!("{head}m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 X/8000\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\n");
    let good = format!("{head}m=audio 5000 RTP/AVP 0\r\na=recvonly\r\nm=video 0 RTP/AVP 31\r\n");
    assert_eq!(fault(offer.as_bytes(), good.as_bytes()), None);
    for (from, to) in [
        ("m=video 0 RTP/AVP 31\r\n", ""),
        ("m=video 0", "m=video 6000"),
        ("a=recvonly", "a=sendrecv"),
        ("AVP 0", "AVP 8"),
        ("AVP 0", "AVP 0 96"),
        ("RTP/AVP 0", "RTP/AVPF 0"),
        ("m=audio", "m=image"),
        ("t=0 0", "t=0 1"),
    ] {
        assert!(fault(offer.as_bytes(), good.replacen(from, to, 1).as_bytes()).is_some(), "{from} -> {to}");
    }
}
