//! A span as far as the control plane needs it.

use serde::Serialize;

use crate::journal::Micros;

/// What a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Work within a service.
    Internal,
    /// A request that is served.
    Server,
    /// A request that is sent.
    Client,
    /// A message that is handed over.
    Producer,
    /// A message that is handled.
    Consumer,
}

impl Kind {
    /// The kind that OTLP gives this number.
    pub fn of_number(number: u64) -> Self {
        match number {
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Internal,
        }
    }

    /// OTLP's number.
    pub fn number(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
            Self::Producer => 4,
            Self::Consumer => 5,
        }
    }
}

/// A piece of work that has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Its trace, in hexadecimal.
    pub trace: String,
    /// Itself, in hexadecimal.
    pub id: String,
    /// The span that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Whether it is part of the sample. One that is not was kept because it failed or was slow, and
    /// tells nothing about how many there were.
    pub sampled: bool,
    /// Who did it: the tier.
    pub service: String,
    /// Which node.
    pub node: String,
    /// Who was called, or whose message it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// What it stands for.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// When it began.
    pub start: Micros,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Why it failed, if it did; empty when nobody says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
