//! Security classes C (malformed media) and M (RTP bleed and injection), in a live session.

use super::*;
use crate::rtp::{Header, Packet};
use std::path::{Path, PathBuf};

fn rtp(sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![];
    Header { marker: false, payload_type: 0, sequence, timestamp, ssrc }.write(&mut bytes);
    bytes.extend([0xff; 160]);
    bytes
}

impl Pair {
    fn inject(&mut self, rtcp: bool, from: &str, bytes: &[u8]) {
        let (session, now) = (self.ends[B].session, self.now);
        self.ends[B].stage.handle(session, rtcp, from.parse().unwrap(), &mut bytes.to_vec(), now);
        self.drain(B);
    }
}

#[test]
fn class_m_strangers_get_nothing_and_reach_nobody() {
    let mut pair = Pair::talking(1, Network::default(), Codec::Pcmu);
    // Before the start, and during the call; from another address, and from another port while the peer speaks.
    for round in 0..200u16 {
        for from in ["203.0.113.7:4000", "198.51.100.1:5060"] {
            pair.inject(false, from, &rtp(round, u32::from(round) * 160, 0xbad));
            pair.inject(true, from, &rtp(round, 0, 0xbad));
        }
        if round > 10 {
            pair.inject(false, "192.0.2.1:4999", &rtp(round, u32::from(round) * 160, 0xbad));
        }
        // `drain` asserts that every packet of ours goes to the peer.
        pair.run_ms(20);
    }
    let quality = pair.close(B);
    assert_eq!(quality.rejected, 200 * 4 + 189);
    assert_eq!((quality.received, quality.lost), (200, 0));
}

#[test]
fn class_m_another_ssrc_needs_two_packets_in_sequence() {
    let mut pair = Pair::talking(2, Network::default(), Codec::Pcmu);
    pair.run_ms(1000);
    pair.inject(false, ADDRESSES[A], &rtp(7, 0, 0xbad));
    pair.inject(false, ADDRESSES[A], &rtp(20, 0, 0xbad));
    pair.run_ms(1000);
    let quality = pair.close(B);
    assert_eq!((quality.rejected, quality.received, quality.lost), (2, 100, 0));
}

#[test]
fn an_ssrc_change_of_the_peer_costs_one_packet() {
    let mut pair = Pair::talking(3, Network::default(), Codec::Pcmu);
    pair.run_ms(1000);
    pair.network.loss = 1.0;
    for index in 0..50u16 {
        pair.run_ms(20);
        pair.inject(false, ADDRESSES[A], &rtp(9000 + index, 77_000 + u32::from(index) * 160, 0x600d));
    }
    let quality = pair.close(B);
    assert_eq!((quality.rejected, quality.received, quality.lost), (1, 50 + 49, 0));
}

#[test]
fn a_sequence_jump_is_dropped_and_a_restart_believed() {
    let mut pair = Pair::talking(4, Network::default(), Codec::Pcmu);
    pair.record = true;
    pair.run_ms(1000);
    let ssrc = Packet::parse(&pair.ends[A].packets[0]).unwrap().ssrc;
    let last = Packet::parse(pair.ends[A].packets.last().unwrap()).unwrap().sequence;
    pair.network.loss = 1.0;
    pair.inject(false, ADDRESSES[A], &rtp(last.wrapping_add(20_000), 1, ssrc));
    assert_eq!(pair.ends[B].events.len(), 1);
    for index in 0..50u16 {
        pair.run_ms(20);
        pair.inject(
            false,
            ADDRESSES[A],
            &rtp(last.wrapping_add(30_000 + index), 500_000 + u32::from(index) * 160, ssrc),
        );
    }
    let quality = pair.close(B);
    assert_eq!((quality.rejected, quality.received, quality.lost), (2, 50 + 49, 0));
}

/// Where other people's test material lies: `$SIPWRIGHT_CORPUS`, or beside the project.
fn corpus(set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SIPWRIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), Into::into);
    let set = root.join(set);
    if !set.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: set SIPWRIGHT_CORPUS");
        eprintln!("{} is missing: its packets were not run", set.display());
    }
    set.is_dir().then_some(set)
}

