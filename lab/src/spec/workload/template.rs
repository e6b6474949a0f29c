//! Texts with values in them: `"/items?page={int 1 10}"`, `"u{user}"`. `{{` and `}}` are braces.

use serde_json::Value;

use super::dice::Dice;
use super::generator::{Generator, is_generator};
use super::text::{Notation, Written, Wrong};

/// A text with values in it.
pub type Template = Written<Pieces>;

/// A template's pieces, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Pieces(Vec<Piece>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// The value of a variable.
    Variable {
        /// Its name.
        name: String,
        /// Where the name stands, in characters from 0.
        offset: usize,
    },
    /// A value that is made.
    Drawn(Generator),
}

/// The values of variables.
pub trait Values {
    /// The value of the variable of this name; `None` while it has none.
    fn value(&self, name: &str) -> Option<Value>;
}

impl<F: Fn(&str) -> Option<Value>> Values for F {
    fn value(&self, name: &str) -> Option<Value> {
        self(name)
    }
}

/// A variable that has no value (yet).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no value yet")]
pub struct NoValue(pub String);

/// How a value is written into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// What is not a letter, a digit or one of `-._~` as `%` and its bytes: for paths and queries.
    Percent,
}

impl Notation for Pieces {
    const DESCRIPTION: &'static str = "text; {variable} and {generator …} stand for values";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let chars: Vec<char> = text.chars().collect();
        let (mut pieces, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while let Some(c) = chars.get(at) {
            match (c, chars.get(at + 1)) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    plain.push(*c);
                    at += 2;
                }
                ('}', _) => {
                    return Err(
                        Wrong::new(at, "a `}` without its `{`").allowed(&["`}}` for a brace"])
                    );
                }
                ('{', _) => {
                    let Some(length) = chars[at..].iter().position(|c| *c == '}') else {
                        let wrong = Wrong::new(at, "a `{` without its `}`");
                        return Err(wrong.allowed(&["`{{` for a brace"]));
                    };
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    let inner: String = chars[at + 1..at + length].iter().collect();
                    pieces.push(value(at + 1, &inner)?);
                    at += length + 1;
                }
                (c, _) => {
                    plain.push(*c);
                    at += 1;
                }
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }
}

/// What stands between braces, of which the first character is at `offset`.
fn value(offset: usize, inner: &str) -> Result<Piece, Wrong> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    for (n, c) in inner.chars().chain([' ']).enumerate() {
        match (c.is_whitespace(), &mut word) {
            (true, _) => words.extend(word.take()),
            (false, Some((_, text))) => text.push(c),
            (false, None) => word = Some((offset + n, c.to_string())),
        }
    }
    let words: Vec<(usize, &str)> = words.iter().map(|(at, w)| (*at, w.as_str())).collect();
    match words.as_slice() {
        [] => {
            Err(Wrong::new(offset, "nothing between braces")
                .allowed(&["{variable}", "{generator …}"]))
        }
        [(at, name)] if !is_generator(name) => match is_name(name) {
            true => Ok(Piece::Variable { name: (*name).to_owned(), offset: *at }),
            false => Err(Wrong::new(*at, format!("`{name}` is no name of a variable"))
                .allowed(&["letters, digits, `_` and `-`, beginning with a letter"])),
        },
        [name, words @ ..] => Generator::parse(*name, words).map(Piece::Drawn),
    }
}

/// Whether a variable may have this name.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl Pieces {
    /// The pieces, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.0.iter()
    }

    /// The variables, each with the place of its name in characters from 0.
    pub fn variables(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable { name, offset } => Some((name.as_str(), *offset)),
            _ => None,
        })
    }

    /// The value of the whole. A template that is nothing but one value keeps its type, so that `{int 1 9}`
    /// is a number in JSON; every other is text.
    ///
    /// # Errors
    /// The first variable without a value.
    pub fn value(&self, values: &dyn Values, dice: &mut Dice) -> Result<Value, NoValue> {
        match self.0.as_slice() {
            [one @ (Piece::Variable { .. } | Piece::Drawn(_))] => one.value(values, dice),
            _ => self.render(values, dice, Escape::None).map(Value::String),
        }
    }

    /// The whole as text; only values are escaped, not what is written in the template itself.
    ///
    /// # Errors
    /// The first variable without a value.
    pub fn render(
        &self,
        values: &dyn Values,
        dice: &mut Dice,
        escape: Escape,
    ) -> Result<String, NoValue> {
        let mut text = String::new();
        for piece in &self.0 {
            match (piece, escape) {
                (Piece::Text(plain), _) => text.push_str(plain),
                (piece, Escape::None) => text.push_str(&plain(&piece.value(values, dice)?)),
                (piece, Escape::Percent) => {
                    text.push_str(&percent(&plain(&piece.value(values, dice)?)));
                }
            }
        }
        Ok(text)
    }
}

impl Piece {
    fn value(&self, values: &dyn Values, dice: &mut Dice) -> Result<Value, NoValue> {
        match self {
            Self::Text(text) => Ok(Value::String(text.clone())),
            Self::Variable { name, .. } => values.value(name).ok_or_else(|| NoValue(name.clone())),
            Self::Drawn(generator) => Ok(generator.draw(dice)),
        }
    }
}

/// A value as text: text without quotes, everything else as JSON.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `text` as a value in a path or a query.
pub fn percent(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}
