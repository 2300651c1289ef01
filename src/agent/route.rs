//! Which shard a message belongs to. One pure function decides, for datagrams, streams and the simulation alike.
//!
//! Ownership sits in what we mint: our Via branch and our local tag carry the shard. What carries neither goes by Call-ID, which keeps
//! merged requests, CANCELs and repeats together.

use crate::message::Message;
use crate::transport::shard::{shard_of_branch, shard_of_tag};

/// The shard of `message`, of `shards` many.
#[must_use]
pub fn route(message: &Message<'_>, shards: u8) -> u8 {
    if shards <= 1 {
        return 0;
    }
    let minted = if message.is_request() {
        message.to().ok().and_then(|to| to.tag()).and_then(shard_of_tag)
    } else {
        message.via().ok().and_then(|via| via.branch()).and_then(shard_of_branch)
    };
    match minted {
        Some(shard) if shard < shards => shard,
        _ => by_call_id(message.call_id().unwrap_or_default(), shards),
    }
}

/// FNV-1a of the Call-ID: the same on every shard, every run and every machine.
fn by_call_id(call_id: &str, shards: u8) -> u8 {
    let hash = call_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The high bits are the well-mixed ones.
    u8::try_from((hash >> 32).checked_rem(u64::from(shards)).unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::transport::shard::{branch, tag};

    fn request(to_tag: &str, call_id: &str) -> String {
        format!(
            "BYE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom: <sip:b@b>;tag=1\r\n\
             To: <sip:a@a>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
        )
    }

    #[test]
    fn what_we_minted_comes_home() {
        let mut rng = Rng::new([1; 32]);
        for shard in 0..3 {
            let text = request(&format!(";tag={}", tag(shard, &mut rng)), "c");
            assert_eq!(route(&Message::parse(text.as_bytes()).unwrap(), 3), shard);
            let response = format!(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={}\r\nFrom: <sip:b@b>;tag=1\r\nTo: <sip:a@a>;tag=2\r\n\
                 Call-ID: c\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
                branch(shard, &mut rng)
            );
            assert_eq!(route(&Message::parse(response.as_bytes()).unwrap(), 3), shard);
        }
    }

    #[test]
    fn a_forged_shard_falls_back_to_the_call_id() {
        let forged = request(";tag=ff23456789012345"[..20].to_owned().as_str(), "same");
        let plain = request("", "same");
        let of = |text: &str| route(&Message::parse(text.as_bytes()).unwrap(), 3);
        assert_eq!(of(&forged), of(&plain));
    }

    #[test]
    fn call_ids_spread_over_all_shards() {
        let mut counts = [0; 3];
        for i in 0..3000 {
            let text = request("", &format!("call-{i}"));
            counts[usize::from(route(&Message::parse(text.as_bytes()).unwrap(), 3))] += 1;
        }
        assert!(counts.iter().all(|n| (800..1200).contains(n)), "{counts:?}");
    }
}
