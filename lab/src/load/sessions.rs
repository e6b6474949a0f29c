//! The users on whose behalf requests are sent, and their sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Mutex;
use tokio::time::timeout_at;

use super::client::{Client, Failure};
use super::request::Call;

/// A fixed number of users. Each signs in when it first writes, and again when its session is
/// refused.
pub struct Sessions {
    users: Vec<User>,
}

#[derive(Default)]
struct User {
    session: Mutex<Session>,
    attempts: AtomicU64,
}

#[derive(Default)]
struct Session {
    token: Option<Arc<str>>,
    failure: String,
}

impl Sessions {
    /// So many users (at least one), none of them signed in.
    pub fn new(users: u16) -> Self {
        Self { users: (0..users.max(1)).map(|_| User::default()).collect() }
    }

    /// The session token of user `number` (modulo the number of users); signs in if need be.
    ///
    /// # Errors
    /// Why the sign-in failed. Operations that waited for it share its failure: a queue of users
    /// signing in one after the other would outlast the fault that caused it.
    pub async fn token(
        &self,
        client: &Client,
        number: u64,
        deadline: Instant,
    ) -> Result<Arc<str>, String> {
        let user = self.user(number);
        let seen = user.attempts.load(Ordering::Relaxed);
        let Ok(mut session) = timeout_at(deadline.into(), user.session.lock()).await else {
            return Err("no time left".into());
        };
        if let Some(token) = &session.token {
            return Ok(Arc::clone(token));
        }
        if user.attempts.load(Ordering::Relaxed) != seen {
            return Err(session.failure.clone());
        }
        let result = sign_in(client, deadline).await;
        user.attempts.fetch_add(1, Ordering::Relaxed);
        match &result {
            Ok(token) => session.token = Some(Arc::clone(token)),
            Err(reason) => session.failure.clone_from(reason),
        }
        result
    }

    /// Ends the session of user `number`, unless it has a newer one than `token` already.
    pub async fn refused(&self, number: u64, token: &Arc<str>) {
        let mut session = self.user(number).session.lock().await;
        if session.token.as_ref() == Some(token) {
            session.token = None;
        }
    }

    fn user(&self, number: u64) -> &User {
        // The remainder is below the length, which is a usize.
        &self.users[(number % self.users.len() as u64) as usize]
    }
}

async fn sign_in(client: &Client, deadline: Instant) -> Result<Arc<str>, String> {
    #[derive(serde::Deserialize)]
    struct SignedIn {
        token: String,
    }
    let reply = client.send(&Call::sign_in(), deadline).await.map_err(|failure| match failure {
        Failure::NotSent(reason) | Failure::Lost(reason) => reason,
    })?;
    if !(200..300).contains(&reply.status) {
        return Err(reply.status.to_string());
    }
    let SignedIn { token } =
        serde_json::from_slice(&reply.body).map_err(|_| "an answer without token".to_owned())?;
    Ok(token.into())
}
