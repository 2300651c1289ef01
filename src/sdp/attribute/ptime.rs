//! `a=ptime` and `a=maxptime`, milliseconds. RFC 8866 s6.4, s6.5.

use super::{Attribute, find as attribute};
use crate::base::text::decimal;

/// Whole milliseconds of the attribute `name`. Zero, a negative or a number above 2^32 says nothing; a fraction is cut off.
#[must_use]
pub fn find(list: &[Attribute<'_>], name: &str) -> Option<u32> {
    parse(attribute(list, name)?.value?)
}

fn parse(value: &str) -> Option<u32> {
    let whole = value.split('.').next()?;
    decimal(whole.as_bytes()).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_huge_say_nothing() {
        assert_eq!(parse("20"), Some(20));
        assert_eq!(parse("2.5"), Some(2));
        for nothing in ["0", "4294967296", "-20", "", "twenty", "0.125"] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }
}
