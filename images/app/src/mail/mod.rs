//! Mails of orders.

mod letter;
mod record;

pub use letter::letter;
pub use record::{Intend, Intent, MarkSent, Note, Recorded};
