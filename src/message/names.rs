//! Header field names: one table of name, compact form, comma list, shape of a value, home. RFC 3261 s7.3.3, s20 and the IANA registry.

/// One row of the table.
struct Entry {
    name: Name,
    text: &'static str,
    compact: Option<u8>,
    list: bool,
    shape: Shape,
    home: &'static str,
}

/// How one value of a header is built: the type that reads and prints it (see `header/mod.rs`).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Via,
    CSeq,
    RAck,
    CallId,
    Address,
    Number,
    RetryAfter,
    SessionExpires,
    Seconds,
    Date,
    Token,
    Text,
    Product,
    Media,
    Weighted,
    Disposition,
    Warning,
    Timestamp,
    MimeVersion,
    InfoUri,
    Event,
    SubscriptionState,
    Replaces,
    TargetDialog,
    ReferSub,
    Reason,
    Diversion,
    HistoryInfo,
    UserToUser,
    Privacy,
    Identity,
    ResourcePriority,
    Preference,
    Challenge,
    Credentials,
    AuthInfo,
    Item,
    SessionId,
}

macro_rules! names {
    ($($variant:ident $text:literal $kind:ident $(($compact:literal))? $shape:ident $home:literal;)*) => {
        /// A header field's name.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Name {
            $(#[doc = concat!("`", $text, "`, ", $home, ".")] $variant,)*
            /// A name that is not in the table: see [`Header::raw_name`](super::Header::raw_name).
            Other,
        }

        /// In the order of the enum, so that a name is an index.
        const TABLE: &[Entry] = &[$(Entry {
            name: Name::$variant,
            text: $text,
            compact: names!(@compact $($compact)?),
            list: names!(@list $kind),
            shape: Shape::$shape,
            home: $home,
        }),*];
    };
    (@compact) => { None };
    (@compact $c:literal) => { Some($c) };
    (@list list) => { true };
    (@list one) => { false };
}

