//! Every header of the table reads and prints: examples of the RFCs, damaged ones, and values made of any text.

use super::*;
use crate::message::params::Params;
use crate::message::{Message, Writer};
use proptest::prelude::*;

/// At least one value of each header, most from the RFC that defines it.
const EXAMPLES: &[(Name, &str)] = &[
    (Name::Via, "SIP/2.0/UDP [2001:db8::9:1]:5070;branch=z9hG4bK87asdks7;rport;received=192.0.2.1"),
    (Name::From, "\"A. G. Bell\" <sip:agb@bell-telephone.com>;tag=a48s"),
    (Name::To, "The Operator <sip:operator@cs.columbia.edu>;tag=287447"),
    (Name::CallId, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@biloxi.com"),
    (Name::CSeq, "4711 INVITE"),
    (Name::Contact, "\"Mr. Watson\" <mailto:watson@bell-telephone.com>;q=0.1"),
    (Name::Contact, "*"),
    (Name::MaxForwards, "6"),
    (Name::Route, "<sip:bigbox3.site3.atlanta.com;lr>"),
    (Name::RecordRoute, "<sip:server10.biloxi.com;lr>"),
    (Name::ContentType, "text/html; charset=ISO-8859-4"),
    (Name::ContentType, "multipart/mixed;boundary=\"unique boundary, 1\""),
    (Name::ContentLength, "349"),
    (Name::Expires, "5"),
    (Name::Accept, "application/x-private;q=0.5"),
    (Name::AcceptContact, "*;audio;require;mobility=\"fixed\""),
    (Name::AcceptEncoding, "gzip;q=1.0"),
    (Name::AcceptLanguage, "en-gb;q=0.8"),
    (Name::AcceptResourcePriority, "dsn.flash-override"),
    (Name::AlertInfo, "<http://www.example.com/sounds/moo.wav>;info=x"),
    (Name::Allow, "INVITE"),
    (Name::AllowEvents, "presence.winfo"),
    (Name::AnswerMode, "Auto;require"),
    (Name::AuthenticationInfo, "nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth, nc=00000001"),
    (
        Name::Authorization,
        "Digest username=\"Alice\", realm=\"atlanta.com\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\"",
    ),
    (Name::CallInfo, "<http://wwww.example.com/alice/photo.jpg>;purpose=icon"),
    (Name::ContentDisposition, "session;handling=optional"),
    (Name::ContentEncoding, "gzip"),
    (Name::ContentLanguage, "fr"),
    (Name::Date, "Sat, 13 Nov 2010 23:29:00 GMT"),
    (Name::Diversion, "<sip:+19195551002@example.com>;privacy=off;reason=no-answer;counter=1;screen=no"),
    (Name::ErrorInfo, "<sip:not-in-service-recording@atlanta.com>"),
    (Name::Event, "dialog;id=7;sla"),
    (Name::FeatureCaps, "*;+sip.608"),
    (Name::FlowTimer, "126"),
    (Name::Geolocation, "<cid:target123@atlanta.example.com>;x=y"),
    (Name::GeolocationError, "100;code=\"Cannot Process Location\""),
    (Name::GeolocationRouting, "no"),
    (Name::HistoryInfo, "<sip:bob@192.0.2.3?Reason=SIP%3Bcause%3D486>;index=1.1.2;mp=1.1"),
    (
        Name::Identity,
        "eyJhbGciOiJFUzI1NiJ9.eyJ.rq3pjT1-hoRwakEGjHCnWSwUnshd0;info=<https://biloxi.example.org/c.cer>;alg=ES256;ppt=shaken",
    ),
    (Name::IdentityInfo, "<https://atlanta.example.com/cert>;alg=rsa-sha1"),
    (Name::InfoPackage, "foo;bar"),
    (Name::InReplyTo, "70710@saturn.bell-tel.com"),
    (Name::Join, "12adf2f34456gs5;to-tag=12345;from-tag=54321"),
    (Name::MaxBreadth, "69"),
    (Name::MimeVersion, "1.0"),
    (Name::MinExpires, "60"),
    (Name::MinSe, "90;x=1"),
    (Name::Organization, "Boxes by Bob, B\u{fc}ro"),
    (Name::PAccessNetworkInfo, "3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11"),
    (Name::PAssertedIdentity, "\"Cullen Jennings\" <sip:fluffy@cisco.com>"),
    (Name::PAssertedIdentity, "tel:+14085264000"),
    (Name::PAssertedService, "urn:urn-7:3gpp-service.exampletelephony.version1"),
    (Name::PAssociatedUri, "<tel:+1-201-555-0123>;x"),
    (Name::PCalledPartyId, "<sip:user1-business@example.com>"),
    (Name::PChargingVector, "icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net"),
    (Name::PEarlyMedia, "supported"),
    (Name::PPreferredIdentity, "<sip:fluffy@cisco.com>"),
    (Name::PPreferredService, "urn:urn-7:3gpp-service.exampletelephony.version1"),
    (Name::PVisitedNetworkId, "\"Visited network number 1\";x"),
    (Name::Path, "<sip:P3.EXAMPLEHOME.COM;lr;ob>"),
    (Name::PermissionMissing, "sip:C@example.com"),
    (Name::PolicyContact, "<sip:policy@host.example.com>;non-cacheable"),
    (Name::PolicyId, "sip:policy@host.example.com;token=10a7"),
    (Name::Priority, "emergency"),
    (Name::PrivAnswerMode, "Manual"),
    (Name::Privacy, "id;critical"),
    (
        Name::ProxyAuthenticate,
        "Digest realm=\"atlanta.com\", domain=\"sip:ss1.carrier.com\", qop=\"auth\", nonce=\"f84f1c\", stale=FALSE",
    ),
    (
        Name::ProxyAuthorization,
        "Digest username=\"Alice\", realm=\"atlanta.com\", nonce=\"c60f3082ee1212b402a21831ae\"",
    ),
    (Name::ProxyRequire, "foo"),
    (Name::RAck, "776656 1 INVITE"),
    (Name::Reason, "Q.850;cause=16;text=\"Terminated, \\\"so\\\"\";x"),
    (Name::RecvInfo, "P2;x=y"),
    (Name::ReferEventsAt, "<sip:vV2r@a.example>"),
    (Name::ReferSub, "false"),
    (Name::ReferTo, "<sip:carol@cleveland.example.org;method=SUBSCRIBE?Accept-Contact=*;require>"),
    (Name::ReferredBy, "<sip:referrer@referrer.example>;cid=\"20398823.2UWQFN309shb3@referrer.example\""),
    (Name::RejectContact, "*;video"),
    (Name::Replaces, "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only"),
    (Name::ReplyTo, "Bob <sip:bob@biloxi.com>"),
    (Name::RequestDisposition, "no-fork"),
    (Name::Require, "100rel"),
    (Name::ResourcePriority, "wps.3"),
    (Name::RetryAfter, "18000 (in (a) meeting);duration=3600"),
    (Name::RSeq, "988789"),
    (Name::SecurityClient, "ipsec-ike;q=0.1"),
    (Name::SecurityServer, "tls;q=0.2"),
    (Name::SecurityVerify, "digest;d-alg=md5;d-ver=\"0000000000000000000000000000a1b2\""),
    (Name::Server, "HomeServer v2"),
    (Name::ServiceRoute, "<sip:HSP.HOME.EXAMPLE.COM;lr>"),
    (Name::SessionExpires, "4000;refresher=uas"),
    (Name::SessionId, "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2"),
    (Name::SipEtag, "dx200xyz"),
    (Name::SipIfMatch, "dx200xyz"),
    (Name::Subject, "Need more boxes"),
    (Name::SubscriptionState, "terminated;reason=noresource;retry-after=10;expires=0"),
    (Name::Supported, "100rel"),
    (Name::SuppressIfMatch, "*"),
    (Name::TargetDialog, "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544"),
    (Name::Timestamp, "54.2 0.1"),
    (Name::TriggerConsent, "sip:123@relay.example.com"),
    (Name::Unsupported, "foo"),
    (Name::UserAgent, "Softphone/Beta1.5 (x)"),
    (Name::UserToUser, "56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar"),
    (Name::UserToUser, "\"a, b\";x"),
    (Name::Warning, "301 isi.edu \"Incompatible network address type 'E.164'\""),
    (
        Name::WwwAuthenticate,
        "Digest realm=\"atlanta.com\", domain=\"sip:boxesbybob.com\", qop=\"auth\", nonce=\"f84f1c\"",
    ),
];

/// What reads, prints, and what was printed reads as the same.
fn reads_back(name: Name, text: &str) -> Result<(), HeaderError> {
    let value = Typed::parse(name, text)?;
    let printed = value.to_string();
    let again = Typed::parse(name, &printed);
    if text.contains(['\r', '\n', '\0']) {
        // Folds print as spaces: from then on nothing changes.
        assert_eq!(again.unwrap().to_string(), printed, "{name}: {text:?}");
    } else {
        assert_eq!(again.as_ref(), Ok(&value), "{name}: {text:?} printed as {printed:?}");
    }
    assert!(!printed.contains(['\r', '\n', '\0']), "{name}: {printed:?}");
    Ok(())
}

#[test]
fn every_header_of_the_table_reads_and_prints() {
    for name in Name::known() {
        assert!(EXAMPLES.iter().any(|(n, _)| *n == name), "no example of {name}");
    }
    for (name, text) in EXAMPLES {
        assert_eq!(reads_back(*name, text), Ok(()), "{name}: {text}");
        assert_eq!(Typed::parse_all(*name, text).count(), 1, "{name}: {text}");
    }
}

#[test]
fn values_of_a_message_are_read_by_kind() {
    let bytes = b"INVITE sip:a@b SIP/2.0\r\nDiversion: <sip:x@y>;reason=user-busy, <sip:z@y>\r\nDIVERSION: <sip:w@y>;counter=x\r\n\
        d: no-fork, ,queue\r\nReason: Q.850;cause=17\r\nPrivacy: id;none\r\nSupported:\r\nUser-to-User: \xff\r\n\
        WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", Digest realm=\"b\", nonce=\"2\"\r\n\r\n";
    let message = Message::parse(bytes).unwrap();
    let all: Vec<_> = message.read_all::<Diversion<'_>>(Name::Diversion).collect();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].as_ref().unwrap().reason.as_deref(), Some("user-busy"));
    assert_eq!((all[1].as_ref().unwrap().address.uri, all[2].clone()), ("sip:z@y", Err(HeaderError::Number)));
    assert_eq!(message.read::<Reason<'_>>(Name::Reason).unwrap().cause, Some(17));
    assert_eq!(message.read::<Privacy<'_>>(Name::Privacy).map(|p| p.hides_identity()), Ok(false));
    assert_eq!(message.read::<Event<'_>>(Name::Event), Err(HeaderError::Missing));
    assert_eq!(message.read::<u32>(Name::MinExpires), Err(HeaderError::Missing));
    assert_eq!(message.read::<UserToUser<'_>>(Name::UserToUser), Err(HeaderError::NotUtf8));
    let wishes: Vec<_> = message.typed(Name::RequestDisposition).collect();
    assert_eq!(wishes, [Ok(Typed::Token("no-fork")), Ok(Typed::Token("queue"))]);
    assert_eq!((message.typed(Name::Supported).count(), message.typed(Name::WwwAuthenticate).count()), (0, 2));
}

#[test]
fn values_made_of_any_text_stay_in_their_line() {
    let evil = "a\r\nEvil: 1\n\r\0\"\\<>;,";
    let params = Params::new(";x=\r\nEvil: 1").unwrap();
    let address = NameAddr { display: b"x\r\nEvil: 1", uri: evil, params };
    let more = More::new(params);
    let cow = || Some(evil.into());
    let printed = [
        Reason { protocol: evil, cause: Some(1), text: cow(), more }.to_string(),
        Diversion { reason: cow(), privacy: cow(), screen: cow(), more, ..Diversion::new(address, evil) }.to_string(),
        Event { package: evil, id: cow(), more }.to_string(),
        Identity { digest: evil, info: Some(evil), alg: cow(), ppt: cow(), more }.to_string(),
        InfoUri { uri: evil, params }.to_string(),
        Replaces { call_id: evil, to_tag: evil, from_tag: evil, early_only: true, more }.to_string(),
        UserToUser { data: evil.into(), encoding: cow(), purpose: cow(), content: cow(), more }.to_string(),
        MediaType { kind: evil, subtype: evil, params }.to_string(),
        Disposition { kind: evil, handling: Some(Handling::Other(evil)), more }.to_string(),
        SubscriptionState { state: SubState::Other(evil), reason: cow(), expires: None, retry_after: None, more }
            .to_string(),
        Warning { code: 399, agent: evil, text: evil }.to_string(),
        Item { value: evil, params }.to_string(),
        address.to_string(),
        Software(evil).to_string(),
        Typed::Token(evil).to_string(),
    ];
    let mut out = Vec::new();
    let mut w = Writer::response(&mut out, 200, "OK");
    for value in &printed {
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
        w.header(Name::Subject, value);
    }
    w.finish(None, b"");
    assert_eq!(Message::parse(&out).unwrap().headers().count(), printed.len() + 1);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "[a-zäöü\"\\\\;,<>=]{0,8}"]
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

proptest! {
    /// One value per header, damaged in a place or two: what still reads must read back.
    #[test]
    fn damaged_values_read_back(
        at in 0..EXAMPLES.len(), cut: prop::sample::Index, len in 0usize..4,
        put in prop_oneof!["[ -~\r\n\t]{0,3}", "[;=,\"\\\\<> ]{0,4}"],
    ) {
        let (name, text) = EXAMPLES[at];
        let start = cut.index(text.len());
        let start = (0..=start).rev().find(|s| text.is_char_boundary(*s)).unwrap();
        let end = (start.saturating_add(len)..).find(|e| *e >= text.len() || text.is_char_boundary(*e)).unwrap().min(text.len());
        let damaged = format!("{}{put}{}", &text[..start], &text[end..]);
        let _ = reads_back(name, &damaged);
    }

    /// Any short text as any header.
    #[test]
    fn any_text_reads_back(at in 0..EXAMPLES.len(), text in "[a-z0-9 ;=,\"\\\\<>@:/.()*?-]{0,24}") {
        let _ = reads_back(EXAMPLES[at].0, &text);
    }

    /// Values that an application makes of its own text.
    #[test]
    fn made_values_read_back(a in text(), b in maybe(), c in maybe(), n in any::<u32>(), m in prop::option::of(any::<u32>())) {
        let cow = |t: &Option<String>| t.clone().map(Into::into);
        let address = NameAddr { display: b"", uri: "sip:a@b", params: Params::NONE };
        let more = More::new(Params::new(";x;y=\"z;\\\"\"").unwrap());
        let reason = Reason { protocol: "Q.850", cause: m, text: cow(&b), more };
        let printed = reason.to_string();
        prop_assert_eq!(Reason::parse(&printed), Ok(reason));
        let d = Diversion { counter: m, limit: Some(n), privacy: cow(&b), screen: cow(&c), more, ..Diversion::new(address, &a) };
        let printed = d.to_string();
        prop_assert_eq!(Diversion::parse(&printed), Ok(d));
        let event = Event { package: "dialog", id: cow(&b), more };
        let printed = event.to_string();
        prop_assert_eq!(Event::parse(&printed), Ok(event));
        let state = SubscriptionState { state: SubState::Pending, reason: cow(&b), expires: m, retry_after: Some(n), more };
        let printed = state.to_string();
        prop_assert_eq!(SubscriptionState::parse(&printed), Ok(state));
        let uui = UserToUser { data: a.as_str().into(), encoding: cow(&b), purpose: cow(&c), content: None, more };
        let printed = uui.to_string();
        prop_assert_eq!(UserToUser::parse(&printed), Ok(uui));
        let identity = Identity { digest: "a.b.c", info: Some("https://a.example/x;y"), alg: cow(&b), ppt: cow(&c), more };
        let printed = identity.to_string();
        prop_assert_eq!(Identity::parse(&printed), Ok(identity));
        let expires = SessionExpires { seconds: n, refresher: Some(Refresher::Uas), more };
        let printed = expires.to_string();
        prop_assert_eq!(SessionExpires::parse(&printed), Ok(expires));
        let quoted = Quoted(&a).to_string();
        let warning = Warning { code: 399, agent: "sipwright", text: &quoted };
        let printed = warning.to_string();
        prop_assert_eq!(Warning::parse(&printed), Ok(warning));
        prop_assert_eq!(crate::message::unquote(&quoted), a);
    }
}
