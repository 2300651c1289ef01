#![allow(clippy::arithmetic_side_effects)]

use super::*;
use crate::base::limits;
use crate::base::media::Direction;
use proptest::prelude::*;

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

fn parse(text: &str) -> Session<'_> {
    Session::parse(text.as_bytes()).unwrap()
}

fn error(text: &str) -> SdpError {
    Session::parse(text.as_bytes()).unwrap_err()
}

fn printed(text: &str) -> String {
    String::from_utf8(parse(text).to_vec()).unwrap()
}

#[test]
fn everything_of_a_description_is_read() {
    let text = "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\ni=SDP Offer #1\r\n\
        u=http://www.jdoe.example.com/home.html\r\ne=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\n\
        c=IN IP4 198.51.100.1\r\nb=CT:128\r\nt=0 0\r\nr=7d 1h 0 25h\r\na=recvonly\r\n\
        m=audio 49170/2 RTP/AVP 0 101\r\ni=the voice\r\nc=IN IP6 2001:db8::2\r\nb=AS:64\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=fmtp:101 0-15\r\na=ptime:30\r\na=rtcp:53020\r\nm=video 0 RTP/AVP 99\r\na=sendonly\r\n";
    let s = parse(text);
    assert_eq!((s.origin.username, s.origin.session_id, s.origin.version), ("jdoe", "3724394400", "3724394405"));
    assert_eq!(
        (s.name, s.information, s.emails[0]),
        ("Call to John Smith", Some("SDP Offer #1"), "Jane Doe <jane@jdoe.example.com>")
    );
    assert_eq!(s.timing.as_slice(), [('t', "0 0"), ('r', "7d 1h 0 25h")]);
    assert_eq!(s.bandwidths.as_slice(), [Bandwidth { kind: "CT", value: 128 }]);
    let [audio, video] = s.media.as_slice() else { panic!() };
    assert_eq!((audio.kind, audio.port, audio.port_count, audio.protocol), ("audio", 49170, Some(2), "RTP/AVP"));
    assert_eq!(audio.payload_types().collect::<Vec<_>>(), [0, 101]);
    assert_eq!(audio.rtpmap(101).unwrap().encoding, "telephone-event");
    assert_eq!(audio.fmtp("101").unwrap().parameters, "0-15");
    assert_eq!(audio.rtcp().unwrap().port, 53020);
    assert_eq!(s.ptime_of(audio), Some(30));
    assert_eq!(s.connection_of(audio).address, "2001:db8::2");
    assert_eq!(s.connection_of(video).address, "198.51.100.1");
    assert_eq!((s.direction_of(audio), s.direction_of(video)), (Direction::RecvOnly, Direction::SendOnly));
    assert_eq!(printed(text), text);
}

#[test]
fn any_line_end_is_taken() {
    let text = format!("{HEAD}m=audio 4000 RTP/AVP 0\r\n");
    for odd in [
        text.replace("\r\n", "\n"),
        text.replace("\r\n", "\r"),
        text.replace("\r\n", "\r\n\r\n"),
        format!("\r\n {text}\n\n"),
    ] {
        assert_eq!(printed(&odd), text, "{odd:?}");
    }
    assert_eq!(printed(text.trim_end()), text);
}

#[test]
fn what_is_missing_gets_its_neutral_value() {
    assert_eq!(printed("v=0\n"), "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    assert_eq!(
        printed("v=0\ns=\no=only four words here\nm=audio 0 RTP/AVP\n").lines().last(),
        Some("m=audio 0 RTP/AVP 0")
    );
    let out_of_order =
        "v=0\nt=0 0\na=sendonly\nc=IN IP4 192.0.2.9\ns=x\no=a 1 1 IN IP4 192.0.2.9\nm=audio 1 RTP/AVP 0\n";
    assert_eq!(
        printed(out_of_order),
        "v=0\r\no=a 1 1 IN IP4 192.0.2.9\r\ns=x\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\n"
    );
}

#[test]
fn a_user_name_with_spaces_is_joined() {
    let text = "v=0\r\no=John Q Doe 7 8 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";
    assert_eq!(parse(text).origin.username, "John Q Doe");
    assert_eq!(printed(text), text.replace("John Q Doe", "John_Q_Doe"));
    assert_eq!(parse("v=0\no=7 8 IN IP4 192.0.2.1\n").origin.username, "-");
}

