//! The users on whose behalf requests are sent, and their sessions.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::address;
use super::client::{Client, Failure};
use super::position::Position;
use super::request::Call;

/// A fixed number of users. Each signs in when it first writes, and again when its session is
/// refused.
pub struct Sessions {
    users: Vec<User>,
    first: Ipv4Addr,
}

#[derive(Default)]
struct User {
    session: Mutex<Session>,
    attempts: AtomicU64,
    versions: AtomicU64,
    writing: AtomicBool,
    position: std::sync::Mutex<Option<Position>>,
}

#[derive(Default)]
struct Session {
    signed_in: Option<SignedIn>,
    failure: String,
}

/// A session of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// What proves it.
    pub token: Arc<str>,
    /// Who is signed in.
    pub user_id: Arc<str>,
}

/// A user's turn to write the profile; nobody else writes it meanwhile.
pub struct Turn<'a> {
    user: &'a User,
    /// The version to write.
    pub version: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.user.writing.store(false, Ordering::Release);
    }
}

impl Sessions {
    /// So many users (at least one) of one run of traffic, none of them signed in.
    pub fn new(users: u16, prefix: &str) -> Self {
        let users = (0..users.max(1)).map(|_| User::default()).collect();
        Self { users, first: address::of_traffic(prefix) }
    }

    /// The session of user `number` (modulo the number of users); signs in if need be.
    ///
    /// # Errors
    /// Why the sign-in failed. Operations that waited for it share its failure: a queue of users
    /// signing in one after the other would outlast the fault that caused it.
    pub async fn token(
        &self,
        client: &Client,
        number: u64,
        deadline: Instant,
    ) -> Result<SignedIn, String> {
        let user = self.user(number);
        let seen = user.attempts.load(Ordering::Relaxed);
        let Ok(mut session) = timeout_at(deadline.into(), user.session.lock()).await else {
            return Err("no time left".into());
        };
        if let Some(signed_in) = &session.signed_in {
            return Ok(signed_in.clone());
        }
        if user.attempts.load(Ordering::Relaxed) != seen {
            return Err(session.failure.clone());
        }
        let result = sign_in(client, self.address(number), deadline).await;
        user.attempts.fetch_add(1, Ordering::Relaxed);
        match &result {
            Ok(signed_in) => session.signed_in = Some(signed_in.clone()),
            Err(reason) => session.failure.clone_from(reason),
        }
        result
    }

    /// Ends the session of user `number`, unless it has a newer one than `token` already.
    pub async fn refused(&self, number: u64, token: &Arc<str>) {
        let mut session = self.user(number).session.lock().await;
        if session.signed_in.as_ref().is_some_and(|s| s.token == *token) {
            session.signed_in = None;
        }
    }

    /// The next version of the user's profile; `None` while one is being written: an older version
    /// that arrives after a newer one would be refused.
    pub fn turn(&self, number: u64) -> Option<Turn<'_>> {
        let user = self.user(number);
        if user.writing.swap(true, Ordering::Acquire) {
            return None;
        }
        Some(Turn { user, version: user.versions.fetch_add(1, Ordering::Relaxed) + 1 })
    }

    /// Whether a version of the user's profile is being written.
    pub fn is_writing(&self, number: u64) -> bool {
        self.user(number).writing.load(Ordering::Acquire)
    }

    /// The latest state that the user has seen.
    pub fn position(&self, number: u64) -> Option<Position> {
        *self.user(number).position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user has seen this state, too.
    pub fn saw(&self, number: u64, position: Option<Position>) {
        let mut seen = self.user(number).position.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = (*seen).max(position);
    }

    /// Where the client is that does what has this number.
    pub fn address(&self, number: u64) -> Ipv4Addr {
        address::of_arrival(self.first, number)
    }

    fn user(&self, number: u64) -> &User {
        // The remainder is below the length, which is a usize.
        &self.users[(number % self.users.len() as u64) as usize]
    }
}

async fn sign_in(
    client: &Client,
    address: Ipv4Addr,
    deadline: Instant,
) -> Result<SignedIn, String> {
    let call = Call { address: Some(address), ..Call::sign_in() };
    let reply = client.send(&call, deadline).await.map_err(|failure| match failure {
        Failure::NotSent(reason) | Failure::Lost(reason) => reason,
    })?;
    if !(200..300).contains(&reply.status) {
        return Err(reply.status.to_string());
    }
    #[derive(serde::Deserialize)]
    struct Answer {
        token: String,
        #[serde(default)]
        user_id: String,
    }
    let answer: Answer =
        serde_json::from_slice(&reply.body).map_err(|_| "an answer without token".to_owned())?;
    Ok(SignedIn { token: answer.token.into(), user_id: answer.user_id.into() })
}