// `list`: several fields of the name mean the same as one with commas between the values. RFC 3261 s7.3.1.
names! {
    Via "Via" list(b'v') Via "RFC 3261 s20.42";
    From "From" one(b'f') Address "RFC 3261 s20.20";
    To "To" one(b't') Address "RFC 3261 s20.39";
    CallId "Call-ID" one(b'i') CallId "RFC 3261 s20.8";
    CSeq "CSeq" one CSeq "RFC 3261 s20.16";
    Contact "Contact" list(b'm') Address "RFC 3261 s20.10";
    MaxForwards "Max-Forwards" one Number "RFC 3261 s20.22";
    Route "Route" list Address "RFC 3261 s20.34";
    RecordRoute "Record-Route" list Address "RFC 3261 s20.30";
    ContentType "Content-Type" one(b'c') Media "RFC 3261 s20.15";
    ContentLength "Content-Length" one(b'l') Number "RFC 3261 s20.14";
    Expires "Expires" one Number "RFC 3261 s20.19";
    Accept "Accept" list Media "RFC 3261 s20.1";
    AcceptContact "Accept-Contact" list(b'a') Preference "RFC 3841 s9.2";
    AcceptEncoding "Accept-Encoding" list Weighted "RFC 3261 s20.2";
    AcceptLanguage "Accept-Language" list Weighted "RFC 3261 s20.3";
    AcceptResourcePriority "Accept-Resource-Priority" list ResourcePriority "RFC 4412 s3.2";
    AlertInfo "Alert-Info" list InfoUri "RFC 3261 s20.4";
    Allow "Allow" list Token "RFC 3261 s20.5";
    AllowEvents "Allow-Events" list(b'u') Token "RFC 6665 s8.2.2";
    AnswerMode "Answer-Mode" one Item "RFC 5373 s3";
    AuthenticationInfo "Authentication-Info" one AuthInfo "RFC 3261 s20.6";
    Authorization "Authorization" one Credentials "RFC 3261 s20.7";
    CallInfo "Call-Info" list InfoUri "RFC 3261 s20.9";
    ContentDisposition "Content-Disposition" one Disposition "RFC 3261 s20.11";
    ContentEncoding "Content-Encoding" list(b'e') Token "RFC 3261 s20.12";
    ContentLanguage "Content-Language" list Token "RFC 3261 s20.13";
    Date "Date" one Date "RFC 3261 s20.17";
    Diversion "Diversion" list Diversion "RFC 5806 s5.2";
    ErrorInfo "Error-Info" list InfoUri "RFC 3261 s20.18";
    Event "Event" one(b'o') Event "RFC 6665 s8.2.1";
    FeatureCaps "Feature-Caps" list Preference "RFC 6809 s6.2";
    FlowTimer "Flow-Timer" one Number "RFC 5626 s10";
    Geolocation "Geolocation" list InfoUri "RFC 6442 s4.1";
    GeolocationError "Geolocation-Error" one Item "RFC 6442 s4.3";
    GeolocationRouting "Geolocation-Routing" one Item "RFC 6442 s4.2";
    HistoryInfo "History-Info" list HistoryInfo "RFC 7044 s5";
    Identity "Identity" one(b'y') Identity "RFC 8224 s4";
    IdentityInfo "Identity-Info" one(b'n') InfoUri "RFC 4474 s9";
    InfoPackage "Info-Package" one Item "RFC 6086 s7.2";
    InReplyTo "In-Reply-To" list CallId "RFC 3261 s20.21";
    Join "Join" one Replaces "RFC 3911 s7.1";
    MaxBreadth "Max-Breadth" one Number "RFC 5393 s5.2";
    MimeVersion "MIME-Version" one MimeVersion "RFC 3261 s20.24";
    MinExpires "Min-Expires" one Number "RFC 3261 s20.23";
    MinSe "Min-SE" one Seconds "RFC 4028 s5";
    Organization "Organization" one Text "RFC 3261 s20.25";
    PAccessNetworkInfo "P-Access-Network-Info" list Text "RFC 7315 s4.4";
    PAssertedIdentity "P-Asserted-Identity" list Address "RFC 3325 s9.1";
    PAssertedService "P-Asserted-Service" list Item "RFC 6050 s4.1";
    PAssociatedUri "P-Associated-URI" list Address "RFC 7315 s4.1";
    PCalledPartyId "P-Called-Party-ID" one Address "RFC 7315 s4.2";
    PChargingVector "P-Charging-Vector" one Item "RFC 7315 s4.6";
    PEarlyMedia "P-Early-Media" list Token "RFC 5009 s8";
    PPreferredIdentity "P-Preferred-Identity" list Address "RFC 3325 s9.2";
    PPreferredService "P-Preferred-Service" list Item "RFC 6050 s4.2";
    PVisitedNetworkId "P-Visited-Network-ID" list Item "RFC 7315 s4.3";
    Path "Path" list Address "RFC 3327 s4";
    PermissionMissing "Permission-Missing" list Address "RFC 5360 s5.9.3";
    PolicyContact "Policy-Contact" list InfoUri "RFC 6794 s5.2";
    PolicyId "Policy-ID" list Item "RFC 6794 s5.1";
    Priority "Priority" one Token "RFC 3261 s20.26";
    PrivAnswerMode "Priv-Answer-Mode" one Item "RFC 5373 s3";
    Privacy "Privacy" one Privacy "RFC 3323 s4.2";
    ProxyAuthenticate "Proxy-Authenticate" one Challenge "RFC 3261 s20.27";
    ProxyAuthorization "Proxy-Authorization" one Credentials "RFC 3261 s20.28";
    ProxyRequire "Proxy-Require" list Token "RFC 3261 s20.29";
    RAck "RAck" one RAck "RFC 3262 s7.2";
    Reason "Reason" list Reason "RFC 3326 s2";
    RecvInfo "Recv-Info" list Item "RFC 6086 s7.3";
    ReferEventsAt "Refer-Events-At" one InfoUri "RFC 7614 s6.2";
    ReferSub "Refer-Sub" one ReferSub "RFC 4488 s4";
    ReferTo "Refer-To" one(b'r') Address "RFC 3515 s2.1";
    ReferredBy "Referred-By" one(b'b') Address "RFC 3892 s3";
    RejectContact "Reject-Contact" list(b'j') Preference "RFC 3841 s9.2";
    Replaces "Replaces" one Replaces "RFC 3891 s6.1";
    ReplyTo "Reply-To" one Address "RFC 3261 s20.31";
    RequestDisposition "Request-Disposition" list(b'd') Token "RFC 3841 s9.1";
    Require "Require" list Token "RFC 3261 s20.32";
    ResourcePriority "Resource-Priority" list ResourcePriority "RFC 4412 s3.1";
    RetryAfter "Retry-After" one RetryAfter "RFC 3261 s20.33";
    RSeq "RSeq" one Number "RFC 3262 s7.1";
    SecurityClient "Security-Client" list Item "RFC 3329 s2.2";
    SecurityServer "Security-Server" list Item "RFC 3329 s2.2";
    SecurityVerify "Security-Verify" list Item "RFC 3329 s2.2";
    Server "Server" one Product "RFC 3261 s20.35";
    ServiceRoute "Service-Route" list Address "RFC 3608 s5";
    SessionExpires "Session-Expires" one(b'x') SessionExpires "RFC 4028 s4";
    SessionId "Session-ID" one SessionId "RFC 7989 s5";
    SipEtag "SIP-ETag" one Token "RFC 3903 s11.3.1";
    SipIfMatch "SIP-If-Match" one Token "RFC 3903 s11.3.2";
    Subject "Subject" one(b's') Text "RFC 3261 s20.36";
    SubscriptionState "Subscription-State" one SubscriptionState "RFC 6665 s8.2.3";
    Supported "Supported" list(b'k') Token "RFC 3261 s20.37";
    SuppressIfMatch "Suppress-If-Match" one Token "RFC 5839 s4";
    TargetDialog "Target-Dialog" one TargetDialog "RFC 4538 s7";
    Timestamp "Timestamp" one Timestamp "RFC 3261 s20.38";
    TriggerConsent "Trigger-Consent" one Address "RFC 5360 s5.11.2";
    Unsupported "Unsupported" list Token "RFC 3261 s20.40";
    UserAgent "User-Agent" one Product "RFC 3261 s20.41";
    UserToUser "User-to-User" list UserToUser "RFC 7433 s4.1";
    Warning "Warning" list Warning "RFC 3261 s20.43";
    WwwAuthenticate "WWW-Authenticate" one Challenge "RFC 3261 s20.44";
}