#[test]
fn lines_without_sense_are_left_out() {
    let text = format!(
        "{HEAD}k=clear:x\r\ny=?\r\nnonsense\r\na=\r\na=two words\r\nb=AS\r\nb=AS:many\r\nc=IN\r\n=\r\n\0\r\na=a\0b\r\n"
    );
    assert_eq!(printed(&text), HEAD);
    let mut latin = HEAD.as_bytes().to_vec();
    latin.extend_from_slice(b"i=caf\xe9\r\nm=audio 4000 RTP/AVP 0\r\na=x:\xff\r\na=ptime:20\r\n");
    let session = Session::parse(&latin).unwrap();
    assert_eq!((session.information, session.media[0].attributes.len()), (None, 1));
}

#[test]
fn what_is_no_description_is_refused() {
    for text in
        ["", "\r\n\r\n", "v=1\r\n", "v=\r\n", "o=- 1 1 IN IP4 h\r\nv=0\r\n", "<xml/>", "\0", "INVITE sip:a SIP/2.0\r\n"]
    {
        assert_eq!(error(text), SdpError::Version, "{text:?}");
    }
}

#[test]
fn a_media_line_is_never_skipped() {
    for line in [
        "m=",
        "m=audio",
        "m=audio 4000",
        "m=audio x RTP/AVP 0",
        "m=audio 65536 RTP/AVP 0",
        "m=audio 4294967296 RTP/AVP 0",
        "m=audio -1 RTP/AVP 0",
        "m=audio 4000/x RTP/AVP 0",
        "m=audio 4000/4294967296 RTP/AVP 0",
        "m=audio 4000 RTP/AVP \0",
    ] {
        assert_eq!(error(&format!("{HEAD}{line}\r\n")), SdpError::Media { line: 5 }, "{line:?}");
    }
    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend_from_slice(b"m=aud\xffio 4000 RTP/AVP 0\r\n");
    assert_eq!(Session::parse(&bytes), Err(SdpError::Media { line: 5 }));
}

#[test]
fn bounds_hold() {
    let many = |line: &str, n: usize| format!("{HEAD}{}", line.repeat(n));
    let media = "m=audio 4 RTP/AVP 0\n";
    assert_eq!(parse(&many(media, limits::SDP_MEDIA)).media.len(), limits::SDP_MEDIA);
    assert_eq!(error(&many(media, limits::SDP_MEDIA + 1)), SdpError::TooManyMedia);
    assert_eq!(error(&many("m=a 1 b c\n", 3000)), SdpError::TooManyMedia);
    assert_eq!(error(&many(media, 10_000)), SdpError::TooLarge);
    assert_eq!(error(&many("a=x\n", limits::SDP_ATTRIBUTES + 1)), SdpError::TooManyAttributes);
    for line in ["b=AS:1\n", "t=0 0\n", "e=x\n", "p=x\n"] {
        assert_eq!(error(&many(line, limits::SDP_LINES + 1)), SdpError::TooManyLines, "{line}");
    }
    let formats = " 0".repeat(limits::SDP_FORMATS + 1);
    assert_eq!(error(&format!("{HEAD}m=audio 4 RTP/AVP{formats}\n")), SdpError::TooManyFormats);
}

#[test]
fn payload_types_above_127_are_none() {
    let text = format!("{HEAD}m=audio 4 RTP/AVP 0 127 128 255 256 4294967296 x -1\r\na=rtpmap:128 X/8000\r\n");
    let session = parse(&text);
    assert_eq!(session.media[0].payload_types().collect::<Vec<_>>(), [0, 127]);
    assert_eq!(session.media[0].rtpmaps().count(), 0);
}

#[test]
fn the_first_of_doubled_lines_counts() {
    let text = format!(
        "{HEAD}c=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.2\nm=audio 4 RTP/AVP 96\na=rtpmap:96 A/1\na=rtpmap:96 B/2\na=ptime:10\na=ptime:20\na=inactive\na=sendrecv\n"
    );
    let session = parse(&text);
    let media = &session.media[0];
    assert_eq!(session.connection_of(media).address, "192.0.2.1");
    assert_eq!(media.rtpmap(96).unwrap().encoding, "A");
    assert_eq!((session.ptime_of(media), session.direction_of(media)), (Some(10), Direction::Inactive));
}

#[test]
fn nothing_breaks_out_of_its_line() {
    let mut out = Vec::new();
    Writer::new(&mut out)
        .line('s', format_args!("x\r\na=evil\0"))
        .attribute("n", Some(format_args!("\nm=audio 1 RTP/AVP 0")));
    assert_eq!(out, b"v=0\r\ns=x  a=evil \r\na=n: m=audio 1 RTP/AVP 0\r\n");
    let evil = "x\r\nm=audio 1 RTP/AVP 0";
    let media = Media { kind: evil, protocol: evil, formats: [evil].into_iter().collect(), ..Media::default() };
    let session = Session { name: evil, information: Some(evil), media: vec![media], ..Session::default() };
    let out = String::from_utf8(session.to_vec()).unwrap();
    assert_eq!(out.split("\r\n").filter(|line| line.starts_with("m=")).count(), 1, "{out}");
}

