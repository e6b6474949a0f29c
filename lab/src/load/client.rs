//! A client of several addresses: keeps connections open, and goes on to the next address as long
//! as nothing was sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::classify::Answer;
use super::connection::{Connection, Exchange, Reply, connect, exchange};
use super::programs::{Pool, Programs};
use super::request::Call;
use super::site::Site;
use super::targets::{AVOID_FOR, Targets};
use super::transport::Transport;
use super::wire::IdleWire;

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
    transport: Arc<Transport>,
    programs: Option<Arc<dyn Programs>>,
    pool: Arc<Pool>,
}

struct State {
    targets: Targets,
    idle: HashMap<SocketAddr, Vec<Connection>>,
}

impl Client {
    /// A client without open connections.
    pub fn new(site: &Site) -> Self {
        let state = State { targets: Targets::new(&site.addresses), idle: HashMap::new() };
        Self {
            state: Arc::new(Mutex::new(state)),
            transport: Arc::new(site.transport.clone()),
            programs: site.programs.clone(),
            pool: Arc::default(),
        }
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
        if let Some(exec) = &call.exec {
            let Some(programs) = &self.programs else {
                return Err(Failure::NotSent("nobody starts commands here".into()));
            };
            return self.pool.send(programs, exec, &call.body, deadline).await;
        }
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
        if let Ok(connection) = connect(address, &self.transport, CONNECT_TIMEOUT).await {
            let mut state = self.state();
            state.targets.answered(address);
            state.keep(address, connection);
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
        match connect(address, &self.transport, limit).await {
            Ok(connection) => {
                // Who comes next sends on it, too.
                if let Some(shared) = connection.share() {
                    self.state().keep(address, shared);
                }
                self.exchange(connection, address, call, deadline).await.into()
            }
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
        let wire = connection.wire().clone();
        let ended = exchange(connection, (address, &self.transport), call, deadline).await;
        if !matches!(ended, Exchange::Replied(_, Some(_))) {
            self.state().forget(address, &wire);
        }
        let failure = match ended {
            Exchange::Replied(reply, connection) => {
                let mut state = self.state();
                state.targets.answered(address);
                if let Some(connection) = connection {
                    state.keep(address, connection);
                }
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
        let mut state = self.state();
        let idle = state.idle.get_mut(&address)?;
        match idle.last().and_then(Connection::share) {
            Some(shared) => Some(shared),
            None => idle.pop(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps a connection for who comes next. Of those that carry many requests one is enough.
    fn keep(&mut self, address: SocketAddr, connection: Connection) {
        let idle = self.idle.entry(address).or_default();
        if connection.share().is_none() || idle.is_empty() {
            idle.push(connection);
        }
    }

    /// Nobody else sends on a connection that has failed.
    fn forget(&mut self, address: SocketAddr, wire: &IdleWire) {
        if let Some(idle) = self.idle.get_mut(&address) {
            idle.retain(|connection| !connection.wire().is(wire));
        }
    }

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
        let client = Client::new(&Site::from(&[server.address][..]));
        let read = Call::get("/products".into());
        assert_eq!(client.send(&read, soon()).await.unwrap().status, 200);
        assert_eq!(client.send(&read, soon()).await.unwrap().status, 200);
        assert_eq!(server.seen().len(), 3, "the second was sent twice");
    }

    #[tokio::test]
    async fn a_write_that_crosses_a_close_is_not() {
        let server = closes_on(2).await;
        let client = Client::new(&Site::from(&[server.address][..]));
        assert!(client.send(&Call::get("/products".into()), soon()).await.is_ok());
        let write = Call { method: hyper::Method::POST, ..Call::get("/sessions".into()) };
        let ended = client.send(&write, soon()).await;
        assert!(matches!(ended, Err(Failure::Lost(_))), "{ended:?}");
        assert_eq!(server.seen().len(), 2);
    }

    #[tokio::test]
    async fn a_new_connection_gets_no_second_chance() {
        let server = closes_on(1).await;
        let client = Client::new(&Site::from(&[server.address][..]));
        let ended = client.send(&Call::get("/products".into()), soon()).await;
        assert!(matches!(ended, Err(Failure::Lost(_))), "{ended:?}");
        assert_eq!(server.seen().len(), 1);
    }
}
