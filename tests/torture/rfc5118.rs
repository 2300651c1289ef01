//! RFC 5118: 12 messages with IPv6 addresses.

use super::{corpus, exercise};
use sipwright::message::{Message, check, verdict};
use std::net::IpAddr;

#[test]
fn every_message_but_the_invalid_one_is_well_formed() {
    let Some(set) = corpus::set("rfc5118-ipv6-torture", 12) else { return };
    let messages = corpus::files(&set, &|path| path.extension().is_none());
    assert_eq!(messages.len(), 12);
    for (path, bytes) in messages {
        let name = path.file_name().unwrap().to_str().unwrap();
        let message = Message::parse(&bytes).unwrap();
        let refused = verdict(&message).err().map(|rejection| rejection.status);
        assert_eq!(refused, (name == "ipv6-bad").then_some(400), "{name}");
        exercise(&bytes);
    }
}

#[test]
fn addresses_are_read_with_and_without_delimiters() {
    let Some(set) = corpus::set("rfc5118-ipv6-torture", 12) else { return };
    let read = |name: &str| std::fs::read(set.join(name)).unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().ok();
    for name in ["via-received-param-no-delim", "via-received-param-with-delim"] {
        let bytes = read(name);
        assert_eq!(Message::parse(&bytes).unwrap().via().unwrap().received(), ip("2001:db8::9:255"), "{name}");
    }
    for name in ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"] {
        let bytes = read(name);
        let message = Message::parse(&bytes).unwrap();
        let uri = check::request(&message).unwrap().to.parsed_uri().unwrap();
        assert_eq!(uri.ip(), ip("2001:db8::192.0.2.1"), "{name}");
    }
    let bytes = read("port-ambiguous");
    let uri = sipwright::message::Uri::parse(Message::parse(&bytes).unwrap().request_uri().unwrap()).unwrap();
    assert_eq!((uri.host, uri.port), ("2001:db8::10:5070", None));
    let bytes = read("port-unambiguous");
    let uri = sipwright::message::Uri::parse(Message::parse(&bytes).unwrap().request_uri().unwrap()).unwrap();
    assert_eq!((uri.host, uri.port), ("2001:db8::10", Some(5070)));
    let bytes = read("mult-ip-in-header");
    let hosts: Vec<_> = Message::parse(&bytes).unwrap().vias().map(|via| via.unwrap().host.to_owned()).collect();
    assert_eq!(hosts, ["2001:db8::9:1", "192.0.2.1", "2001:db8::9:255"]);
}
