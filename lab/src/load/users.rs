//! The users on whose behalf requests are sent: their sessions, variables, cookies and registers.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use indexmap::IndexMap;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::address;
use super::client::{Client, Failure};
use super::jar::Jar;
use super::request::Call;
use crate::spec::model::Name;
use crate::spec::workload::outcome::is_greater;
use crate::spec::workload::{Answer, Dice, Place, Workload, call, template};

/// A fixed number of users of a workload. Each begins its session when it first needs one, and again when
/// that is refused.
pub struct Users {
    workload: Arc<Workload>,
    prefix: Arc<str>,
    users: Vec<User>,
    first: Ipv4Addr,
}

#[derive(Default)]
struct User {
    session: Mutex<Session>,
    attempts: AtomicU64,
    variables: std::sync::Mutex<HashMap<Name, Value>>,
    jar: std::sync::Mutex<Jar>,
    /// One for each operation; only those of registers are used.
    registers: Vec<Register>,
}

#[derive(Default)]
struct Register {
    /// The greatest version that was written or seen.
    versions: AtomicU64,
    /// Whether it was read, or written, so that the next version is known to be the next.
    known: AtomicBool,
    writing: AtomicBool,
}

#[derive(Default)]
struct Session {
    /// Which session it is, counted from 1.
    begun: Option<u64>,
    failure: String,
}

/// A user's turn to write a register; nobody else writes it meanwhile.
pub struct Turn<'a> {
    register: &'a Register,
}

impl Turn<'_> {
    /// Whether the version that is there is known: users of before may have written some.
    pub fn is_known(&self) -> bool {
        self.register.known.load(Ordering::Acquire)
    }

    /// The version to write.
    pub fn next(&self) -> u64 {
        self.register.versions.fetch_add(1, Ordering::AcqRel) + 1
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.register.writing.store(false, Ordering::Release);
    }
}

/// The variables of one operation of a user.
pub struct Around<'a> {
    users: &'a Users,
    number: u64,
    /// Without what answers said to the user: nobody is signed in.
    anonymous: bool,
    /// Those of this operation alone.
    own: Vec<(&'static str, Value)>,
}

impl template::Values for Around<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        if let Some((_, value)) = self.own.iter().find(|(known, _)| *known == name) {
            return Some(value.clone());
        }
        match name {
            "user" => Some(self.users.index(self.number).into()),
            "address" => Some(self.users.address(self.number).to_string().into()),
            "prefix" => Some(self.users.prefix.as_ref().into()),
            "number" => Some(self.number.into()),
            "key" => Some(format!("{}-{}", self.users.prefix, self.number).into()),
            _ if self.anonymous => None,
            _ => lock(&self.users.user(self.number).variables).get(name).cloned(),
        }
    }
}

impl Around<'_> {
    /// With the value of a further variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.own.push((name, value.into()));
        self
    }
}

impl Users {
    /// The users of one run of traffic whose keys begin with `prefix`, none of them signed in; at least one.
    pub fn new(workload: Arc<Workload>, users: u16, prefix: &str) -> Self {
        let registers = workload.operations.len();
        let user = |_| User {
            registers: (0..registers).map(|_| Register::default()).collect(),
            ..User::default()
        };
        let users = (0..users.max(1)).map(user).collect();
        Self { workload, prefix: prefix.into(), users, first: address::of_traffic(prefix) }
    }

    /// What they do.
    pub fn workload(&self) -> &Arc<Workload> {
        &self.workload
    }