fn files(root: &Path, out: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.file_name().is_some_and(|name| name != "SOURCE.txt") {
            out.push(std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn class_c_every_seed_of_other_fuzzers_goes_through_a_live_session() {
    let mut seeds = vec![];
    for set in [
        "media-packets",
        "fuzz-seeds/libsrtp",
        "fuzz-seeds/pion-rtcp",
        "fuzz-seeds/rtcp-types",
        "fuzz-seeds/webrtc/rtp-corpus",
        "fuzz-seeds/webrtc/rtcp-corpus",
        "fuzz-seeds/pjsip",
    ] {
        if let Some(root) = corpus(set) {
            files(&root, &mut seeds);
        }
    }
    for codec in [Codec::Pcmu, Codec::G722] {
        let mut pair = Pair::talking(5, Network::default(), codec);
        let ear = pair.listen(B, 16_000);
        pair.run_ms(500);
        for (index, seed) in seeds.iter().enumerate() {
            pair.inject(false, ADDRESSES[A], seed);
            pair.inject(true, "192.0.2.1:4001", seed);
            // The same as a packet of the session's own source: header kept, the rest the seed's.
            let mut dressed = rtp(index as u16, index as u32 * 160, 0x5eed);
            dressed.truncate(12);
            dressed[1] = [0, 9, 101, 8][index % 4];
            dressed.extend(seed.iter().take(1800));
            pair.inject(false, ADDRESSES[A], &dressed);
            if index % 16 == 0 {
                pair.run_ms(20);
            }
        }
        // The call lives: a second of quiet later the peer is heard as before.
        pair.run_ms(3000);
        ear.heard();
        pair.play(A, 1, ToneSource::new(16_000, 500.0, None));
        pair.run_ms(2000);
        let (_, theirs) = ear.heard();
        assert!(crate::dsp::tone_level(&theirs[16_000..], 16_000, 500.0) > -11.0);
        let quality = pair.close(B);
        if !seeds.is_empty() {
            assert!(quality.rejected > 0);
        }
    }
}

/// UDP payloads of a capture in pcap form (the files in another form are passed over).
fn datagrams(capture: &[u8]) -> Vec<&[u8]> {
    let word = match capture.get(..4) {
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize,
        Some([0xa1, 0xb2, 0xc3, 0xd4]) => |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize,
        _ => return vec![],
    };
    let link = match capture.get(20..24).map(word) {
        Some(0) => 4,
        Some(1) => 14,
        Some(113) => 16,
        Some(276) => 20,
        _ => 0,
    };
    let (mut rest, mut found) = (capture.get(24..).unwrap_or(&[]), vec![]);
    while let Some(length) = rest.get(8..12).map(word) {
        let Some(frame) = rest.get(16..16 + length) else { break };
        rest = &rest[16 + length..];
        let Some(ip) = frame.get(link..) else { continue };
        let udp = match ip.first().map(|first| first >> 4) {
            Some(4) if ip.get(9) == Some(&17) => ip.get(usize::from(ip[0] & 15) * 4..),
            Some(6) if ip.get(6) == Some(&17) => ip.get(40..),
            _ => None,
        };
        found.extend(udp.and_then(|udp| udp.get(8..)));
    }
    found
}

#[test]
fn class_c_captures_of_real_traffic_go_through_a_live_session() {
    let Some(root) = corpus("pcap") else { return };
    let mut captures = vec![];
    files(&root, &mut captures);
    let (mut media, mut reports) = (0, 0);
    for capture in &captures {
        let mut pair = Pair::talking(8, Network::default(), Codec::Pcmu);
        let ear = pair.listen(B, 8000);
        for (index, datagram) in datagrams(capture).into_iter().take(1500).enumerate() {
            media += usize::from(Packet::parse(datagram).is_ok() && !crate::rtp::is_rtcp(datagram));
            if let Ok(compound) = crate::rtp::rtcp::Compound::parse(datagram, true) {
                reports +=
                    compound.parts().filter(|part| !matches!(part, crate::rtp::rtcp::Part::Other { .. })).count();
            }
            pair.inject(false, ADDRESSES[A], datagram);
            pair.inject(true, "192.0.2.1:4001", datagram);
            if index % 25 == 0 {
                pair.run_ms(20);
            }
        }
        ear.heard();
        let quality = pair.close(B);
        assert!(quality.late <= quality.received);
    }
    assert!(media > 5000 && reports >= 22, "{media} packets, {reports} reports");
}

#[test]
fn class_c_random_bytes_do_no_harm() {
    let mut pair = Pair::talking(6, Network::default(), Codec::Pcmu);
    let mut rng = Rng::new([6; 32]);
    let ssrc = 0x5eed;
    for index in 0..20_000u32 {
        let mut bytes = vec![0; rng.below(300) as usize];
        rng.fill(&mut bytes);
        if let [first, second, ..] = &mut bytes[..] {
            *first = 0x80 | (*first & if index % 3 == 0 { 0x3f } else { 0 });
            *second = [0, 8, 9, 101, 200, 201, 202, 203][rng.below(8) as usize];
        }
        if index % 2 == 0 && bytes.len() > 12 {
            bytes[8..12].copy_from_slice(&u32::to_be_bytes(ssrc));
            bytes[2..4].copy_from_slice(&(index as u16 / 2).to_be_bytes());
        }
        pair.inject(index % 5 == 0, ADDRESSES[A], &bytes);
        if index % 10 == 0 {
            pair.run_ms(10);
        }
    }
    pair.close(B);
}

/// A transform that swaps bits and adds a tag, in the place of SRTP.
struct Masked(u8);

impl super::super::PacketTransform for Masked {
    fn overhead(&self) -> usize {
        1
    }
    fn protect_rtp(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        packet[..length].iter_mut().for_each(|byte| *byte ^= self.0);
        packet[length] = 0xa5;
        Some(length + 1)
    }
    fn protect_rtcp(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        self.protect_rtp(packet, length)
    }
    fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let (tag, rest) = packet.split_last_mut()?;
        rest.iter_mut().for_each(|byte| *byte ^= self.0);
        (*tag == 0xa5).then_some(rest.len())
    }
    fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        self.unprotect_rtp(packet)
    }
}

#[test]
fn a_transform_stands_between_the_session_and_the_network() {
    let mut pair = Pair::talking(7, Network { delay_ms: 10, ..Network::default() }, Codec::Pcmu);
    for index in [A, B] {
        let session = pair.ends[index].session;
        pair.ends[index].stage.set_transform(session, Some(Box::new(Masked(0x55))));
    }
    pair.run_ms(10_000);
    pair.inject(false, ADDRESSES[A], &rtp(1, 1, 1));
    let quality = pair.close(B);
    // The last one is still on its way.
    assert_eq!((quality.rejected, quality.received, quality.lost), (1, 499, 0));
    assert!(quality.rtt_ms > 0.0);
}
