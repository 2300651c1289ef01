//! RTCP between two stages. RFC 3550 s6.

use super::*;
use crate::rtp::rtcp::{Compound, Part};

#[test]
fn round_trip_and_remote_figures_come_from_reports() {
    let mut pair = Pair::talking(1, Network { loss: 0.1, delay_ms: 75, ..Network::default() }, Codec::Pcmu);
    pair.run_ms(60_000);
    let quality = pair.close(A);
    assert!((149.0..=165.0).contains(&quality.rtt_ms), "{quality:?}");
    assert!((7.0..13.0).contains(&quality.remote_loss_pct), "{quality:?}");
    // Half the round trip, the buffer, the packet: all are in the delay that the figure knows.
    assert!(quality.mos < 4.2);
}

#[test]
fn reports_are_compound_with_the_cname_and_the_end_says_bye() {
    let mut pair = Pair::talking(2, Network::default(), Codec::Pcmu);
    pair.record = true;
    pair.run_ms(15_000);
    pair.close(A);
    let ssrc = pair.ends[A].packets.iter().find_map(|p| crate::rtp::Packet::parse(p).ok()).unwrap().ssrc;
    let reports: Vec<&Vec<u8>> = pair.ends[A].packets.iter().filter(|p| crate::rtp::is_rtcp(p)).collect();
    assert!((3..=6).contains(&reports.len()), "{}", reports.len());
    for (index, bytes) in reports.iter().enumerate() {
        let parts: Vec<Part> = Compound::parse(bytes, true).unwrap().parts().collect();
        let Part::Sender(sr) = &parts[0] else { panic!("{parts:?}") };
        assert_eq!(sr.ssrc, ssrc);
        assert!(sr.blocks().count() == 1 && sr.info.packets > 0);
        assert_eq!(u64::from(sr.info.octets), u64::from(sr.info.packets) * 160);
        let Part::Sdes(sdes) = &parts[1] else { panic!("{parts:?}") };
        assert_eq!(sdes.chunks().next().unwrap().cname(), Some("cname-0"));
        let last = index == reports.len() - 1;
        assert_eq!(matches!(parts.get(2), Some(Part::Bye(_))), last);
    }
}

#[test]
fn the_sender_reports_clock_is_that_of_the_packets() {
    let mut pair = Pair::talking(3, Network::default(), Codec::G722);
    pair.record = true;
    pair.run_ms(30_000);
    let mut first = None;
    for bytes in &pair.ends[A].packets {
        if !crate::rtp::is_rtcp(bytes) {
            continue;
        }
        let Some(Part::Sender(sr)) = Compound::parse(bytes, true).unwrap().parts().next() else { panic!() };
        let (ntp, rtp) = *first.get_or_insert((sr.info.ntp, sr.info.rtp));
        let seconds = (sr.info.ntp - ntp) as f64 / f64::from(u32::MAX);
        let ticks = f64::from(sr.info.rtp.wrapping_sub(rtp));
        assert!((seconds * 8000.0 - ticks).abs() < 4.0, "{seconds} {ticks}");
    }
    assert!(first.is_some());
}

#[test]
fn a_peer_that_said_bye_may_be_followed_by_another_source() {
    let mut pair = Pair::talking(4, Network::default(), Codec::Pcmu);
    pair.run_ms(3000);
    pair.close(A);
    pair.run_ms(30);
    assert_eq!(pair.ends[B].events.iter().filter(|e| **e == MediaEventKind::Started).count(), 1);
    // Another stage in its place, with another SSRC, is heard from its first packet on.
    let mut second = Pair::talking(77, Network::default(), Codec::Pcmu);
    second.record = true;
    second.run_ms(1000);
    let quality = {
        let session = pair.ends[B].session;
        for bytes in second.ends[A].packets.iter().filter(|p| !crate::rtp::is_rtcp(p)) {
            pair.now += Duration::from_millis(20);
            let (now, from) = (pair.now, pair.ends[A].rtp);
            pair.ends[B].stage.handle(session, false, from, &mut bytes.clone(), now);
        }
        pair.close(B)
    };
    assert_eq!(quality.received, 150 + 50);
    assert_eq!((quality.lost, quality.rejected), (0, 0));
}

#[test]
fn with_multiplexing_reports_go_and_come_by_the_rtp_port() {
    let mut pair = Pair::new(5, Network { delay_ms: 10, ..Network::default() });
    for (index, remote) in [(A, ADDRESSES[B]), (B, ADDRESSES[A])] {
        let muxed = params(remote, Codec::Pcmu);
        pair.configure(index, StreamParams { rtcp_mux: true, remote_rtcp: muxed.remote_rtp, ..muxed });
    }
    pair.run_ms(20_000);
    let quality = pair.close(A);
    assert!((19.0..=31.0).contains(&quality.rtt_ms), "{quality:?}");
    assert_eq!(quality.rejected, 0);
}