    /// The variables of what has this number.
    pub fn around(&self, number: u64, anonymous: bool) -> Around<'_> {
        Around { users: self, number, anonymous, own: Vec::new() }
    }

    /// The session of the user of what has this number; begins one if need be. It is known by a number of
    /// its own.
    ///
    /// # Errors
    /// Why it could not be begun. Operations that waited for it share its failure: a queue of users
    /// signing in one after the other would outlast the fault that caused it.
    pub async fn session(
        &self,
        client: &Client,
        number: u64,
        deadline: Instant,
    ) -> Result<u64, String> {
        let user = self.user(number);
        if self.workload.begin.is_empty() {
            return Ok(0);
        }
        let seen = user.attempts.load(Ordering::Relaxed);
        let Ok(mut session) = timeout_at(deadline.into(), user.session.lock()).await else {
            return Err("no time left".into());
        };
        if let Some(begun) = session.begun {
            return Ok(begun);
        }
        if user.attempts.load(Ordering::Relaxed) != seen {
            return Err(session.failure.clone());
        }
        let result = self.begin(client, number, deadline).await;
        let attempt = user.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        match result {
            Ok(()) => {
                session.begun = Some(attempt);
                Ok(attempt)
            }
            Err(reason) => {
                session.failure.clone_from(&reason);
                Err(reason)
            }
        }
    }

    /// The steps of `begin`, one after the other.
    async fn begin(&self, client: &Client, number: u64, deadline: Instant) -> Result<(), String> {
        let user = self.user(number);
        let index = self.index(number);
        lock(&user.jar).clear();
        for (n, step) in self.workload.begin.iter().enumerate() {
            let mut dice = Dice::new(index, n as u64);
            let around = self.around(number, false).with("number", index);
            let made = call::request(&self.workload, &step.request, None, &around, &mut dice);
            let (call, _) = made.map_err(|missing| missing.to_string())?;
            let call = self.dressed(call.into(), number);
            let reply = client.send(&call, deadline).await.map_err(|failure| match failure {
                Failure::NotSent(reason) | Failure::Lost(reason) => reason,
            })?;
            // A form that was accepted often leads elsewhere.
            if !(200..400).contains(&reply.status) {
                return Err(reply.status.to_string());
            }
            self.cookies(number, &reply.answer);
            for (name, place) in &step.take {
                let value = place.first(&reply.answer).map_err(|missing| missing.to_string())?;
                lock(&user.variables).insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// Ends the session of a user, unless it has a newer one already.
    pub async fn refused(&self, number: u64, refused: u64) {
        let mut session = self.user(number).session.lock().await;
        if session.begun == Some(refused) {
            session.begun = None;
        }
    }

    /// A call with what a user's client adds: where it is, and its cookies.
    pub fn dressed(&self, mut call: Call, number: u64) -> Call {
        if !call.has("x-forwarded-for") {
            call.add("x-forwarded-for", self.address(number).to_string());
        }
        if let Some(cookies) = lock(&self.user(number).jar).header(&call.path)
            && !call.has("cookie")
        {
            call.add("cookie", cookies);
        }
        call
    }

    /// Keeps the cookies of an answer.
    pub fn cookies(&self, number: u64, answer: &Answer) {
        lock(&self.user(number).jar).take(answer);
    }

    /// Keeps what an answer says: the latest, or the greatest that any said.
    pub fn take(&self, number: u64, take: &IndexMap<Name, Place>, answer: &Answer) {
        for (name, place) in take {
            // What an answer does not say stays as it is.
            let Ok(value) = place.first(answer) else { continue };
            let mut variables = lock(&self.user(number).variables);
            let is_less = self.workload.greatest.contains(name)
                && variables.get(name).is_some_and(|known| {
                    !is_greater(&template::plain(&value), &template::plain(known))
                });
            if !is_less {
                variables.insert(name.clone(), value);
            }
        }
    }

    /// The turn to write the user's register of an operation; `None` while one is being written: an older
    /// version that arrives after a newer one would be refused.
    pub fn turn(&self, number: u64, operation: usize) -> Option<Turn<'_>> {
        let register = self.user(number).registers.get(operation)?;
        if register.writing.swap(true, Ordering::Acquire) {
            return None;
        }
        Some(Turn { register })
    }

    /// A version of that register was seen.
    pub fn saw(&self, number: u64, operation: usize, version: u64) {
        if let Some(register) = self.user(number).registers.get(operation) {
            register.versions.fetch_max(version, Ordering::AcqRel);
            register.known.store(true, Ordering::Release);
        }
    }

    /// Whether a version of that register is being written.
    pub fn is_writing(&self, number: u64, operation: usize) -> bool {
        let register = self.user(number).registers.get(operation);
        register.is_some_and(|register| register.writing.load(Ordering::Acquire))
    }

    /// Where the client is that does what has this number.
    pub fn address(&self, number: u64) -> Ipv4Addr {
        address::of_arrival(self.first, number)
    }

    /// Which user does what has this number, counted from 0.
    pub fn index(&self, number: u64) -> u64 {
        number % self.users.len() as u64
    }

    fn user(&self, number: u64) -> &User {
        // The remainder is below the length, which is a usize.
        &self.users[self.index(number) as usize]
    }
}

/// Nothing is left half done under these locks.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
