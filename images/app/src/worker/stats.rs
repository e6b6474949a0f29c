//! What a worker counts.

use std::sync::atomic::AtomicU64;

/// Counters.
#[derive(Default)]
pub struct Stats {
    /// Messages received.
    pub received: AtomicU64,
    /// Messages that had an effect.
    pub effects: AtomicU64,
    /// Messages whose effect was there before.
    pub repeats: AtomicU64,
    /// Messages acknowledged.
    pub acknowledged: AtomicU64,
    /// Messages that cannot be handled.
    pub refused: AtomicU64,
    /// Messages that were given back because something else failed.
    pub given_back: AtomicU64,
    /// Tries of an effect that failed and may succeed later.
    pub tries_failed: AtomicU64,
    /// Mails that the mail service has taken.
    pub mails: AtomicU64,
    /// Questions for messages that were not answered.
    pub receive_failures: AtomicU64,
    /// Acknowledgements that were not taken: the message comes again.
    pub ack_failures: AtomicU64,
}
