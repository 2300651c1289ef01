//! The four Via parameters of overload control. RFC 7339 s4, s9; RFC 7415 s3.2.

use super::via::Via;
use std::fmt;

/// A class of algorithms. RFC 7339 s4.2.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum OverloadAlgorithm {
    /// `oc` is the percentage of requests to leave out. RFC 7339 s7.
    #[default]
    Loss,
    /// `oc` is the most requests per second. RFC 7415 s3.
    Rate,
}

impl OverloadAlgorithm {
    /// The token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            OverloadAlgorithm::Loss => "loss",
            OverloadAlgorithm::Rate => "rate",
        }
    }

    fn from_token(token: &str) -> Option<Self> {
        [OverloadAlgorithm::Loss, OverloadAlgorithm::Rate].into_iter().find(|a| a.as_str().eq_ignore_ascii_case(token))
    }
}

/// What a server asks of its upstream neighbour. RFC 7339 s5.2.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct OverloadFeedback {
    /// `oc`: per cent, or requests per second.
    pub value: u32,
    /// `oc-algo`.
    pub algorithm: OverloadAlgorithm,
    /// `oc-validity` in milliseconds; 0 ends the control.
    pub validity_ms: u32,
    /// `oc-seq` in units of 10^-5: 1282321615.782 is 128232161578200.
    pub sequence: u64,
}

impl fmt::Display for OverloadFeedback {
    /// The parameters as they stand in a response, each with its semicolon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, algorithm, validity) = (self.value, self.algorithm.as_str(), self.validity_ms);
        let (seconds, part) = (self.sequence / 100_000, self.sequence % 100_000);
        write!(f, ";oc={value};oc-algo=\"{algorithm}\";oc-validity={validity};oc-seq={seconds}.{part:05}")
    }
}

impl Via<'_> {
    /// Of a request: the algorithm that the client wants most among those that we know, when it takes part in overload control (an `oc`
    /// without value). Without `oc-algo` it is `loss`. RFC 7339 s4.1, s4.2.
    #[must_use]
    pub fn overload_offer(&self) -> Option<OverloadAlgorithm> {
        let None = self.params.get("oc")? else { return None };
        let list = self.params.value("oc-algo").unwrap_or("loss");
        Some(list.split(',').find_map(|token| OverloadAlgorithm::from_token(token.trim())).unwrap_or_default())
    }

    /// Of a response: what the server asks for. `None` without a value of `oc`, or without the mandatory `oc-seq`. RFC 7339 s4.
    #[must_use]
    pub fn overload_feedback(&self) -> Option<OverloadFeedback> {
        let value = self.params.value("oc")?.parse().ok()?;
        let algorithm =
            self.params.value("oc-algo").map_or(Some(OverloadAlgorithm::Loss), OverloadAlgorithm::from_token)?;
        let validity_ms = match self.params.value("oc-validity") {
            None => 500,
            Some(text) => text.parse().ok()?,
        };
        let sequence = sequence(self.params.value("oc-seq")?)?;
        Some(OverloadFeedback { value, algorithm, validity_ms, sequence })
    }
}

/// `1*12DIGIT "." 1*5DIGIT`; the part behind the dot is a decimal fraction.
fn sequence(text: &str) -> Option<u64> {
    let (seconds, part) = text.split_once('.')?;
    let digits = |s: &str, most: usize| (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds, 12) || !digits(part, 5) {
        return None;
    }
    let scale = 10u64.checked_pow(u32::try_from(5usize.checked_sub(part.len())?).ok()?)?;
    let part = part.parse::<u64>().ok()?.checked_mul(scale)?;
    seconds.parse::<u64>().ok()?.checked_mul(100_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(params: &str) -> String {
        format!("SIP/2.0/TLS p1.example.net;branch=z9hG4bK2d4790.1{params}")
    }

    fn offer(params: &str) -> Option<OverloadAlgorithm> {
        Via::parse(&via(params)).unwrap().overload_offer()
    }

    fn feedback(params: &str) -> Option<OverloadFeedback> {
        Via::parse(&via(params)).unwrap().overload_feedback()
    }

    #[test]
    fn a_client_offers_what_it_can() {
        assert_eq!(offer(""), None);
        assert_eq!(offer(";oc=20"), None, "that is a server's");
        assert_eq!(offer(";oc"), Some(OverloadAlgorithm::Loss));
        assert_eq!(offer(";oc;oc-algo=\"loss,A\""), Some(OverloadAlgorithm::Loss));
        assert_eq!(offer(";oc;oc-algo=\"rate, loss\""), Some(OverloadAlgorithm::Rate));
        assert_eq!(offer(";oc;oc-algo=\"B,A\""), Some(OverloadAlgorithm::Loss));
    }

    #[test]
    fn the_example_of_the_rfc_is_read_and_printed() {
        let shown = ";oc=20;oc-algo=\"loss\";oc-validity=500;oc-seq=1282321615.782";
        let read = feedback(shown).unwrap();
        assert_eq!(
            read,
            OverloadFeedback {
                value: 20,
                algorithm: OverloadAlgorithm::Loss,
                validity_ms: 500,
                sequence: 128_232_161_578_200,
            }
        );
        assert_eq!(feedback(&read.to_string()), Some(read));
        assert_eq!(feedback(";oc=5;oc-seq=1.5").map(|f| (f.validity_ms, f.sequence)), Some((500, 150_000)));
    }

    #[test]
    fn what_is_not_whole_is_no_feedback() {
        for bad in [
            ";oc",
            ";oc=x;oc-seq=1.1",
            ";oc=20",
            ";oc=20;oc-seq=1",
            ";oc=20;oc-seq=1.123456",
            ";oc=20;oc-seq=1234567890123.1",
            ";oc=20;oc-algo=\"A\";oc-seq=1.1",
            ";oc=20;oc-validity=-1;oc-seq=1.1",
            ";oc-validity=500;oc-seq=1.1",
        ] {
            assert_eq!(feedback(bad), None, "{bad}");
        }
    }
}
