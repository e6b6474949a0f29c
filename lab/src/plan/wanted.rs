//! What a stage needs of its managed services beside that they answer.

use std::fmt;
use std::net::SocketAddrV4;

use serde::{Deserialize, Serialize};

use crate::spec::model::Name;

/// Something that the demo application makes at a managed service when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The emulator's node.
    pub node: Name,
    /// Where that answers.
    pub at: SocketAddrV4,
    /// The provider's region that it stands in.
    pub region: String,
    /// What is to be there.
    pub resource: Resource,
}

/// What can be made there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "resource", rename_all = "kebab-case")]
pub enum Resource {
    /// A queue.
    Queue {
        /// Its name.
        name: String,
    },
    /// A topic passes on to a queue.
    Subscription {
        /// The topic.
        topic: Name,
        /// The queue.
        queue: Name,
    },
    /// A rule of a bus routes to a queue. It has the queue's name.
    Rule {
        /// The bus.
        bus: Name,
        /// The queue.
        queue: Name,
    },
    /// A bucket.
    Bucket {
        /// Its name.
        name: Name,
    },
    /// A table, with its indexes.
    Table {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue { name } => write!(f, "the queue {name}"),
            Self::Subscription { topic, queue } => {
                write!(f, "the subscription of {queue} to the topic {topic}")
            }
            Self::Rule { bus, queue } => write!(f, "the rule of the bus {bus} for {queue}"),
            Self::Bucket { name } => write!(f, "the bucket {name}"),
            Self::Table { name } => write!(f, "the table {name}"),
        }
    }
}
