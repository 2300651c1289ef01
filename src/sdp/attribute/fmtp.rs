//! `a=fmtp:101 0-15`. RFC 8866 s6.15.

/// Parameters of one format.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Fmtp<'a> {
    /// The format of the `m=` line that they are for.
    pub format: &'a str,
    /// The parameters, as written.
    pub parameters: &'a str,
}

impl<'a> Fmtp<'a> {
    /// Reads the attribute's value.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let (format, parameters) = value.split_once(|c: char| c.is_ascii_whitespace())?;
        (!format.is_empty()).then_some(Fmtp { format, parameters: parameters.trim_ascii() })
    }

    /// The value of one parameter of the usual form `name=value;name=value`; a name without `=` has the value "".
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            key.trim_ascii().eq_ignore_ascii_case(name).then_some(value.trim_ascii())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_by_name() {
        let f = Fmtp::parse("111 minptime=10; useinbandfec=1;cbr").unwrap();
        assert_eq!((f.format, f.parameter("UseInbandFEC"), f.parameter("cbr")), ("111", Some("1"), Some("")));
        assert_eq!(f.parameter("stereo"), None);
        assert_eq!(Fmtp::parse("101"), None);
    }
}
