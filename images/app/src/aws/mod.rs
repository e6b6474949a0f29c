//! Managed services, through their HTTP interfaces.

mod client;
mod dynamo;
mod s3;

pub use dynamo::{CartTable, Counts, Lines};
pub use s3::{Bucket, Refused};
