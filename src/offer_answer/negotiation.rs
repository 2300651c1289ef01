//! The offer/answer machine of one dialog. RFC 3264 s4, s8; RFC 6337 s3, s4.2, s5; RFC 3261 s14.

use super::answer::{self, Ours};
use super::formats::{Format, Formats, Numbers};
use super::local::{self, Audio};
use super::remote::Remote;
use super::{Agreed, LocalMedia, Refused};
use crate::base::limits;
use crate::base::media::Direction;
use bytes::Bytes;
use std::fmt;
use std::net::IpAddr;

/// Where an exchange stands. RFC 3264 s4: one at a time.
#[derive(Clone)]
enum Exchange {
    /// None is open. `answered` is our offer when the last exchange was ours: a repeated answer is read against it.
    Idle { answered: Option<Ours> },
    /// Our offer waits for its answer.
    Offered(Ours),
    /// Their offer waits for our answer.
    Received(Remote),
    /// The application's own offer waits for its answer.
    OfferedRaw,
    /// Their offer waits for the application's own answer.
    ReceivedRaw,
}

/// Offer/answer of one dialog. When one offer reaches several dialogs (forking), each gets a clone.
///
/// ```
/// use sipwright::base::media::{Codec, Direction};
/// use sipwright::offer_answer::{LocalMedia, Negotiation};
///
/// let media = |rtp: &str, rtcp: &str| LocalMedia {
///     rtp: rtp.parse().unwrap(),
///     rtcp: rtcp.parse().unwrap(),
///     codecs: Codec::ALL.to_vec(),
///     dtmf: true,
///     ptime_ms: 20,
/// };
/// let (alice, bob) = (media("192.0.2.1:4000", "192.0.2.1:4001"), media("192.0.2.2:5000", "192.0.2.2:5001"));
/// let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
/// let offer = a.offer(&alice, Direction::SendRecv);
/// b.remote_offer(&offer)?;
/// let (answer, theirs) = b.answer(&bob, Direction::SendRecv)?;
/// let ours = a.remote_answer(&answer)?;
/// assert_eq!(ours.audio.unwrap().remote_rtp, Some(bob.rtp));
/// assert_eq!(theirs.audio.unwrap().remote_rtp, Some(alice.rtp));
/// # Ok::<(), sipwright::offer_answer::Refused>(())
/// ```
#[derive(Clone)]
pub struct Negotiation {
    session_id: u64,
    /// `o=` of the last session description that we sent; 0 before the first.
    version: u64,
    /// Address in `o=`: it stays when the media address moves (RFC 6337 s5.2.5).
    origin_ip: Option<IpAddr>,
    sent: Option<Bytes>,
    /// The `m=` lines of the session, each as it is printed when not in use. Never fewer than before (RFC 3264 s8).
    slots: Vec<Box<str>>,
    /// Which of them is ours.
    slot: Option<usize>,
    profile: &'static str,
    numbers: Numbers,
    offers_mux: bool,
    raw: bool,
    exchange: Exchange,
    agreed: Option<Agreed>,
    /// What an unreliable provisional response let us see of the answer. RFC 6337 s3.1.1.
    preview: Option<Agreed>,
}

impl Negotiation {
    /// Nothing offered yet. `session_id` goes into `o=` (RFC 8866 s5.2): random, other for each dialog; its top bit is not used.
    #[must_use]
    pub fn new(session_id: u64) -> Self {
        Negotiation {
            // Some peers read the number as signed.
            session_id: session_id & (u64::MAX >> 1),
            version: 0,
            origin_ip: None,
            sent: None,
            slots: Vec::new(),
            slot: None,
            profile: "RTP/AVP",
            numbers: Numbers::default(),
            offers_mux: false,
            raw: false,
            exchange: Exchange::Idle { answered: None },
            agreed: None,
            preview: None,
        }
    }

    /// Whether our offers ask for RTP and RTCP on one port (RFC 5761). Off at first; answers always follow the offer.
    pub fn set_rtcp_mux(&mut self, offer: bool) {
        self.offers_mux = offer;
    }

