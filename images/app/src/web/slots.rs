//! A limit on what is served at the same time, as a server with a fixed number of threads has it, and
//! the bulkhead in it: what waits for a slow service must not sink the rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::metrics::{head, line, single};
use crate::config::Inline;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Part of the slots that requests may have which send mail.
const SHARE: usize = 4;

/// The slots.
pub struct Slots {
    all: Semaphore,
    /// Those of requests that send mail, when they are kept apart.
    mail: Option<Semaphore>,
    patience: Duration,
    refused: AtomicU64,
}

impl Slots {
    /// Slots that are all free.
    pub fn new(settings: Inline) -> Self {
        Self::with_patience(settings, PATIENCE)
    }

    fn with_patience(settings: Inline, patience: Duration) -> Self {
        let mail = if settings.bulkhead { settings.slots / SHARE } else { 0 };
        Self {
            all: Semaphore::new(settings.slots - mail),
            mail: settings.bulkhead.then(|| Semaphore::new(mail)),
            patience,
            refused: AtomicU64::new(0),
        }
    }

    /// A slot for a request, which may send mail; `None` when its turn does not come in time.
    pub async fn enter(&self, sends_mail: bool) -> Option<SemaphorePermit<'_>> {
        let slots = self.mail.as_ref().filter(|_| sends_mail).unwrap_or(&self.all);
        let turn = tokio::time::timeout(self.patience, slots.acquire()).await;
        let slot = turn.ok().and_then(Result::ok);
        self.refused.fetch_add(slot.is_none().into(), Ordering::Relaxed);
        slot
    }

    /// Free slots: of requests that send mail if they are kept apart, and all others.
    fn free(&self) -> (Option<usize>, usize) {
        let mail = self.mail.as_ref().map(Semaphore::available_permits);
        (mail, self.all.available_permits())
    }

    /// Its metrics.
    pub fn render(&self, out: &mut String) {
        let (mail, all) = self.free();
        head(out, "shop_slots_free", "gauge", "Requests that could be served at once.");
        line(out, format_args!("shop_slots_free{{of=\"all\"}} {all}"));
        if let Some(mail) = mail {
            line(out, format_args!("shop_slots_free{{of=\"mail\"}} {mail}"));
        }
        let refused = self.refused.load(Ordering::Relaxed);
        let help = "Requests whose turn did not come.";
        single(out, "shop_slots_refused_total", "counter", help, refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn behind_a_bulkhead_mail_takes_its_part_and_no_more() {
        let slots = Slots::new(Inline { slots: 8, bulkhead: true });
        let (one, two) = (slots.enter(true).await, slots.enter(true).await);
        assert!(one.is_some() && two.is_some());
        assert_eq!(slots.free(), (Some(0), 6));
        assert!(slots.enter(false).await.is_some());
    }

    #[tokio::test]
    async fn without_one_mail_takes_everything() {
        let settings = Inline { slots: 4, bulkhead: false };
        let slots = Slots::with_patience(settings, Duration::from_millis(1));
        let taken = futures::future::join_all((0..4).map(|_| slots.enter(true))).await;
        assert!(taken.iter().all(Option::is_some));
        assert!(slots.enter(false).await.is_none(), "nothing is left for others");
        assert_eq!(slots.refused.load(Ordering::Relaxed), 1);
        drop(taken);
        assert!(slots.enter(false).await.is_some());
    }
}
