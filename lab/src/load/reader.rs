//! Asking a system, after all faults are healed, for what it holds: with patience, page by page or one by one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::Value;

use super::client::{Client, Failure};
use super::request::Call;
use super::site::Site;
use super::users::Users;
use crate::journal::{OpKind, Outcome};
use crate::spec::workload::outcome::unlike;
use crate::spec::workload::template::{NoValue, plain};
use crate::spec::workload::{
    Answer, Call as Made, Dice, Exec, JsonTemplate, Pages, Promise, Template, Values, Workload,
    call,
};

/// Longest wait for one answer; a target that is silent must not use up all the patience.
const ATTEMPT: Duration = Duration::from_secs(15);

/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// More pages than this lead nowhere.
const MOST_PAGES: usize = 10_000;

/// Requests under way at once.
const AT_ONCE: usize = 8;

/// Writes that certainly failed are asked for as well, but for no more than this: one that is there all the
/// same shows that failures cannot be believed.
const MOST_FAILED: usize = 200;

/// A write that may be read back.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBack {
    /// Which operation it is of.
    pub kind: OpKind,
    /// Its key.
    pub key: String,
    /// What the client knows.
    pub outcome: Outcome,
    /// Values that its answer gave.
    pub values: BTreeMap<String, Value>,
}

/// Reads through the front door, as the users of a workload.
pub struct Reader {
    client: Client,
    users: Users,
    patience: Duration,
}

/// Why one attempt gave nothing.
enum Miss {
    /// Another attempt may work.
    NotYet(String),
    /// No attempt will.
    Never(String),
}

impl Reader {
    /// Reads of what was written with keys of this prefix; a read that fails is tried again for so long.
    pub fn new(site: &Site, workload: &Arc<Workload>, prefix: &str, patience: Duration) -> Self {
        let users = Users::new(Arc::clone(workload), workload.users, prefix);
        Self { client: Client::new(site), users, patience }
    }

