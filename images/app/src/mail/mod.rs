//! Mails of orders.

mod inline;
mod letter;
mod record;

pub use inline::Inline;
pub use letter::letter;
pub use record::{Intend, Intent, MarkSent, Note, Recorded};
