//! Moments as Zendesk writes them.

use crate::domain::{Invalid, Timestamp};

/// The longest text of a moment, in bytes: nine fractional digits make 30.
const MAX_BYTES: usize = 64;
/// How many fractional digits are kept: a [`Timestamp`] has microseconds.
const FRACTION_DIGITS: usize = 6;

/// Reads a moment in ISO 8601, with any number of fractional digits; those past the microsecond are
/// cut off.
pub(super) fn moment(text: &str) -> Result<Timestamp, Invalid> {
    let invalid = || Invalid::new("is no moment such as 2021-03-25T05:09:27Z");
    if text.len() > MAX_BYTES {
        return Err(invalid());
    }
    // The parser refuses more than nine digits.
    let short = text.split_once('.').map(|(whole, rest)| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, zone) = rest.split_at(digits);
        format!("{whole}.{}{zone}", &fraction[..digits.min(FRACTION_DIGITS)])
    });
    let parsed: jiff::Timestamp =
        short.as_deref().unwrap_or(text).parse().map_err(|_| invalid())?;
    Timestamp::from_micros(parsed.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        moment(text).ok().map(Timestamp::as_micros)
    }

    #[test]
    fn a_moment_is_read_with_any_number_of_fractional_digits() {
        for (text, fraction) in [
            ("2021-03-25T05:09:27Z", 0),
            ("2021-03-25T05:09:27.5Z", 500_000),
            ("2021-03-25T05:09:27.123Z", 123_000),
            ("2021-03-25T05:09:27.123456Z", 123_456),
            ("2021-03-25T05:09:27.123456789Z", 123_456),
            ("2021-03-25T05:09:27.999999999999Z", 999_999),
            ("2021-03-25T07:09:27.123456+02:00", 123_456),
        ] {
            assert_eq!(micros(text), Some(1_616_648_967_000_000 + fraction), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        let endless = format!("2021-03-25T05:09:27.{}Z", "1".repeat(MAX_BYTES));
        for text in [
            "",
            " ",
            "1616648967",
            "2021-03-25",
            "2021-03-25T05:09:27",
            "2021-03-25T05:09:27.Z",
            "2021-13-25T05:09:27Z",
            "2021-03-25T25:09:27Z",
            "1969-12-31T23:59:58Z",
            "yesterday",
            "２０２１-03-25T05:09:27Z",
            &endless,
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
