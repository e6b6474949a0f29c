//! What one user does: from the planned operation to what the answer proves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::classify::{Answer, classify};
use super::client::{Client, Failure};
use super::connection::Reply;
use super::list;
use super::request::Call;
use super::users::{Around, Users};
use crate::journal::{Caches, Listed, Op, OpKind, Session, Showed};
use crate::spec::workload::{
    Dice, Operation, Plan, Planned, Promise, Proof, Register, Template, Values, Within, call,
    template,
};

/// How long a further look at a list may take.
const LOOK: Duration = Duration::from_secs(2);

/// One operation of one user.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Sends it.
    pub client: &'a Client,
    /// Who does it.
    pub users: &'a Users,
    /// What all of the traffic follows from.
    pub plan: &'a Plan,
    /// What is done.
    pub planned: &'a Planned,
    /// How long the user waits.
    pub deadline: Instant,
    /// Whether it is sent over a connection of its own.
    pub anew: bool,
}

/// What is worth writing down beside the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noted {
    /// Which version of the user's register was written or seen.
    pub session: Option<Session>,
    /// What was put into a list, or shown of it.
    pub listed: Option<Listed>,
    /// Values by which the write is read back.
    pub values: BTreeMap<String, Value>,
    /// What caches did for a read.
    pub caches: Option<Caches>,
}

impl Noted {
    /// Writes it down beside the outcome.
    pub fn into_op(self, op: Op) -> Op {
        let Self { session, listed, values, caches } = self;
        Op { session, listed, values, caches, ..op }
    }
}

/// The name that journals give to a planned operation.
pub fn kind(plan: &Plan, planned: &Planned) -> OpKind {
    let Some((name, operation)) = plan.operation(planned) else { return OpKind::new("unknown") };
    match (&operation.register, planned.reads) {
        (None, _) => OpKind::new(name),
        (Some(_), true) => OpKind::new(&format!("read-{name}")),
        (Some(_), false) => OpKind::new(&format!("write-{name}")),
    }
}

/// Whether a planned operation changes something.
pub fn is_write(plan: &Plan, planned: &Planned) -> bool {
    plan.operation(planned).is_some_and(|(_, o)| o.is_write() && !planned.reads)
}

