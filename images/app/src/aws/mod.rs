//! Managed services, through their HTTP interfaces.

mod bus;
mod client;
mod dynamo;
mod query;
mod s3;
mod ses;
mod sns;
mod sqs;
mod trouble;

pub use bus::Bus;
pub use dynamo::{CartTable, Counts, Lines};
pub use s3::{Bucket, Refused};
pub use ses::{Letter, Ses};
pub use sns::Topic;
pub use sqs::{Depth, Message, Queue};
pub use trouble::Trouble;

/// A message as it is handed over.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What it says.
    pub body: String,
    /// The trace that it belongs to, as the header `traceparent` writes it.
    pub traceparent: Option<String>,
}

/// Most messages in one request, of the queue and of the topic.
pub const BATCH: usize = 10;
