//! The generators of values: ten, and no language to make more.

use jiff::civil::Date;
use jiff::{ToSpan, Unit};
use serde_json::{Value, json};

use super::dice::Dice;
use super::text::Wrong;

/// Name and use of each generator.
pub const GENERATORS: [(&str, &str); 10] = [
    ("int", "int FROM TO"),
    ("decimal", "decimal FROM TO PLACES"),
    ("zipf", "zipf FROM TO"),
    ("choice", "choice A B C"),
    ("bool", "bool"),
    ("uuid", "uuid"),
    ("hex", "hex LENGTH"),
    ("letters", "letters LENGTH"),
    ("words", "words COUNT"),
    ("date", "date FROM TO"),
];

/// Longest text that a generator makes, in characters, and most words.
const LONGEST: u64 = 100_000;

/// Words of which texts are made.
const WORDS: [&str; 24] = [
    "good", "red", "small", "old", "new", "light", "long", "round", "table", "river", "paper",
    "house", "bread", "stone", "apple", "glass", "garden", "letter", "moves", "holds", "finds",
    "keeps", "makes", "gives",
];

/// Makes a value for each operation that asks for one.
#[derive(Clone, Debug, PartialEq)]
pub enum Generator {
    /// A whole number from the first to the second, each as likely as the others.
    Int(i64, i64),
    /// A number with so many decimal places from the first to the second, counted in its smallest unit.
    Decimal(i64, i64, u32),
    /// A whole number from the first to the second, of which the first are asked for much more often: the
    /// logarithm of its place is even, so the first is as likely as the second and third together. It is
    /// close to Zipf's law, by which people ask for things.
    Zipf(i64, i64),
    /// One of these words.
    Choice(Vec<String>),
    /// `true` or `false`.
    Bool,
    /// A UUID of version 4.
    Uuid,
    /// So many hexadecimal digits.
    Hex(u64),
    /// So many lower-case letters.
    Letters(u64),
    /// So many words with spaces between them.
    Words(u64),
    /// A day from the first to the second, as `2025-01-31`.
    Date(Date, Date),
}

/// Whether a generator has this name.
pub fn is_generator(name: &str) -> bool {
    GENERATORS.iter().any(|(known, _)| *known == name)
}

impl Generator {
    /// The generator of this name with these words behind it, each with its offset.
    ///
    /// # Errors
    /// There is none, or not with these words.
    pub fn parse(name: (usize, &str), words: &[(usize, &str)]) -> Result<Self, Wrong> {
        let usage = GENERATORS.iter().find(|(known, _)| *known == name.1);
        let Some((_, usage)) = usage else {
            let names: Vec<&str> = GENERATORS.iter().map(|(name, _)| *name).collect();
            let message = format!("unknown generator `{}`", name.1);
            return Err(Wrong::new(name.0, message).word(name.1).allowed(&names));
        };
        let arguments = Arguments { name, words, usage };
        match name.1 {
            "int" => arguments.range().map(|(from, to)| Self::Int(from, to)),
            "decimal" => arguments.decimal(),
            "zipf" => arguments.range().map(|(from, to)| Self::Zipf(from, to)),
            "choice" if words.is_empty() => Err(arguments.wrong(name.0)),
            "choice" => Ok(Self::Choice(words.iter().map(|(_, w)| (*w).to_owned()).collect())),
            "bool" => arguments.none(Self::Bool),
            "uuid" => arguments.none(Self::Uuid),
            "hex" => arguments.count().map(Self::Hex),
            "letters" => arguments.count().map(Self::Letters),
            "words" => arguments.count().map(Self::Words),
            _ => arguments.date(),
        }
    }

    /// The next value.
    pub fn draw(&self, dice: &mut Dice) -> Value {
        match self {
            Self::Int(from, to) => json!(between(dice, *from, *to)),
            Self::Decimal(from, to, places) => {
                let scale = 10_f64.powi(i32::try_from(*places).unwrap_or(0));
                json!(between(dice, *from, *to) as f64 / scale)
            }
            Self::Zipf(from, to) => {
                let count = from.abs_diff(*to) as f64 + 1.0;
                // From 1 to the count; the last could be rounded to one more.
                let place = (dice.unit() * (count + 1.0).ln()).exp().floor().clamp(1.0, count);
                json!(from.saturating_add(place as i64 - 1))
            }
            Self::Choice(words) => json!(pick(dice, words)),
            Self::Bool => json!(dice.below(2) == 1),
            Self::Uuid => json!(uuid(dice)),
            Self::Hex(length) => json!(text(dice, *length, b"0123456789abcdef")),
            Self::Letters(length) => json!(text(dice, *length, b"abcdefghijklmnopqrstuvwxyz")),
            Self::Words(count) => {
                let words: Vec<&str> = (0..*count).map(|_| *pick(dice, &WORDS)).collect();
                json!(words.join(" "))
            }
            Self::Date(from, to) => {
                let days =
                    i64::from(from.until((Unit::Day, *to)).map_or(0, |span| span.get_days()));
                let day = from.saturating_add(between(dice, 0, days).days());
                json!(day.to_string())
            }
        }
    }
}

