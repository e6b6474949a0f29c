//! What a message asks for, and how far that is.

use serde_json::json;

use super::Worker;
use super::deliver::{Delivery, Done, Undone};
use crate::config::Job;
use crate::events::{Heard, NoEvent, OrderPlaced};

/// How the bus calls a mail that was sent.
const MAIL_SENT: &str = "mail-sent";

/// What a message asks for.
pub enum Errand {
    /// The mail of an order.
    Mail(OrderPlaced),
    /// Something is to be written down.
    Record(Heard),
}

/// An errand, as far as it is.
pub struct Progress<'a> {
    part: Part<'a>,
    /// Its effect, which the bus may not have been told of yet.
    done: Option<Done>,
}

enum Part<'a> {
    Mail(&'a OrderPlaced, Delivery<'a>),
    Record(&'a Heard),
}

impl Errand {
    /// Reads a message.
    ///
    /// # Errors
    /// It can never be handled.
    pub fn from_message(job: Job, body: &str) -> Result<Self, NoEvent> {
        Ok(match job {
            Job::Mail => Self::Mail(OrderPlaced::from_message(body)?),
            Job::Record => Self::Record(Heard::from_message(body)?),
        })
    }

    /// Key of its order.
    pub fn key(&self) -> &str {
        match self {
            Self::Mail(order) => &order.order_key,
            Self::Record(heard) => &heard.order_key,
        }
    }

    /// Nothing of it is done yet.
    pub fn begin(&self) -> Progress<'_> {
        let part = match self {
            Self::Mail(order) => Part::Mail(order, Delivery::of(order)),
            Self::Record(heard) => Part::Record(heard),
        };
        Progress { part, done: None }
    }
}

impl Worker {
    /// Goes on with an errand, as far as possible. The bus is told at least once: also of a mail that
    /// was sent before, whose worker may have died in between.
    ///
    /// # Errors
    /// Something failed; the next try goes on from there.
    pub async fn go_on(&self, progress: &mut Progress<'_>) -> Result<Done, Undone> {
        let done = match (progress.done, &mut progress.part) {
            (Some(done), _) => done,
            (None, Part::Mail(_, mail)) => self.post.deliver(mail, &self.stats).await?,
            (None, Part::Record(heard)) => self.post.record(heard).await?,
        };
        progress.done = Some(done);
        if let (Some(bus), Part::Mail(order, _)) = (&self.bus, &progress.part) {
            let told = bus.put(MAIL_SENT, &json!({ "order_key": order.order_key })).await;
            told.map_err(|trouble| Undone::Passing(format!("the event bus: {trouble}")))?;
        }
        Ok(done)
    }
}