/// A description as RFC 8866 s9 prints it.
fn canonical() -> impl Strategy<Value = String> {
    let token = || "[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,8}";
    let text = || "[!-~é]([ -~é]{0,20}[!-~])?";
    let line = move |kind: &'static str| text().prop_map(move |t| format!("{kind}={t}\r\n"));
    let some = |s: BoxedStrategy<String>, n| proptest::collection::vec(s, 0..n).prop_map(|v| v.concat()).boxed();
    let connection = || (token(), token(), token()).prop_map(|(a, b, c)| format!("c={a} {b} {c}\r\n")).boxed();
    let bandwidth = || (token(), any::<u64>()).prop_map(|(k, v)| format!("b={k}:{v}\r\n")).boxed();
    let attribute = || {
        let valued = (token(), prop::option::of(text()));
        valued.prop_map(|(n, v)| v.map_or(format!("a={n}\r\n"), |v| format!("a={n}:{v}\r\n"))).boxed()
    };
    let formats = || proptest::collection::vec(token(), 1..4).prop_map(|f| f.join(" "));
    let place = (any::<u16>(), prop::option::of(any::<u16>()))
        .prop_map(|(port, n)| n.map_or(port.to_string(), |n| format!("{port}/{n}")));
    let m =
        (token(), place, token(), formats()).prop_map(|(k, port, proto, f)| format!("m={k} {port} {proto} {f}\r\n"));
    let media = (m, some(line("i").boxed(), 2), some(connection(), 3), some(bandwidth(), 3), some(attribute(), 6))
        .prop_map(|(m, i, c, b, a)| [m, i, c, b, a].concat());
    let origin = (token(), any::<u64>(), any::<u64>(), token())
        .prop_map(|(u, i, v, h)| format!("v=0\r\no={u} {i} {v} IN IP4 {h}\r\n"));
    let head = (origin, line("s"), some(line("i").boxed(), 2), some(line("u").boxed(), 2), some(line("e").boxed(), 3));
    let rest = (
        some(line("p").boxed(), 3),
        some(connection(), 2),
        some(bandwidth(), 3),
        line("t"),
        some(line("r").boxed(), 3),
    );
    let tail = (some(attribute(), 6), some(media.boxed(), 5));
    (head, rest, tail)
        .prop_map(|((o, s, i, u, e), (p, c, b, t, r), (a, m))| [o, s, i, u, e, p, c, b, t, r, a, m].concat())
}

/// One place of the text made worse.
fn damage(text: &str, at: usize, how: usize) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect();
    let at = at % lines.len().max(1);
    if let Some(line) = lines.get_mut(at) {
        match how % 6 {
            0 => *line = line.repeat(3),
            1 => line.clear(),
            2 => line.insert(line.len() / 2, 0),
            3 => *line = text_with(line, |c| c.is_ascii_digit(), "4294967296"),
            4 => line.truncate(line.len() / 2),
            _ => line.retain(|b| *b != b' '),
        }
    }
    lines.concat()
}

fn text_with(line: &[u8], what: fn(char) -> bool, with: &str) -> Vec<u8> {
    String::from_utf8_lossy(line).replace(what, with).into_bytes()
}

fn settles(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(session) = Session::parse(bytes) {
        let once = session.to_vec();
        // Joining what was odd may cost bytes, so only the size may stand in the way.
        if once.len() <= limits::SDP_BYTES {
            prop_assert_eq!(Session::parse(&once).unwrap().to_vec(), once);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_canonical_description_prints_to_itself(text in canonical()) {
        let session = parse(&text);
        prop_assert_eq!(String::from_utf8(session.to_vec()).unwrap(), &*text);
        prop_assert_eq!(parse(&text), session);
    }

    #[test]
    fn a_damaged_description_settles(text in canonical(), at in any::<usize>(), how in any::<usize>()) {
        settles(&damage(&text, at, how))?;
    }

    #[test]
    fn any_bytes_settle(bytes in proptest::collection::vec(any::<u8>(), 0..200), prefix in any::<bool>()) {
        let mut all = if prefix { b"v=0\r\n".to_vec() } else { Vec::new() };
        all.extend(bytes);
        settles(&all)?;
    }
}