fn between(dice: &mut Dice, from: i64, to: i64) -> i64 {
    let count = from.abs_diff(to).saturating_add(1);
    from.saturating_add_unsigned(dice.below(count))
}

fn pick<'a, T>(dice: &mut Dice, of: &'a [T]) -> &'a T {
    // Nothing is picked of nothing: lists are not empty, and the index is below their length.
    &of[dice.below(of.len() as u64) as usize]
}

fn text(dice: &mut Dice, length: u64, letters: &[u8]) -> String {
    (0..length).map(|_| char::from(*pick(dice, letters))).collect()
}

fn uuid(dice: &mut Dice) -> String {
    // RFC 9562: version 4 and the variant are written over random bits.
    let bits =
        dice.bits() & !(0xf_u128 << 76) & !(0x3_u128 << 62) | 0x4_u128 << 76 | 0x2_u128 << 62;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The words behind a generator's name.
struct Arguments<'a> {
    name: (usize, &'a str),
    words: &'a [(usize, &'a str)],
    usage: &'static str,
}

impl Arguments<'_> {
    fn wrong(&self, offset: usize) -> Wrong {
        let message = format!("`{}` is not used like this", self.name.1);
        Wrong::new(offset, message).allowed(&[&format!("{{{}}}", self.usage)])
    }

    fn of<const N: usize>(&self) -> Result<[(usize, &str); N], Wrong> {
        self.words.try_into().map_err(|_| self.wrong(self.name.0))
    }

    fn parsed<T: std::str::FromStr>(&self, (offset, word): (usize, &str)) -> Result<T, Wrong> {
        word.parse().map_err(|_| self.wrong(offset))
    }

    fn none(&self, generator: Generator) -> Result<Generator, Wrong> {
        self.of::<0>().map(|_| generator)
    }

    fn range(&self) -> Result<(i64, i64), Wrong> {
        let [from, to] = self.of()?;
        self.in_order(from.0, self.parsed(from)?, self.parsed(to)?)
    }

    fn in_order<T: PartialOrd>(&self, offset: usize, from: T, to: T) -> Result<(T, T), Wrong> {
        if from > to {
            let message = format!("the range of `{}` ends before it begins", self.name.1);
            return Err(Wrong::new(offset, message));
        }
        Ok((from, to))
    }

    fn count(&self) -> Result<u64, Wrong> {
        let [count] = self.of()?;
        match self.parsed(count)? {
            n @ 1..=LONGEST => Ok(n),
            _ => {
                let message = format!("{} is out of range", count.1);
                Err(Wrong::new(count.0, message).allowed(&[&format!("1 to {LONGEST}")]))
            }
        }
    }

    fn decimal(&self) -> Result<Generator, Wrong> {
        let [from, to, places] = self.of()?;
        let count: u32 = self.parsed(places)?;
        if count > 6 {
            let message = format!("{count} places are too many");
            return Err(Wrong::new(places.0, message).allowed(&["0 to 6"]));
        }
        let unit = |(offset, word): (usize, &str)| {
            let scaled = self.parsed::<f64>((offset, word))? * 10_f64.powi(count as i32);
            // Whole numbers beyond this are no longer told apart.
            if scaled.abs() > 9e15 { Err(self.wrong(offset)) } else { Ok(scaled.round() as i64) }
        };
        let (from, to) = self.in_order(from.0, unit(from)?, unit(to)?)?;
        Ok(Generator::Decimal(from, to, count))
    }

    fn date(&self) -> Result<Generator, Wrong> {
        let [from, to] = self.of()?;
        let (from, to) = self.in_order(from.0, self.parsed(from)?, self.parsed(to)?)?;
        Ok(Generator::Date(from, to))
    }
}
