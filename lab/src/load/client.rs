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

/// How one exchange ended.
enum Ended {
    /// The peer closed the connection before it answered.
    Closed(String),
    /// In any other way.
    Finally(Result<Reply, Failure>),
}

impl From<Ended> for Result<Reply, Failure> {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Closed(reason) => Err(Failure::Lost(reason)),
            Ended::Finally(result) => result,
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

    /// Goes to these addresses from now on. What is known of those that stay is kept.
    pub fn use_addresses(&self, addresses: &[SocketAddr]) {
        let mut state = self.state();
        state.targets.replace(addresses);
        state.idle.retain(|address, _| addresses.contains(address));
    }

    /// Sends `call` until somebody got it, and waits for the response until `deadline`.
    ///
    /// # Errors
    /// Whether the request may have arrived, and why there is no whole response.
    pub async fn send(&self, call: &Call, deadline: Instant) -> Result<Reply, Failure> {
        let mut failure = Failure::NotSent("no address".into());
        let (order, due) = {
            let mut state = self.state();
            (state.targets.order(), state.targets.due(Instant::now()))
        };
        for address in due {
            tokio::spawn(self.clone().look_at(address));
        }
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

    /// Looks whether an address that failed answers again; no request waits for that.
    async fn look_at(self, address: SocketAddr) {
        if let Ok(connection) = connect(address, CONNECT_TIMEOUT).await {
            let mut state = self.state();
            state.targets.answered(address);
            state.idle.entry(address).or_default().push(connection);
        }
    }

    /// Connections that were closed while they were idle are used up first. Servers do that as
    /// they like, so it is no reason to avoid the address.
    ///
    /// A close may also cross a request on its way. Nobody can tell then whether it was carried
    /// out, but a read has no effect, so it is sent again, as browsers do (RFC 9112, section
    /// 9.3.1). A connection that was opened for this request gets no such grace.
    async fn send_to(
        &self,
        address: SocketAddr,
        call: &Call,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        while !call.anew
            && let Some(connection) = self.idle_connection(address)
        {
            match self.exchange(connection, address, call, deadline).await {
                Ended::Finally(Err(Failure::NotSent(_))) => {}
                Ended::Closed(_) if call.method.is_safe() => {}
                ended => return ended.into(),
            }
        }
        let limit = CONNECT_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()));
        match connect(address, limit).await {
            Ok(connection) => self.exchange(connection, address, call, deadline).await.into(),
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
    ) -> Ended {
        let began = Instant::now();
        let failure = match exchange(connection, address, call, deadline).await {
            Exchange::Replied(reply, connection) => {
                let mut state = self.state();
                state.targets.answered(address);
                state.idle.entry(address).or_default().extend(connection);
                return Ended::Finally(Ok(*reply));
            }
            Exchange::Closed(reason) => return Ended::Closed(format!("{reason} ({address})")),
            Exchange::NotSent(reason) => Failure::NotSent(format!("{reason} ({address})")),
            Exchange::Lost(reason) => Failure::Lost(format!("{reason} ({address})")),
            Exchange::TimedOut => {
                // With little time left from the start, silence says nothing about the address.
                if began.elapsed() >= AVOID_FOR {
                    self.state().avoid(address);
                }
                Failure::Lost(format!("no answer in time ({address})"))
            }
        };
        Ended::Finally(Err(failure))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::testing::{Behaviour, Server, good};
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    /// Closes the connection on the request of this number, as a server that is reloaded does when
    /// the close crosses a request.
    async fn closes_on(number: usize) -> Server {
        let count = AtomicUsize::new(0);
        Server::start(move |request| match count.fetch_add(1, Ordering::SeqCst) + 1 {
            n if n == number => Behaviour::Reset,
            _ => good(request),
        })
        .await
    }

    #[tokio::test]
    async fn a_read_that_crosses_a_close_is_sent_again() {
        let server = closes_on(2).await;
        let client = Client::new(&[server.address]);
        let read = Call::get("/products".into());
        assert_eq!(client.send(&read, soon()).await.unwrap().status, 200);
        assert_eq!(client.send(&read, soon()).await.unwrap().status, 200);
        assert_eq!(server.seen().len(), 3, "the second was sent twice");
    }

    #[tokio::test]
    async fn a_write_that_crosses_a_close_is_not() {
        let server = closes_on(2).await;
        let client = Client::new(&[server.address]);
        assert!(client.send(&Call::get("/products".into()), soon()).await.is_ok());
        let write = Call { method: hyper::Method::POST, ..Call::get("/sessions".into()) };
        let ended = client.send(&write, soon()).await;
        assert!(matches!(ended, Err(Failure::Lost(_))), "{ended:?}");
        assert_eq!(server.seen().len(), 2);
    }

    #[tokio::test]
    async fn a_new_connection_gets_no_second_chance() {
        let server = closes_on(1).await;
        let client = Client::new(&[server.address]);
        let ended = client.send(&Call::get("/products".into()), soon()).await;
        assert!(matches!(ended, Err(Failure::Lost(_))), "{ended:?}");
        assert_eq!(server.seen().len(), 1);
    }
}
