//! When RTCP reports go out, what comes of those that come in. RFC 3550 s6.2, s6.3, s6.4.1, A.7.

use crate::base::{Duration, Instant, Rng};
use crate::rtp::rtcp::ReportBlock;

/// RTCP's share of a session of about 80 kbit/s: 5 percent, in octets per second. RFC 3550 s6.2.
const BANDWIDTH: f64 = 500.0;
/// RFC 3550 s6.2: the least interval, half of it for the first report.
const INTERVAL_LEAST_S: f64 = 5.0;
/// RFC 3550 s6.3.1 step 5: e - 3/2.
const COMPENSATION: f64 = 1.218_28;
/// Size of the first report that we shall make, with IP and UDP headers.
const FIRST_SIZE: f64 = 110.0;
/// IP and UDP headers, counted in sizes. RFC 3550 s6.2.
const LOWER_LAYERS: f64 = 28.0;
/// Round trips beyond this are a wrong clock, not a network.
const RTT_MOST: Duration = Duration::from_secs(60);

/// RTCP state of one participant in a session of two.
#[derive(Debug)]
pub(super) struct Reporter {
    rng: Rng,
    average_size: f64,
    initial: bool,
    /// tp of RFC 3550 s6.3.
    last: Instant,
    /// tn of RFC 3550 s6.3; `None` before the session starts.
    next: Option<Instant>,
    members_before: u32,
    interval: Duration,
    sent: bool,
    last_sr: Option<(u32, Instant)>,
    rtt: Option<Duration>,
    heard: Option<ReportBlock>,
}

/// Who takes part, as far as the interval needs it.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Membership {
    /// The peer is known and has not left.
    pub(super) peer: bool,
    /// The peer sends.
    pub(super) peer_sends: bool,
    /// We send.
    pub(super) we_send: bool,
}

impl Membership {
    fn members(self) -> u32 {
        1u32.saturating_add(u32::from(self.peer))
    }

    fn senders(self) -> u32 {
        u32::from(self.peer_sends).saturating_add(u32::from(self.we_send))
    }
}

impl Reporter {
    pub(super) fn new(rng: Rng) -> Self {
        Reporter {
            rng,
            average_size: FIRST_SIZE,
            initial: true,
            last: Instant::ZERO,
            next: None,
            members_before: 1,
            interval: Duration::from_secs(5),
            sent: false,
            last_sr: None,
            rtt: None,
            heard: None,
        }
    }

    /// Joins the session. RFC 3550 s6.3.2. Does nothing when it has been joined.
    pub(super) fn start(&mut self, now: Instant) {
        if self.next.is_none() {
            self.last = now;
            self.draw(Membership::default());
            self.next = Some(now + self.interval);
        }
    }

    /// The timer: whether a report is to go out now. RFC 3550 s6.3.6, with reconsideration.
    pub(super) fn due(&mut self, who: Membership, now: Instant) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        self.draw(who);
        self.members_before = who.members();
        let reconsidered = self.last + self.interval;
        self.next = Some(reconsidered);
        reconsidered <= now
    }

    /// A report (or BYE) of `bytes` went out.
    pub(super) fn sent(&mut self, bytes: usize, who: Membership, now: Instant) {
        self.count_size(bytes);
        self.last = now;
        self.draw(who);
        self.next = Some(now + self.interval);
        self.initial = false;
        self.sent = true;
    }

    /// A compound packet of `bytes` came in. RFC 3550 s6.3.3.
    pub(super) fn count_size(&mut self, bytes: usize) {
        self.average_size += (bytes as f64 + LOWER_LAYERS - self.average_size) / 16.0;
    }

    /// The peer has left: reverse reconsideration. RFC 3550 s6.3.4.
    pub(super) fn left(&mut self, who: Membership, now: Instant) {
        let (members, before) = (f64::from(who.members()), f64::from(self.members_before.max(1)));
        if members < before {
            if let Some(next) = self.next {
                self.next = Some(now + next.since(now).mul_f64(members / before));
            }
            let since = now.since(self.last).mul_f64(members / before);
            self.last = Instant::from_micros(now.as_micros().saturating_sub(since.as_micros() as u64));
            self.members_before = who.members();
        }
    }

    /// A sender report of the peer came. RFC 3550 s6.4.1: LSR and DLSR.
    pub(super) fn sender_report(&mut self, ntp: u64, now: Instant) {
        self.last_sr = Some(((ntp >> 16) as u32, now));
    }

    /// LSR and DLSR for our block.
    pub(super) fn last_sr(&self, now: Instant) -> (u32, u32) {
        self.last_sr.map_or((0, 0), |(ntp, at)| (ntp, fixed_16_16(now.since(at))))
    }

    /// A block about our stream came; `ntp` is our NTP time now. RFC 3550 s6.4.1: round trip = A - LSR - DLSR.
    pub(super) fn block(&mut self, block: ReportBlock, ntp: u64) {
        self.heard = Some(block);
        if block.last_sr == 0 {
            return;
        }
        let middle = (ntp >> 16) as u32;
        let trip = middle.wrapping_sub(block.last_sr).wrapping_sub(block.delay_since_last_sr);
        let us = u64::from(trip).saturating_mul(1_000_000) >> 16;
        let rtt = Duration::from_micros(us);
        // A clock that steps makes it negative: the wrapped value is far beyond any round trip.
        if rtt <= RTT_MOST {
            self.rtt = Some(rtt);
        }
    }

    /// The last round trip.
    pub(super) const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// What the peer last said of our stream.
    pub(super) const fn heard(&self) -> Option<ReportBlock> {
        self.heard
    }

    /// Whether any RTCP went out. RFC 3550 s6.3.7: who never sent sends no BYE.
    pub(super) const fn has_sent(&self) -> bool {
        self.sent
    }

    /// The last interval drawn; a sender silent for two of them is none. RFC 3550 s6.3.5.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// RFC 3550 A.7 `rtcp_interval`.
    fn draw(&mut self, who: Membership) {
        let (members, senders) = (f64::from(who.members()), f64::from(who.senders()));
        let (mut bandwidth, mut n) = (BANDWIDTH, members);
        if senders <= members * 0.25 {
            if who.we_send {
                (bandwidth, n) = (BANDWIDTH * 0.25, senders);
            } else {
                (bandwidth, n) = (BANDWIDTH * 0.75, members - senders);
            }
        }
        let least = if self.initial { INTERVAL_LEAST_S / 2.0 } else { INTERVAL_LEAST_S };
        let interval = (self.average_size * n / bandwidth).max(least);
        let random = f64::from(self.rng.u32()) / f64::from(u32::MAX) + 0.5;
        self.interval = Duration::from_secs_f64((interval * random / COMPENSATION).clamp(0.1, 3600.0));
    }
}