    /// Lets the application's own SDP through: offers and answers of the peer are not read any more, only the order of the
    /// exchanges is kept, and nothing is [agreed](Self::agreed). `offer_raw` and `answer_raw` switch it on by themselves.
    pub fn set_raw(&mut self, raw: bool) {
        self.raw = raw;
    }

    /// Our offer: the first one, or a new one in the session. The same as before gives the same bytes; else the version of `o=`
    /// rises by one (RFC 3264 s8). Not to be called while an offer is open on either side ([`Self::can_offer`]): an open one
    /// counts as rejected.
    pub fn offer(&mut self, local: &LocalMedia, direction: Direction) -> Bytes {
        self.cancel_offer();
        let mut formats = Formats::new();
        for codec in &local.codecs {
            self.list(&mut formats, Format::Audio(*codec));
        }
        if local.dtmf && !formats.is_empty() {
            self.list(&mut formats, Format::TelephoneEvent);
        }
        let slots_before = self.slots.len();
        let slot = self.place();
        let mux = self.offers_mux || self.agreed.as_ref().and_then(|a| a.audio.as_ref()).is_some_and(|a| a.rtcp_mux);
        let audio = Audio { slot, profile: self.profile, local, formats: &formats, direction, mux };
        let audio = Some(&audio).filter(|a| !a.formats.is_empty());
        let slots = std::mem::take(&mut self.slots);
        let sdp = self.publish(local.rtp.ip(), &[], &slots, audio);
        self.slots = slots;
        let (ptime_ms, rtp) = (local.ptime_ms, local.rtp);
        self.exchange = Exchange::Offered(Ours { slot, slots_before, formats, direction, mux, ptime_ms, rtp });
        sdp
    }

    /// The answer to our offer, from a final or reliable response or from the ACK. A repeat, as in a 200 after a 183, is read
    /// against the same offer again. After an error no offer is open; what was agreed before stays, and it is the caller's to end
    /// the call.
    ///
    /// # Errors
    /// The answer cannot be used, or there is nothing that it could be the answer to.
    pub fn remote_answer(&mut self, sdp: &[u8]) -> Result<Agreed, Refused> {
        let ours = match std::mem::replace(&mut self.exchange, Exchange::Idle { answered: None }) {
            Exchange::Offered(ours) | Exchange::Idle { answered: Some(ours) } => ours,
            Exchange::OfferedRaw => return Ok(Agreed::default()),
            other => {
                self.exchange = other;
                return Err(Refused::no_offer());
            }
        };
        self.preview = None;
        let result = self.read_answer(&ours, sdp);
        self.slot = Some(ours.slot);
        self.exchange = Exchange::Idle { answered: Some(ours) };
        let agreed = result?;
        self.agreed = Some(agreed.clone());
        Ok(agreed)
    }

    /// An answer that an unreliable provisional response shows: good for early media, but our offer stays open until the real
    /// answer. RFC 6337 s3.1.1.
    ///
    /// # Errors
    /// The answer cannot be used, or our offer is not open. Nothing changes.
    pub fn preview_answer(&mut self, sdp: &[u8]) -> Result<Agreed, Refused> {
        let ours = match &self.exchange {
            Exchange::Offered(ours) => ours.clone(),
            Exchange::OfferedRaw => return Ok(Agreed::default()),
            _ => return Err(Refused::no_offer()),
        };
        let agreed = self.read_answer(&ours, sdp)?;
        self.preview = Some(agreed.clone());
        Ok(agreed)
    }

    /// A 2xx without SDP after a provisional response with it: the preview was the answer. `None` when there was none.
    pub fn confirm_preview(&mut self) -> Option<Agreed> {
        let agreed = self.preview.take()?;
        let exchange = std::mem::replace(&mut self.exchange, Exchange::Idle { answered: None });
        if let Exchange::Offered(ours) = exchange {
            self.slot = Some(ours.slot);
            self.exchange = Exchange::Idle { answered: Some(ours) };
        }
        self.agreed = Some(agreed.clone());
        Some(agreed)
    }

