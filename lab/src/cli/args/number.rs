//! Values of options that are numbers. What is none is told which there are: the standard library's own
//! words ("invalid digit found in string") help nobody.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Reads a whole number of a range.
pub fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("a whole number from {} to {}", range.start(), range.end())),
    }
}

/// Reads how much is said: a number, or a word as other switches know it.
///
/// # Errors
/// It is neither.
pub fn verbosity(text: &str) -> Result<u8, String> {
    match text.to_ascii_lowercase().as_str() {
        "" | "no" | "n" | "false" | "f" | "off" => Ok(0),
        "yes" | "y" | "true" | "t" | "on" => Ok(1),
        number => {
            number.parse().map_err(|_| "a number: 0, 1 (each step) or 2 (diagnostics)".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_which_there_are() {
        let factor = whole(2..=20_u16);
        assert_eq!((factor("2"), factor("20")), (Ok(2), Ok(20)));
        for wrong in ["1", "21", "-2", "1e9", "2.5", "", "many", "99999999999999999999"] {
            assert_eq!(factor(wrong), Err("a whole number from 2 to 20".into()), "{wrong}");
        }
    }

    #[test]
    fn how_much_is_said_is_a_number_or_a_switch() {
        assert_eq!(["0", "2", "yes", "True", "off", ""].map(verbosity), [0, 2, 1, 1, 0, 0].map(Ok));
        assert!(verbosity("loud").is_err() && verbosity("-1").is_err());
    }
}
