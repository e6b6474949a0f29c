//! Where a queue is, for whoever asks the emulator itself.

use std::net::SocketAddrV4;

use serde::{Deserialize, Serialize};

use crate::spec::model::Name;

/// A queue that a tier of workers takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAt {
    /// Its name.
    pub name: Name,
    /// The tier of workers that takes it.
    pub tier: Name,
    /// The emulator's node.
    pub node: Name,
    /// Where that answers.
    pub at: SocketAddrV4,
    /// The provider's region that it stands in.
    pub region: String,
    /// Where the workers answer.
    pub workers: Vec<SocketAddrV4>,
    /// Where other workers, and those who publish, answer. They know the outbox, too, while none of a
    /// function's own tasks runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<SocketAddrV4>,
}

impl QueueAt {
    /// The queue that gets what nobody can handle, as the demo application calls it.
    pub fn dead_letters(&self) -> String {
        format!("{}-dead", self.name)
    }
}