impl Name {
    /// Reads a name in any case, full or compact.
    #[must_use]
    pub fn parse(text: &[u8]) -> Name {
        Name::lookup(text).0
    }

    /// As [`parse`](Self::parse); also whether the text is the canonical spelling (or the name is not in the table).
    pub(super) fn lookup(text: &[u8]) -> (Name, bool) {
        let (first, last) = match text {
            [] => return (Name::Other, true),
            [c] => {
                let slot = COMPACT.get(usize::from(c.to_ascii_lowercase().wrapping_sub(b'a'))).copied().unwrap_or(NONE);
                return TABLE.get(usize::from(slot)).map_or((Name::Other, true), |e| (e.name, false));
            }
            [first, .., last] => (*first, *last),
        };
        let middle = text.get(text.len() / 2).copied().unwrap_or(0);
        let mut at = slot_of(text.len(), first, middle, last);
        // The table is less than half full (see SLOTS), so that this ends at an empty slot soon.
        while let Some(entry) = SLOTS.get(at).and_then(|slot| TABLE.get(usize::from(*slot))) {
            if let Some(exact) = same_name(entry.text.as_bytes(), text) {
                return (entry.name, exact);
            }
            at = at.wrapping_add(1) & (SLOT_COUNT - 1);
        }
        (Name::Other, true)
    }