    /// An offer of the peer; it waits for [`Self::answer`] or [`Self::reject_offer`].
    ///
    /// # Errors
    /// 491 while our offer is open, 500 with Retry-After while theirs is (RFC 3261 s14.2), 488 when it cannot be used. Nothing
    /// changes.
    pub fn remote_offer(&mut self, sdp: &[u8]) -> Result<(), Refused> {
        match &self.exchange {
            Exchange::Offered(_) | Exchange::OfferedRaw => return Err(Refused::glare()),
            Exchange::Received(_) | Exchange::ReceivedRaw => return Err(Refused::overtaken()),
            Exchange::Idle { .. } => {}
        }
        if self.raw {
            self.exchange = Exchange::ReceivedRaw;
            return Ok(());
        }
        let remote = Remote::read(sdp, &[])?;
        if let (true, Some(obstacle)) = (remote.streams.is_empty(), remote.obstacles.first()) {
            return Err(obstacle.refuse());
        }
        self.exchange = Exchange::Received(remote);
        Ok(())
    }

    /// Our answer to the open offer of the peer. `direction` is what we want; the answer is cut to what the offer allows.
    ///
    /// # Errors
    /// 488 when nothing of the offer can be taken; the offer is rejected by that and no longer open. 500 when none is open.
    pub fn answer(&mut self, local: &LocalMedia, direction: Direction) -> Result<(Bytes, Agreed), Refused> {
        let offer = match std::mem::replace(&mut self.exchange, Exchange::Idle { answered: None }) {
            Exchange::Received(offer) => offer,
            other => {
                self.exchange = other;
                return Err(Refused::no_offer());
            }
        };
        let taken = answer::to_theirs(&offer, local, direction, self.slot)?;
        let audio = taken.as_ref().map(|t| Audio {
            slot: t.stream.slot,
            profile: t.stream.profile,
            local,
            formats: &t.formats,
            direction: t.direction,
            mux: t.stream.mux,
        });
        let sdp = self.publish(local.rtp.ip(), &offer.timing, &offer.slots, audio.as_ref());
        let remote_hold = taken.as_ref().is_some_and(|t| t.stream.held || !t.stream.direction.receives());
        if let Some(taken) = &taken {
            self.numbers.learn(&taken.formats, taken.stream.foreign);
            self.slot = Some(taken.stream.slot);
            self.profile = taken.stream.profile;
        }
        let agreed = Agreed { audio: taken.map(|t| t.audio), remote_hold };
        self.slots = offer.slots;
        self.agreed = Some(agreed.clone());
        Ok((sdp, agreed))
    }

    /// What was agreed last, in the preview of an answer too. `None` before the first exchange, and with the application's own SDP.
    #[must_use]
    pub fn agreed(&self) -> Option<&Agreed> {
        self.preview.as_ref().or(self.agreed.as_ref())
    }

    /// Our offer waits for its answer.
    #[must_use]
    pub fn has_offer_pending(&self) -> bool {
        matches!(self.exchange, Exchange::Offered(_) | Exchange::OfferedRaw)
    }

    /// An offer of the peer waits for our answer.
    #[must_use]
    pub fn has_remote_offer(&self) -> bool {
        matches!(self.exchange, Exchange::Received(_) | Exchange::ReceivedRaw)
    }

    /// No offer is open on either side. RFC 3264 s4.
    #[must_use]
    pub fn can_offer(&self) -> bool {
        matches!(self.exchange, Exchange::Idle { .. })
    }

    /// Our offer failed: the request that carried it got a failure response, or could not be sent. The session is what it was
    /// before (RFC 3264 s4).
    pub fn cancel_offer(&mut self) {
        match &self.exchange {
            Exchange::Offered(ours) => self.slots.truncate(ours.slots_before),
            Exchange::OfferedRaw => {}
            _ => return,
        }
        self.preview = None;
        self.exchange = Exchange::Idle { answered: None };
    }

