//! Toxics: what they are called and set to, and what each does to one direction of a connection.

mod bandwidth;
mod kind;
mod latency;
mod limit_data;
mod noop;
mod reset_peer;
mod slicer;
mod slow_close;
mod stage;
mod timeout;

use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

pub use kind::Kind;
pub use noop::Passing;
pub use stage::{Chunk, Ending, Item, Stage};

/// The toxics of a proxy in the order in which they were added.
pub type Toxics = Arc<Vec<Toxic>>;

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// From the caller to the called.
    Upstream,
    /// From the called to the caller.
    Downstream,
}

impl Stream {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// The direction of a name in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Upstream, Self::Downstream]
            .into_iter()
            .find(|s| name.eq_ignore_ascii_case(s.as_str()))
    }
}

/// A toxic of a proxy.
#[derive(Clone, Debug)]
pub struct Toxic {
    /// Unlike the name never used again.
    pub id: u64,
    /// Counts the changes of this toxic.
    pub revision: u64,
    /// Unique in its proxy.
    pub name: String,
    /// The direction it acts on.
    pub stream: Stream,
    /// The share of connections it acts on, 0 to 1.
    pub toxicity: f32,
    /// What it does.
    pub kind: Kind,
}

impl Serialize for Toxic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Toxic", 5)?;
        fields.serialize_field("attributes", &self.kind.attributes())?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("type", self.kind.type_name())?;
        fields.serialize_field("stream", &self.stream)?;
        fields.serialize_field("toxicity", &self.toxicity)?;
        fields.end()
    }
}