    /// Reads the keys of a prefix, page by page. Keys of other prefixes (`run-1` and `run-1-b` both begin with
    /// `run-1-`) are left out, and pages without one of ours.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn pages(
        &self,
        (pages, path): (&Pages, &Template),
        anonymous: bool,
        mut keep: impl FnMut(Vec<(String, u32)>),
    ) -> Result<(), String> {
        let around = self.users.around(0, true);
        let prefix = around.value("prefix").map_or_else(String::new, |prefix| plain(&prefix));
        let prefix = format!("{prefix}-");
        let mut after = String::new();
        for _ in 0..MOST_PAGES {
            let answer = self.get(path, &after, anonymous).await?;
            let mut keys = keys(pages, &answer)?;
            keys.retain(|(key, _)| is_ours(key, &prefix));
            if !keys.is_empty() {
                keep(keys);
            }
            let next = pages.next.as_ref().and_then(|place| place.first(&answer).ok());
            match next.filter(|next| !next.is_null()).map(|next| plain(&next)) {
                None => return Ok(()),
                Some(next) if next == after => {
                    return Err(format!("the page after {after:?} leads to itself"));
                }
                Some(next) => after = next,
            }
        }
        Err(format!("there are more than {MOST_PAGES} pages"))
    }

    /// How often each of these writes took effect, asked one by one. Those that cannot be asked for, because
    /// nobody knows how the system calls them, are left out.
    ///
    /// # Errors
    /// Why one could not be read.
    pub async fn each(
        &self,
        promise: &Promise,
        writes: &[ReadBack],
        anonymous: bool,
    ) -> Result<BTreeMap<String, u32>, String> {
        let (failed, others): (Vec<_>, Vec<_>) =
            writes.iter().partition(|write| write.outcome == Outcome::Fail);
        let asked = others.into_iter().chain(failed.into_iter().take(MOST_FAILED));
        let asks = asked.map(|write| async move {
            (write.key.clone(), self.one(promise, write, anonymous).await)
        });
        let mut answers = futures::stream::iter(asks).buffer_unordered(AT_ONCE);
        let mut found = BTreeMap::new();
        while let Some((key, effects)) = answers.next().await {
            if let Some(effects) = effects? {
                found.insert(key, effects);
            }
        }
        Ok(found)
    }

    async fn one(
        &self,
        promise: &Promise,
        write: &ReadBack,
        anonymous: bool,
    ) -> Result<Option<u32>, String> {
        if !promise.is_read_one_by_one() {
            return Ok(None);
        }
        let number = write.key.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let around = self.users.around(number, anonymous);
        let values = |name: &str| match name {
            "key" => Some(write.key.clone().into()),
            name => write.values.get(name).cloned().or_else(|| around.value(name)),
        };
        let make = || {
            let dice = &mut Dice::new(0, number);
            let call = call::read_back(self.users.workload(), promise, &values, dice)?;
            call.ok_or_else(|| NoValue("a promise that is read back".to_owned()))
        };
        if make().is_err() {
            return Ok(None);
        }
        let answer = self.answer(make, number, anonymous).await?;
        if unlike(&promise.is, &answer, &values, &mut Dice::new(0, number)).is_some()
            || promise.is.is_empty() && !(200..300).contains(&answer.status)
        {
            return Ok(Some(0));
        }
        let count = promise.count.as_ref().map(|place| place.first(&answer));
        match count {
            None => Ok(Some(1)),
            Some(Ok(count)) => match plain(&count).parse() {
                Ok(count) => Ok(Some(count)),
                Err(_) => Err(format!("{} is no number of effects", plain(&count))),
            },
            Some(Err(missing)) => Err(missing.to_string()),
        }
    }

    /// Gets a path of the workload, with success.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn get(
        &self,
        path: &Template,
        after: &str,
        anonymous: bool,
    ) -> Result<Answer, String> {
        self.get_with(path, &indexmap::IndexMap::new(), after, anonymous).await
    }

    /// The same with headers of its own.
    ///
    /// # Errors
    /// Why there was no success.
    pub async fn get_with(
        &self,
        path: &Template,
        headers: &indexmap::IndexMap<String, Template>,
        after: &str,
        anonymous: bool,
    ) -> Result<Answer, String> {
        let workload = self.users.workload();
        let make = || {
            let around = self.users.around(0, anonymous).with("after", after);
            call::get(workload, path, headers, &around, &mut Dice::new(0, 0))
        };
        let answer = self.answer(make, 0, anonymous).await?;
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(format!("status {status} for {path}")),
        }
    }

    /// Lets a command answer a line, with success.
    ///
    /// # Errors
    /// Why there was no success.
    pub async fn command(
        &self,
        exec: &Exec,
        line: Option<&JsonTemplate>,
    ) -> Result<Answer, String> {
        let make = || {
            let none = JsonTemplate::Map(indexmap::IndexMap::new());
            let around = self.users.around(0, true);
            call::command(exec, Some(line.unwrap_or(&none)), &around, &mut Dice::new(0, 0))
        };
        let answer = self.answer(|| make().map(|(call, _)| call), 0, true).await?;
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(format!("status {status} of {}", exec.command.join(" "))),
        }
    }

    /// An answer that says something: none of a system that is not able.
    async fn answer(
        &self,
        make: impl Fn() -> Result<Made, NoValue>,
        number: u64,
        anonymous: bool,
    ) -> Result<Answer, String> {
        let give_up = Instant::now() + self.patience;
        loop {
            let reason = match self.attempt(&make, number, anonymous, give_up).await {
                Ok(answer) => return Ok(answer),
                Err(Miss::Never(reason)) => return Err(reason),
                Err(Miss::NotYet(reason)) => reason,
            };
            if Instant::now() + PAUSE >= give_up {
                return Err(format!("{reason} (tried for {:?})", self.patience));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        make: impl Fn() -> Result<Made, NoValue>,
        number: u64,
        anonymous: bool,
        end: Instant,
    ) -> Result<Answer, Miss> {
        let deadline = end.min(Instant::now() + ATTEMPT);
        let mut session = None;
        if !anonymous {
            let begun = self.users.session(&self.client, number, deadline).await;
            session = Some(begun.map_err(|reason| Miss::NotYet(format!("sign-in: {reason}")))?);
        }
        let made = make().map_err(|missing| Miss::Never(format!("no value of {}", missing.0)))?;
        let call = self.users.dressed(Call::from(made), number);
        let reply = self.client.send(&call, deadline).await;
        let reply = reply.map_err(|failure| match failure {
            Failure::NotSent(reason) | Failure::Lost(reason) => Miss::NotYet(reason),
        })?;
        if let Some(session) = session {
            self.users.cookies(number, &reply.answer);
            if self.users.workload().refused.contains(&reply.status)
                && !self.users.workload().begin.is_empty()
            {
                self.users.refused(number, session).await;
                return Err(Miss::NotYet(format!("status {}", reply.status)));
            }
        }
        match reply.status {
            status @ (408 | 429 | 500..=599) => Err(Miss::NotYet(format!("status {status}"))),
            _ => Ok(reply.answer),
        }
    }
}

/// The keys of a page, each with its number of effects.
fn keys(pages: &Pages, answer: &Answer) -> Result<Vec<(String, u32)>, String> {
    let values = |place: &crate::spec::workload::Place| {
        let selector = place.meaning().map_err(|wrong| wrong.message.clone())?;
        selector.values(answer).map_err(|e| format!("the answer cannot be read: {e}"))
    };
    let keys = values(&pages.keys)?;
    let Some(counts) = &pages.counts else {
        return Ok(keys.iter().map(|key| (plain(key), 1)).collect());
    };
    let counts = values(counts)?;
    if counts.len() != keys.len() {
        return Err(format!("the answer has {} keys and {} counts", keys.len(), counts.len()));
    }
    let pair = |(key, count): (&Value, &Value)| {
        let count = plain(count).parse();
        count
            .map(|n| (plain(key), n))
            .map_err(|_| format!("no number of effects of {}", plain(key)))
    };
    keys.iter().zip(&counts).map(pair).collect()
}

/// Whether a key is one of `<prefix><number>`, or of `<prefix><part>-<number>`: a canary that was
/// started again continues under another part.
pub fn is_ours(key: &str, prefix: &str) -> bool {
    let rest = key.strip_prefix(prefix).unwrap_or_default();
    let (part, number) = rest.rsplit_once('-').unwrap_or(("0", rest));
    let is = |text: &str, fits: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| fits(&b));
    is(part, u8::is_ascii_hexdigit) && is(number, u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_prefix_count() {
        assert!(is_ours("run-1-20", "run-1-"));
        assert!(is_ours("run-1-b-20", "run-1-"));
        for other in ["run-1-silent-20", "run-1-b-", "run-1-", "run-12", "run-1-2x", "other-3"] {
            assert!(!is_ours(other, "run-1-"), "{other}");
        }
    }
}