    /// We refuse the open offer of the peer with a failure response of our own. The session is what it was before.
    pub fn reject_offer(&mut self) {
        if self.has_remote_offer() {
            self.exchange = Exchange::Idle { answered: None };
        }
    }

    /// The last session description that we sent.
    #[must_use]
    pub fn local_sdp(&self) -> Option<&Bytes> {
        self.sent.as_ref()
    }

    /// The application's own offer goes out; it is open until `remote_answer` or `cancel_offer`.
    pub fn offer_raw(&mut self, sdp: Bytes) -> Bytes {
        self.raw = true;
        self.agreed = None;
        self.preview = None;
        self.exchange = Exchange::OfferedRaw;
        self.sent = Some(sdp.clone());
        sdp
    }

    /// The application's own answer to the open offer of the peer.
    ///
    /// # Errors
    /// 500 when no offer is open.
    pub fn answer_raw(&mut self, sdp: Bytes) -> Result<Bytes, Refused> {
        if !self.has_remote_offer() {
            return Err(Refused::no_offer());
        }
        self.raw = true;
        self.agreed = None;
        self.exchange = Exchange::Idle { answered: None };
        self.sent = Some(sdp.clone());
        Ok(sdp)
    }

    fn read_answer(&mut self, ours: &Ours, sdp: &[u8]) -> Result<Agreed, Refused> {
        let answer = Remote::read(sdp, &ours.formats)?;
        let held = self.agreed.as_ref().is_some_and(|a| a.remote_hold);
        let agreed = answer::to_ours(ours, &answer, held)?;
        if let Some(stream) = answer.streams.iter().find(|s| s.slot == ours.slot) {
            self.numbers.learn(&[], stream.foreign);
        }
        Ok(agreed)
    }

    fn list(&mut self, formats: &mut Formats, format: Format) {
        if formats.iter().any(|(_, f)| *f == format) {
            return;
        }
        formats.extend(self.numbers.offer(format).map(|pt| (pt, format)));
    }

    /// The `m=` line of our audio: the one that it has, an audio line that is not in use, or a new one below (RFC 3264 s8.1).
    fn place(&mut self) -> usize {
        let audio = || self.slots.iter().position(|s| s.starts_with("audio "));
        let last = self.slots.len().checked_sub(1);
        if let Some(slot) = self.slot.filter(|s| *s < self.slots.len()).or_else(audio) {
            return slot;
        }
        if let (true, Some(last)) = (self.slots.len() >= limits::SDP_MEDIA, last) {
            return last;
        }
        self.slots.push("audio 0 RTP/AVP 0".into());
        self.slots.len().saturating_sub(1)
    }

    /// Prints with the version of before; with the next one when that gives other bytes than before.
    fn publish(
        &mut self,
        ip: IpAddr,
        timing: &[(char, Box<str>)],
        slots: &[Box<str>],
        audio: Option<&Audio<'_>>,
    ) -> Bytes {
        let origin_ip = *self.origin_ip.get_or_insert(ip);
        let mut out = Vec::with_capacity(384);
        let id = self.session_id;
        if let Some(sent) = &self.sent {
            local::print(&mut out, (id, self.version, origin_ip), ip, timing, slots, audio);
            if **sent == *out {
                return sent.clone();
            }
            out.clear();
        }
        self.version = self.version.saturating_add(1);
        local::print(&mut out, (id, self.version, origin_ip), ip, timing, slots, audio);
        let sdp = Bytes::from(out);
        self.sent = Some(sdp.clone());
        sdp
    }
}

impl fmt::Debug for Negotiation {
    /// Without addresses: they are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exchange = match &self.exchange {
            Exchange::Idle { .. } => "Idle",
            Exchange::Offered(_) => "Offered",
            Exchange::Received(_) => "Received",
            Exchange::OfferedRaw => "OfferedRaw",
            Exchange::ReceivedRaw => "ReceivedRaw",
        };
        f.debug_struct("Negotiation")
            .field("exchange", &exchange)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
