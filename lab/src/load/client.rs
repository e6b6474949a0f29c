//! A client of several addresses: keeps connections open, and goes on to the next address as long
//! as nothing was sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::classify::Answer;
use super::connection::{Connection, Exchange, Reply, connect, exchange};
use super::request::Call;
use super::targets::{AVOID_FOR, Targets};

/// Longest wait for a connection. In one data centre a handshake takes well below a millisecond;
/// what is not there after this is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was sent to any address.
    NotSent(String),
    /// The request may have arrived.
    Lost(String),
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(reason) => Self::NotSent(reason),
            Failure::Lost(reason) => Self::Lost(reason),
        }
    }
}

/// Shared by all users of one run; a clone is the same client.
#[derive(Clone)]
pub struct Client {
    state: Arc<Mutex<State>>,
}

struct State {
    targets: Targets,
    idle: HashMap<SocketAddr, Vec<Connection>>,
}

impl Client {
    /// A client without open connections.
    pub fn new(addresses: &[SocketAddr]) -> Self {
        let state = State { targets: Targets::new(addresses), idle: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Sends `call` until somebody got it, and waits for the response until `deadline`.
    ///
    /// # Errors
    /// Whether the request may have arrived, and why there is no whole response.
    pub async fn send(&self, call: &Call, deadline: Instant) -> Result<Reply, Failure> {
        let mut failure = Failure::NotSent("no address".into());
        let order = self.state().targets.order(Instant::now());
        for address in order {
            match self.send_to(address, call, deadline).await {
                Err(not_sent @ Failure::NotSent(_)) => failure = not_sent,
                result => return result,
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(failure)
    }

    /// Connections that were closed while they were idle are used up first. Servers do that as
    /// they like, so it is no reason to avoid the address.
    async fn send_to(
        &self,
        address: SocketAddr,
        call: &Call,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        while let Some(connection) = self.idle_connection(address) {
            let ended = self.exchange(connection, address, call, deadline).await;
            if !matches!(ended, Err(Failure::NotSent(_))) {
                return ended;
            }
        }
        let limit = CONNECT_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()));
        match connect(address, limit).await {
            Ok(connection) => self.exchange(connection, address, call, deadline).await,
            Err(reason) => {
                self.state().avoid(address);
                Err(Failure::NotSent(format!("{reason} ({address})")))
            }
        }
    }

    async fn exchange(
        &self,
        connection: Connection,
        address: SocketAddr,
        call: &Call,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let began = Instant::now();
        match exchange(connection, address, call, deadline).await {
            Exchange::Replied(reply, connection) => {
                let mut state = self.state();
                state.targets.answered(address);
                state.idle.entry(address).or_default().extend(connection);
                Ok(reply)
            }
            Exchange::NotSent(reason) => Err(Failure::NotSent(format!("{reason} ({address})"))),
            Exchange::Lost(reason) => Err(Failure::Lost(format!("{reason} ({address})"))),
            Exchange::TimedOut => {
                // With little time left from the start, silence says nothing about the address.
                if began.elapsed() >= AVOID_FOR {
                    self.state().avoid(address);
                }
                Err(Failure::Lost(format!("no answer in time ({address})")))
            }
        }
    }

    /// The connection used last, so that those beyond the need grow old and are closed.
    fn idle_connection(&self, address: SocketAddr) -> Option<Connection> {
        self.state().idle.get_mut(&address)?.pop()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A connection to an address that went silent is as dead as the address.
    fn avoid(&mut self, address: SocketAddr) {
        self.targets.avoid(address, Instant::now());
        self.idle.remove(&address);
    }
}