impl Visit<'_> {
    /// Carries it out.
    pub async fn perform(&self) -> (Answer, Noted) {
        let Some((_, operation)) = self.plan.operation(self.planned) else {
            return (Answer::NotSent("nothing is planned".into()), Noted::default());
        };
        let session = match operation.anonymous {
            true => Ok(None),
            false => {
                let begun = self.users.session(self.client, self.number(), self.deadline).await;
                begun.map(Some)
            }
        };
        let session = match session {
            Ok(session) => session,
            Err(reason) => {
                return (Answer::NotSent(format!("sign-in: {reason}")), Noted::default());
            }
        };
        let ended = match (&operation.register, &operation.lists) {
            (Some(register), _) => self.register(operation, register, session).await,
            (None, Some(other)) => self.list(operation, other, session).await,
            (None, None) => self.plain(operation, session).await,
        };
        ended.unwrap_or_else(|missing| {
            let reason = format!("no value of {}", missing.0);
            (Answer::NotSent(reason), Noted::default())
        })
    }

    async fn plain(&self, operation: &Operation, session: Option<u64>) -> Ended {
        let (around, mut dice) = (self.around(operation), self.dice());
        let workload = self.users.workload();
        let (call, made) = call::call(workload, operation, &around, &mut dice)?;
        let values = Within { made: &made, around: &around };
        let (answer, reply) = self.send(operation, call.into(), session, &values).await;
        let Some(reply) = reply.filter(|_| is_done(&answer)) else {
            // Of an error nothing is kept: it shows nothing.
            return Ok((answer, Noted::default()));
        };
        let listed = operation.listed().and_then(|promise| {
            list::wrote(workload, promise, &values, &reply.answer, self.number())
        });
        let noted = Noted {
            listed,
            values: read_back_by(operation, &values, &reply),
            caches: reply.caches.filter(|_| !operation.is_write()),
            session: None,
        };
        Ok((answer, noted))
    }

    /// What a list shows, by its path; nothing when the answer has no list.
    ///
    /// # Errors
    /// Why there was no answer that could show anything.
    pub async fn look_at(&self, path: String, promise: &Promise) -> Result<Option<Showed>, String> {
        let (workload, own) = (self.users.workload(), indexmap::IndexMap::new());
        let template = Template::new(path.replace('{', "{{").replace('}', "}}"));
        let around = self.users.around(self.number(), false);
        let call = call::get(workload, &template, &own, &around, &mut self.dice());
        let call = call.map_err(|missing| format!("no value of {}", missing.0))?;
        // The path has its final form already.
        let call = Call { path: path.clone(), ..self.users.dressed(call.into(), self.number()) };
        let deadline = self.deadline.max(Instant::now() + LOOK);
        let reply = self.client.send(&call, deadline).await.map_err(|failure| match failure {
            Failure::NotSent(reason) | Failure::Lost(reason) => reason,
        })?;
        if !(200..300).contains(&reply.status) {
            return Err(format!("GET {path}: status {}", reply.status));
        }
        match list::showed(promise, path, &reply.answer, &self.plan.key_prefix) {
            Some(Listed::Showed(shown)) => Ok(Some(shown)),
            _ => Ok(None),
        }
    }

    /// Looks at the list of another operation's promise.
    async fn list(&self, operation: &Operation, other: &str, session: Option<u64>) -> Ended {
        let workload = self.users.workload();
        let nothing = || template::NoValue(format!("the list of `{other}`"));
        let writer = workload.operations.get(other).ok_or_else(nothing)?;
        let promise = writer.listed().ok_or_else(nothing)?;
        let line = promise.listed.as_ref().ok_or_else(nothing)?;
        let (around, mut dice) = (self.around(operation), self.dice());
        let made = call::made(writer, &around, &mut dice)?;
        let values = Within { made: &made, around: &around };
        let call = call::line(workload, line, &values, &mut dice)?;
        let path = call.path.clone();
        let (answer, reply) = self.send(operation, call.into(), session, &values).await;
        let Some(reply) = reply.filter(|_| is_done(&answer)) else {
            return Ok((answer, Noted::default()));
        };
        let listed = list::showed(promise, path, &reply.answer, &self.plan.key_prefix);
        Ok((answer, Noted { listed, caches: reply.caches, ..Noted::default() }))
    }

    async fn register(
        &self,
        operation: &Operation,
        register: &Register,
        session: Option<u64>,
    ) -> Ended {
        let mut dice = self.dice();
        let workload = self.users.workload();
        let read = call::line(workload, &register.read, &self.around(operation), &mut dice)?;
        // Who signs in anew may be somebody else to the system: then the path tells.
        let user = format!("{} {}", self.users.index(self.number()), read.path);
        if self.planned.reads {
            let around = self.around(operation);
            let call = read;
            let (answer, reply) = self.send(operation, call.into(), session, &around).await;
            let (answer, version) = seen(register, answer, reply.as_ref());
            if let Some(version) = version {
                self.users.saw(self.number(), self.planned.operation, version);
            }
            let session = version.map(|version| Session { user, version });
            return Ok((answer, Noted { session, ..Noted::default() }));
        }
        let Some(turn) = self.users.turn(self.number(), self.planned.operation) else {
            // Who is still waiting for an answer does not send the next version.
            let answer = Answer::NotSent("the version before is under way".into());
            return Ok((answer, Noted::default()));
        };
        if !turn.is_known() {
            // Who writes for the first time looks what is there: an account may be older than this traffic.
            let around = self.around(operation);
            let (answer, reply) = self.send(operation, read.into(), session, &around).await;
            let (answer, version) = seen(register, answer, reply.as_ref());
            let Some(version) = version else {
                let (_, detail) = classify(false, &answer);
                let reason = format!("what is there could not be read: {detail}");
                return Ok((Answer::NotSent(reason), Noted::default()));
            };
            self.users.saw(self.number(), self.planned.operation, version);
        }
        let version = turn.next();
        let around = self.around(operation).with("version", version);
        let call = call::register(workload, register, &around, &mut dice)?;
        let (answer, _) = self.send(operation, call.into(), session, &around).await;
        let session = Some(Session { user, version });
        Ok((answer, Noted { session, ..Noted::default() }))
    }

    /// Sends a call, and keeps what its answer says.
    async fn send(
        &self,
        operation: &Operation,
        call: Call,
        session: Option<u64>,
        values: &dyn SyncValues,
    ) -> (Answer, Option<Reply>) {
        let call = Call { anew: self.anew, ..self.users.dressed(call, self.number()) };
        let reply = match self.client.send(&call, self.deadline).await {
            Ok(reply) => reply,
            Err(failure) => return (failure.into(), None),
        };
        if let Some(session) = session {
            self.users.cookies(self.number(), &reply.answer);
            if self.users.workload().refused.contains(&reply.status) {
                self.users.refused(self.number(), session).await;
            }
        }
        let values: &dyn Values = values;
        let proof = operation.proof(&reply.answer, values, &mut self.dice());
        if operation.is_good(reply.status) && !operation.anonymous {
            self.users.take(self.number(), &operation.take, &reply.answer);
        }
        (Answer::Response(reply.status, proof), Some(reply))
    }

    fn around(&self, operation: &Operation) -> Around<'_> {
        self.users.around(self.number(), operation.anonymous)
    }

    fn dice(&self) -> Dice {
        self.plan.dice(self.number())
    }

    fn number(&self) -> u64 {
        self.planned.number
    }
}

/// The answer with what is worth keeping; or a variable that has no value.
type Ended = Result<(Answer, Noted), template::NoValue>;

/// Values that may be held while an answer is waited for.
trait SyncValues: Values + Sync {}
impl<T: Values + Sync> SyncValues for T {}

fn is_done(answer: &Answer) -> bool {
    matches!(answer, Answer::Response(_, Proof::Done))
}

/// The version in an answer; 0 when it says that there is none.
fn seen(register: &Register, answer: Answer, reply: Option<&Reply>) -> (Answer, Option<u64>) {
    match (&answer, reply) {
        // There is none, and to have seen that is a good answer.
        (Answer::Response(status, _), Some(_)) if register.absent.contains(status) => {
            (Answer::Response(*status, Proof::Done), Some(0))
        }
        (Answer::Response(status, Proof::Done), Some(reply)) => {
            match register.version.first(&reply.answer).ok().and_then(|value| number(&value)) {
                Some(version) => (answer, Some(version)),
                None => {
                    let why = Some("it has no version".to_owned());
                    (Answer::Response(*status, Proof::Nothing(why)), None)
                }
            }
        }
        _ => (answer, None),
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The values that the requests name which read a write back one by one: what the answer says, and what was
/// made for it.
fn read_back_by(
    operation: &Operation,
    values: &dyn Values,
    reply: &Reply,
) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for name in operation.read_back_by() {
        let taken = operation.take.get(name).and_then(|place| place.first(&reply.answer).ok());
        if let Some(value) = taken.or_else(|| values.value(name)) {
            found.insert(name.to_owned(), value);
        }
    }
    found
}
