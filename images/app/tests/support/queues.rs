//! Web tasks that write events, and workers that take them, on one database and one emulator.

use super::app::{App, Http};
use super::aws::Emulator;
use super::postgres::Postgres;
use super::until;

/// What a test of queues runs on.
pub struct Site {
    pub db: Postgres,
    pub emulator: Emulator,
    settings: Vec<(&'static str, String)>,
}

impl Site {
    /// A database and an emulator. A message that is not acknowledged comes again after a second.
    pub async fn start() -> Self {
        let (db, emulator) = (Postgres::start(&[]).await, Emulator::start().await);
        let mut settings = emulator.settings().to_vec();
        settings.push(("ORDER_EVENTS", "on".into()));
        settings.push(("QUEUE_VISIBILITY_S", "1".into()));
        Self { db, emulator, settings }
    }

    fn env<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let settings = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        settings.chain(more.iter().copied()).collect()
    }

    /// A web task.
    pub async fn web(&self, more: &[(&str, &str)]) -> App {
        App::start(&[&self.db], &self.env(more)).await
    }

    /// A worker.
    pub async fn worker(&self, more: &[(&str, &str)]) -> App {
        App::start(&[&self.db], &self.env(&[more, &[("ROLE", "worker")]].concat())).await
    }

    /// Waits until everything is told and handled. The outbox is asked first: what is not in it any
    /// more is in the queue, or handled.
    pub async fn settled(&self, http: &Http, queue: &str) {
        until("nothing waits in the outbox or in the queue", || async {
            let told = "SELECT count(*) FROM outbox WHERE sent_at IS NULL";
            let left = self.db.admin("shop").await.query_one(told, &[]).await.expect("a count");
            if left.get::<_, i64>(0) > 0 {
                return None;
            }
            (self.emulator.messages(http, queue).await == 0).then_some(())
        })
        .await;
    }
}
