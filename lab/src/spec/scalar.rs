//! What a bare word in YAML means: the rules of YAML's core schema, as the typed parser reads them.

/// The type and value of a bare word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number; one beyond the limits of the type stands at its limit.
    Whole(i128),
    /// Any other number, infinity included.
    Number(f64),
    /// Everything else.
    Text,
}

/// Reads a bare word.
pub(super) fn resolve(word: &str) -> Scalar {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Flag(true),
        "false" | "False" | "FALSE" => return Scalar::Flag(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Number(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Number(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Number(f64::NAN),
        _ => {}
    }
    whole(word).or_else(|| number(word)).unwrap_or(Scalar::Text)
}

fn whole(word: &str) -> Option<Scalar> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    let leading_zero = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    if digits.is_empty() || leading_zero || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
    Some(Scalar::Whole(sign * value))
}

fn number(word: &str) -> Option<Scalar> {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    // `inf`, `nan` and `infinity` are numbers to Rust and words to YAML; `007` is a word too.
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let leading_zero =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if !starts || leading_zero {
        return None;
    }
    let value: f64 = word.parse().ok()?;
    value.is_finite().then_some(Scalar::Number(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_the_typed_parser_reads() {
        for word in [
            "",
            "~",
            "null",
            "true",
            "True",
            "no",
            "yes",
            "on",
            "0",
            "7",
            "-7",
            "+7",
            "007",
            "0x1F",
            "0o17",
            "0b11",
            "1.5",
            "1e3",
            ".5",
            "5.",
            "1_000",
            "inf",
            "nan",
            ".inf",
            "-.inf",
            "-",
            "a",
            "1a",
            "0x",
            "18446744073709551615",
            "--1",
            "+-1",
        ] {
            let typed: serde_yaml::Value = serde_yaml::from_str(word).unwrap();
            let same = match resolve(word) {
                Scalar::Null => typed.is_null(),
                Scalar::Flag(flag) => typed.as_bool() == Some(flag),
                Scalar::Whole(n) => {
                    typed.as_u64().map(i128::from).or(typed.as_i64().map(i128::from)) == Some(n)
                }
                Scalar::Number(n) => typed.is_f64() && typed.as_f64() == Some(n),
                Scalar::Text => typed.is_string(),
            };
            // A lone `-` is an empty list to YAML, never a scalar.
            assert!(same || word == "-", "{word}: {typed:?} is not {:?}", resolve(word));
        }
    }
}