/// Seconds in 16.16 fixed point. RFC 3550 s6.4.1.
fn fixed_16_16(duration: Duration) -> u32 {
    let units = (duration.as_micros() << 16) / 1_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WallClock;

    const TWO: Membership = Membership { peer: true, peer_sends: true, we_send: true };

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn intervals_keep_to_the_rfcs_bounds_and_mean() {
        let mut r = Reporter::new(Rng::new([1; 32]));
        r.start(at(0));
        let first = r.next.unwrap();
        // 2.5 s times 0.5 to 1.5 by 1.21828.
        assert!((1026..=3079).contains(&(first.as_micros() / 1000)), "{first:?}");
        let (mut times, mut now) = (Vec::new(), 0);
        while times.len() < 2000 {
            now += 10;
            if r.due(TWO, at(now)) {
                r.sent(100, TWO, at(now));
                times.push(now);
            }
        }
        let gaps: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps.iter().all(|gap| (2050..=6170).contains(gap)), "{:?} {:?}", gaps.iter().min(), gaps.iter().max());
        let mean = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64;
        // Reconsideration lengthens what compensation shortened: the mean is about the 5 s that the RFC wants.
        assert!((4300.0..=5300.0).contains(&mean), "{mean}");
    }

    #[test]
    fn round_trip_is_arrival_less_lsr_less_dlsr() {
        let wall = WallClock::new(1_700_000_000_000_000);
        let mut ours = Reporter::new(Rng::new([2; 32]));
        let mut theirs = Reporter::new(Rng::new([3; 32]));
        // We report at 1000; it takes 40 ms; the peer answers 2.5 s later; 60 ms back.
        theirs.sender_report(wall.ntp(at(1000)), at(1040));
        let (last_sr, delay_since_last_sr) = theirs.last_sr(at(3540));
        ours.block(ReportBlock { last_sr, delay_since_last_sr, ..ReportBlock::default() }, wall.ntp(at(3600)));
        let rtt = ours.rtt().unwrap();
        assert!(rtt.abs_diff(Duration::from_millis(100)) < Duration::from_micros(50), "{rtt:?}");
        // A peer that claims to have held it longer than it took.
        ours.block(
            ReportBlock { last_sr, delay_since_last_sr: u32::MAX / 2, ..ReportBlock::default() },
            wall.ntp(at(3600)),
        );
        assert_eq!(ours.rtt(), Some(rtt));
    }

    #[test]
    fn a_peer_that_leaves_brings_the_next_report_nearer() {
        let mut r = Reporter::new(Rng::new([4; 32]));
        r.start(at(0));
        r.sent(100, TWO, at(5000));
        r.members_before = 2;
        let before = r.next.unwrap();
        r.left(Membership { we_send: true, ..Membership::default() }, at(5000));
        assert_eq!(r.next.unwrap().since(at(5000)), before.since(at(5000)) / 2);
    }
}