    fn entry(self) -> Option<&'static Entry> {
        TABLE.get(self as usize)
    }

    /// The canonical spelling; empty for [`Name::Other`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().map_or("", |e| e.text)
    }

    /// The compact form. RFC 3261 s7.3.3.
    #[must_use]
    pub fn compact(self) -> Option<char> {
        self.entry().and_then(|e| e.compact).map(char::from)
    }

    /// Whether its values may stand in one field with commas between. RFC 3261 s7.3.1.
    #[must_use]
    pub fn is_list(self) -> bool {
        self.entry().is_some_and(|e| e.list)
    }

    /// How its values are built; an unknown header is text.
    pub(super) fn shape(self) -> Shape {
        self.entry().map_or(Shape::Text, |e| e.shape)
    }

    /// Where it is defined; empty for [`Name::Other`].
    #[must_use]
    pub fn home(self) -> &'static str {
        self.entry().map_or("", |e| e.home)
    }

    /// All names of the table.
    pub fn known() -> impl Iterator<Item = Name> {
        TABLE.iter().map(|e| e.name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether two texts are the same name in any case, and if so whether to the letter. Names are of letters and `-`, which alone meet in
/// bit 5; so eight bytes compare at once.
fn same_name(name: &[u8], text: &[u8]) -> Option<bool> {
    const CASE: u64 = 0x2020_2020_2020_2020;
    if name.len() != text.len() {
        return None;
    }
    // Two words that overlap cover up to sixteen letters; longer names have a third between them.
    let (a, b) = ends(name);
    let (c, d) = ends(text);
    let (m, n) = if name.len() > 16 { (middle(name), middle(text)) } else { (0, 0) };
    let same = (a | CASE) == (c | CASE) && (b | CASE) == (d | CASE) && (m | CASE) == (n | CASE);
    same.then_some(a == c && b == d && m == n)
}

/// The first and the last bytes, as many as fit: eight, four or two of each.
fn ends(s: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (s.first_chunk(), s.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (s.first_chunk(), s.last_chunk()) {
        (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
    } else if let (Some(first), Some(last)) = (s.first_chunk(), s.last_chunk()) {
        (u16::from_le_bytes(*first).into(), u16::from_le_bytes(*last).into())
    } else {
        (0, 0)
    }
}

/// The third word of a name of 17 to 24 bytes.
fn middle(s: &[u8]) -> u64 {
    s.get(8..).and_then(|s| s.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

/// Marks an empty slot: no index of the table.
const NONE: u8 = u8::MAX;
const SLOT_COUNT: usize = 512;

/// Open-addressed index by length, first, middle and last letter, made at compile time.
static SLOTS: [u8; SLOT_COUNT] = make_slots();
/// Index by compact form.
static COMPACT: [u8; 26] = make_compact();

/// With these multipliers no two names of the table meet (searched for; a new name may meet another, which costs it one more step).
const fn slot_of(len: usize, first: u8, middle: u8, last: u8) -> usize {
    let first = ((first | 0x20) as usize).wrapping_mul(115);
    let middle = ((middle | 0x20) as usize).wrapping_mul(111);
    let last = ((last | 0x20) as usize).wrapping_mul(49);
    len.wrapping_mul(97).wrapping_add(first).wrapping_add(middle).wrapping_add(last) & (SLOT_COUNT - 1)
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler: a mistake is a build error"
)]
const fn make_slots() -> [u8; SLOT_COUNT] {
    assert!(TABLE.len() < SLOT_COUNT / 2);
    let mut slots = [NONE; SLOT_COUNT];
    let mut index = 0;
    while index < TABLE.len() {
        let text = TABLE[index].text.as_bytes();
        let mut at = slot_of(text.len(), text[0], text[text.len() / 2], text[text.len() - 1]);
        while slots[at] != NONE {
            at = (at + 1) % SLOT_COUNT;
        }
        slots[at] = index as u8;
        index += 1;
    }
    slots
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler: a mistake is a build error"
)]
const fn make_compact() -> [u8; 26] {
    let mut slots = [NONE; 26];
    let mut index = 0;
    while index < TABLE.len() {
        if let Some(c) = TABLE[index].compact {
            assert!(slots[(c - b'a') as usize] == NONE);
            slots[(c - b'a') as usize] = index as u8;
        }
        index += 1;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_in_any_case_and_form() {
        for (index, name) in Name::known().enumerate() {
            assert_eq!(name as usize, index);
            let text = name.as_str();
            assert_eq!(Name::parse(text.as_bytes()), name);
            assert_eq!(Name::parse(text.to_ascii_uppercase().as_bytes()), name);
            assert_eq!(Name::parse(text.to_ascii_lowercase().as_bytes()), name);
            if let Some(c) = name.compact() {
                assert_eq!(Name::parse(&[c as u8]), name);
                assert_eq!(Name::parse(&[c.to_ascii_uppercase() as u8]), name);
            }
        }
    }

    #[test]
    fn spelling_is_known() {
        for name in Name::known() {
            let text = name.as_str();
            assert_eq!(Name::lookup(text.as_bytes()), (name, true));
            assert_eq!(Name::lookup(text.to_ascii_lowercase().as_bytes()), (name, false));
            assert!(text.len() <= 24, "same_name compares three words");
            for at in 0..text.len() {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = b'!';
                assert_eq!(Name::parse(&bytes), Name::Other);
            }
        }
        assert_eq!(Name::lookup(b"v"), (Name::Via, false));
    }

    #[test]
    fn strangers_are_other() {
        for text in ["", "q", "X-Foo", "Viaa", "Vi", "1", "\u{e9}"] {
            assert_eq!(Name::parse(text.as_bytes()), Name::Other);
        }
        assert_eq!(Name::Other.as_str(), "");
    }

    #[test]
    fn a_lookup_needs_few_steps() {
        let longest = Name::known()
            .map(|name| {
                let text = name.as_str().as_bytes();
                let from = slot_of(text.len(), text[0], text[text.len() / 2], text[text.len() - 1]);
                (0..SLOT_COUNT).find(|d| SLOTS[(from + d) % SLOT_COUNT] == name as u8).unwrap()
            })
            .max();
        assert!(longest < Some(4), "{longest:?}");
    }
}
