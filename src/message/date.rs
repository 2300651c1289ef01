//! Date: `Sat, 13 Nov 2010 23:29:00 GMT`. RFC 3261 s20.17, s25.1 (rfc1123-date).

use super::error::HeaderError;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads a SIP-date as seconds since 1970-01-01 UTC.
///
/// # Errors
/// Not an rfc1123-date in GMT.
pub fn parse_date(value: &str) -> Result<u64, HeaderError> {
    const SHAPE: HeaderError = HeaderError::Syntax("not an rfc1123-date");
    let mut words = value.split([' ', '\t', '\r', '\n']).filter(|w| !w.is_empty());
    let (Some(weekday), Some(day), Some(month), Some(year), Some(time), zone, None) =
        (words.next(), words.next(), words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(SHAPE);
    };
    if zone != Some("GMT") {
        return Err(HeaderError::Syntax("the time zone is not GMT"));
    }
    let number =
        |text: &str, len: usize| if text.len() == len { crate::base::text::decimal(text.as_bytes()) } else { None };
    let month = MONTHS.iter().position(|m| *m == month).ok_or(SHAPE)?;
    let (day, year) = number(day, 2).zip(number(year, 4)).ok_or(SHAPE)?;
    let mut clock = time.split(':').map(|part| number(part, 2));
    let (Some(Some(h)), Some(Some(m)), Some(Some(s)), None) = (clock.next(), clock.next(), clock.next(), clock.next())
    else {
        return Err(SHAPE);
    };
    let known_day = weekday.strip_suffix(',').is_some_and(|w| DAYS.contains(&w));
    if !known_day || !(1..=31).contains(&day) || year < 1970 || h > 23 || m > 59 || s > 60 {
        return Err(SHAPE);
    }
    let days = days_from_civil(year, (month as u64).saturating_add(1), day);
    Ok([h.saturating_mul(3600), m.saturating_mul(60), s]
        .iter()
        .fold(days.saturating_mul(86_400), |sum, part| sum.saturating_add(*part)))
}

/// Appends the SIP-date of `unix` seconds since 1970-01-01 UTC.
pub fn write_date(unix: u64, out: &mut Vec<u8>) {
    use std::io::Write as _;
    let (days, seconds) = (unix / 86_400, unix % 86_400);
    let (year, month, day) = civil_from_days(days);
    let weekday = DAYS.get((days % 7) as usize).copied().unwrap_or_default();
    let month = MONTHS.get((month as usize).wrapping_sub(1)).copied().unwrap_or_default();
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{weekday}, {day:02} {month} {year:04} {h:02}:{m:02}:{s:02} GMT");
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, counted from March so that leap days come last.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let from_march = month.saturating_add(9) % 12;
    let day_of_year = from_march.saturating_mul(153).saturating_add(2) / 5;
    let leap_days = (year / 4).saturating_sub(year / 100).saturating_add(year / 400);
    let days = year.saturating_mul(365).saturating_add(leap_days).saturating_add(day_of_year).saturating_add(day);
    days.saturating_sub(719_469)
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    // A first guess that is at most one year late, then exact steps of a year and a month.
    let mut year = days.saturating_div(365).saturating_add(1970);
    while days_from_civil(year, 1, 1) > days {
        year = year.saturating_sub(1);
    }
    let month = (1..=12).rev().find(|month| days_from_civil(year, *month, 1) <= days).unwrap_or(1);
    (year, month, days.saturating_sub(days_from_civil(year, month, 1)).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        assert_eq!(parse_date("Sat, 13 Nov 2010 23:29:00 GMT"), Ok(1_289_690_940));
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), Ok(0));
        assert_eq!(parse_date("Thu, 29 Feb 2024 12:00:00 GMT"), Ok(1_709_208_000));
        assert!(parse_date("Fri, 01 Jan 2010 16:00:00 EST").is_err());
        assert!(parse_date("01 Jan 2010 16:00:00 GMT").is_err() && parse_date("").is_err());
    }

    #[test]
    fn printing_reads_back() {
        for unix in (0..4_000_000_000).step_by(86_400 * 13 + 12_345) {
            let mut out = Vec::new();
            write_date(unix, &mut out);
            assert_eq!(parse_date(std::str::from_utf8(&out).unwrap()), Ok(unix));
        }
    }
}
