//! Numbers with units and few significant digits.

use crate::journal::Micros;

/// A time span: `0.4 ms`, `34 ms`, `2.1 s`, `130 s`. Negative spans keep their sign.
pub fn span(us: Micros) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let us = us.unsigned_abs() as f64;
    // Each limit is where rounding would carry into the next unit or digit.
    let text = if us == 0.0 {
        "0 s".to_owned()
    } else if us < 9_950.0 {
        format!("{:.1} ms", us / 1e3)
    } else if us < 999_500.0 {
        format!("{:.0} ms", us / 1e3)
    } else if us < 99_950_000.0 {
        format!("{:.1} s", us / 1e6)
    } else {
        format!("{:.0} s", us / 1e6)
    };
    format!("{sign}{text}")
}

/// A share: two decimals, but never rounded up to `100 %` when something failed.
pub fn percent(share: f64) -> String {
    if share >= 100.0 {
        "100 %".to_owned()
    } else {
        format!("{:.2} %", (share * 100.0).floor() / 100.0)
    }
}

/// Requests per second: `930/s`, `0.4/s`, `0.0009/s`.
pub fn rate(per_s: f64) -> String {
    if per_s >= 10.0 {
        format!("{per_s:.0}/s")
    } else if per_s >= 0.1 {
        format!("{per_s:.1}/s")
    } else {
        format!("{per_s:.4}/s")
    }
}

/// What was sent, and which share of the peak that is: `100/s, 10.8 % of that`.
pub fn sent(per_s: u32, peak_per_s: f64) -> String {
    let share = share_of(per_s, peak_per_s);
    if share >= 100.0 {
        format!("{per_s}/s, all of that and more")
    } else {
        format!("{per_s}/s, {share:.1} % of that")
    }
}

/// What was sent in percent of the peak; all of it where no peak is known.
pub fn share_of(per_s: u32, peak_per_s: f64) -> f64 {
    if peak_per_s > 0.0 { f64::from(per_s) * 100.0 / peak_per_s } else { 100.0 }
}

/// UTC time such as `2025-03-01 12:00:00 UTC`; the bare number when it is no time.
pub fn utc(at: Micros) -> String {
    match jiff::Timestamp::from_microsecond(at) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => at.to_string(),
    }
}

/// Text from a journal without control characters: what a container printed must not move the
/// cursor, recolour the terminal or break a line.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_or_three_digits_and_a_unit() {
        let cases = [
            (0, "0 s"),
            (400, "0.4 ms"),
            (9_949, "9.9 ms"),
            (9_960, "10 ms"),
            (34_200, "34 ms"),
            (999_600, "1.0 s"),
            (2_140_000, "2.1 s"),
            (99_960_000, "100 s"),
            (-340_000, "-340 ms"),
        ];
        for (us, text) in cases {
            assert_eq!(span(us), text, "{us}");
        }
    }

    #[test]
    fn the_share_of_the_peak_is_told() {
        assert_eq!(sent(100, 925.9), "100/s, 10.8 % of that");
        assert_eq!(sent(60, 0.93), "60/s, all of that and more");
        assert_eq!(sent(60, 0.0), "60/s, all of that and more");
    }

    #[test]
    fn a_share_below_everything_is_never_shown_as_everything() {
        assert_eq!(percent(100.0), "100 %");
        assert_eq!(percent(99.999), "99.99 %");
        assert_eq!(percent(0.0), "0.00 %");
    }

    #[test]
    fn control_characters_of_others_do_not_reach_the_terminal() {
        assert_eq!(clean("a\x1b[31mb\nc"), "a [31mb c");
    }
}
