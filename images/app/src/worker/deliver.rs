//! The effect of a message: a mail. It is written down that it is to be sent, it is sent, and it is
//! written down that it was. The rows are there once; the mail service is asked at least once, for a
//! worker may die between the second step and the third.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::aws::{Ses, Trouble};
use crate::db::{Db, Failure, GaveUp, Visit, Work};
use crate::events::{Heard, OrderPlaced};
use crate::mail::{Intend, Intent, MarkSent, Note, Recorded, letter};

use super::record::Record;
use super::stats::Stats;

/// How much longer than the mail service may take nobody else sends a mail: time for the database.
const SLACK: Duration = Duration::from_secs(5);

/// Delivers mails.
pub struct Post {
    db: Db,
    /// Absent when a mail is sent by being written down.
    ses: Option<Ses>,
    dedupe: bool,
}

/// The mail of one order, as far as it is.
pub struct Delivery<'a> {
    order: &'a OrderPlaced,
    sender: i64,
    /// Number of the row, when there is one that no claim guards.
    noted: Option<i64>,
    /// Number of the row and the mail service's number, once that has taken the mail.
    sent: Option<(i64, Option<String>)>,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is sent.
    New,
    /// It was sent before.
    Before,
}

/// Why a mail is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It may be sent later.
    Passing(String),
    /// It never will be.
    Never(String),
}

impl From<GaveUp<std::convert::Infallible>> for Undone {
    fn from(gave_up: GaveUp<std::convert::Infallible>) -> Self {
        match gave_up {
            GaveUp::Rejected(never) => match never {},
            GaveUp::Failed(Failure { cause, detail, .. }) if cause.is_passing() => {
                Self::Passing(detail)
            }
            GaveUp::Failed(failure) => Self::Never(failure.detail),
        }
    }
}

impl From<Trouble> for Undone {
    fn from(trouble: Trouble) -> Self {
        let why = format!("the mail service: {trouble}");
        if trouble.is_passing() { Self::Passing(why) } else { Self::Never(why) }
    }
}

impl<'a> Delivery<'a> {
    /// The mail of an order, of which nothing is done yet.
    pub fn of(order: &'a OrderPlaced) -> Self {
        Self { order, sender: rand::random(), noted: None, sent: None }
    }
}

impl Post {
    /// Sends through `ses`, if it is there; with `dedupe` an order has one mail.
    pub fn new(db: Db, ses: Option<Ses>, dedupe: bool) -> Self {
        Self { db, ses, dedupe }
    }

    /// Goes on with a mail, as far as possible.
    ///
    /// # Errors
    /// Something failed; the next try goes on from there.
    pub async fn deliver(
        &self,
        mail: &mut Delivery<'_>,
        stats: &Arc<Stats>,
    ) -> Result<Done, Undone> {
        if self.ses.is_none() && self.dedupe {
            let new = self.write(&Recorded { order: mail.order }).await?;
            return Ok(if new { Done::New } else { Done::Before });
        }
        let (id, message_id) = match mail.sent.take() {
            Some(sent) => sent,
            None => {
                let Some(id) = self.take_on(mail).await? else { return Ok(Done::Before) };
                (id, self.send(mail.order, stats).await?)
            }
        };
        let marked = self.write(&MarkSent { id, message_id: message_id.as_deref() }).await;
        if marked.is_err() {
            // The next try must not send it again.
            mail.sent = Some((id, message_id));
        }
        marked.map(|()| Done::New)
    }

    /// Writes down what was heard.
    ///
    /// # Errors
    /// Something failed.
    pub async fn record(&self, heard: &Heard) -> Result<Done, Undone> {
        let new = self.write(&Record { heard }).await?;
        Ok(if new { Done::New } else { Done::Before })
    }

    /// The number of the mail's row; `None` when the mail was sent before. With every try nobody
    /// else may send it for a while.
    async fn take_on(&self, mail: &mut Delivery<'_>) -> Result<Option<i64>, Undone> {
        let order = mail.order;
        if !self.dedupe {
            if mail.noted.is_none() {
                mail.noted = Some(self.write(&Note { order }).await?);
            }
            return Ok(mail.noted);
        }
        let lease = self.ses.as_ref().map_or(SLACK, |ses| ses.timeout() + SLACK);
        match self.write(&Intend { order, sender: mail.sender, lease }).await? {
            Intent::Own(id) => Ok(Some(id)),
            Intent::Sent => Ok(None),
            Intent::Elsewhere => Err(Undone::Passing("another worker is sending it".into())),
        }
    }

    async fn send(
        &self,
        order: &OrderPlaced,
        stats: &Arc<Stats>,
    ) -> Result<Option<String>, Undone> {
        let Some(ses) = &self.ses else { return Ok(None) };
        let message_id = ses.send(&letter(order)).await?;
        stats.mails.fetch_add(1, Ordering::Relaxed);
        Ok(Some(message_id))
    }

    async fn write<W>(&self, work: &W) -> Result<W::Output, Undone>
    where
        W: Work<Rejection = std::convert::Infallible>,
    {
        Ok(self.db.run(&Visit::default(), work).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Cause;

    #[test]
    fn what_passes_is_told_from_what_never_works() {
        let failed = |cause| Undone::from(GaveUp::Failed(Failure::clean(cause, "x")));
        for cause in [Cause::NoPrimary, Cause::TimedOut, Cause::Conflict, Cause::NoSchema] {
            assert_eq!(failed(cause), Undone::Passing("x".into()), "{cause:?}");
        }
        assert_eq!(failed(Cause::Refused), Undone::Never("x".into()));
        let passing = Undone::from(Trouble::Missing("x".into()));
        assert!(matches!(passing, Undone::Passing(_)), "{passing:?}");
        let never = Undone::from(Trouble::Never("x".into()));
        assert!(matches!(never, Undone::Never(_)), "{never:?}");
    }
}
