//! Texts in a workload that have a language of their own: templates, selectors, request lines, conditions.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is wrong in a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The first character that is wrong, counted from 0.
    pub offset: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// The word that is wrong, where it is a word.
    pub word: Option<String>,
    /// What may stand there.
    pub allowed: Vec<String>,
}

impl Wrong {
    /// Something wrong at a character, counted from 0.
    pub fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), word: None, allowed: Vec::new() }
    }

    /// With what may stand there.
    #[must_use]
    pub fn allowed(mut self, allowed: &[&str]) -> Self {
        self.allowed = allowed.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// With the word that is wrong: what is closest to it is suggested.
    #[must_use]
    pub fn word(mut self, word: &str) -> Self {
        self.word = Some(word.to_owned());
        self
    }

    /// The same in a longer text, in which this one begins at `offset`.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.offset += offset;
        self
    }
}

/// A language that texts of a workload are written in.
pub trait Notation: Sized {
    /// What such a text is, for the schema.
    const DESCRIPTION: &'static str;

    /// What a text means.
    ///
    /// # Errors
    /// The first thing that is wrong in it.
    fn parse(text: &str) -> Result<Self, Wrong>;
}

/// A text and what it means. It is kept when it means nothing, too, so that a file with one mistake can be
/// checked as a whole; a workload that was parsed without a problem has none of those.
#[derive(Clone, Debug)]
pub struct Written<T> {
    text: String,
    meaning: Result<T, Wrong>,
}

impl<T: Notation> Written<T> {
    /// A text as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { meaning: T::parse(&text), text }
    }
}

impl<T> Written<T> {
    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it means.
    ///
    /// # Errors
    /// What is wrong in it.
    pub fn meaning(&self) -> Result<&T, &Wrong> {
        self.meaning.as_ref()
    }
}

impl<T> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Written<T> {}

impl<T> Hash for Written<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<T> fmt::Display for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T: Notation> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl<T: Notation> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "description": T::DESCRIPTION })
    }
}
