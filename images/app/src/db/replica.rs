//! One read replica: its connections, what it last reported, and a read on it.

use std::sync::{Mutex, PoisonError};

use futures::future::join;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::failure::{Cause, Failure};
use super::{Conn, Position, Stop, Work};
use crate::config::Database;

/// Part of the time for a statement that a read may take here. Another server can answer it too,
/// so there is time to ask one.
const SHARE_OF_TIMEOUT: u32 = 4;

/// A server that may be a read replica.
pub struct Replica {
    config: Database,
    idle: Mutex<Vec<Conn>>,
    uses: Semaphore,
    report: Mutex<Option<Report>>,
}

/// What a replica said about itself.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// When.
    pub at: Instant,
    /// What it had replayed.
    pub position: Position,
}

/// Between which positions the state lay that was read.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// All of this was there.
    pub floor: Position,
    /// Nothing after this was.
    pub end: Position,
}

/// How a read on a replica ended.
pub enum Read<W: Work> {
    /// It saw a state that is recent enough.
    Done(Result<W::Output, W::Rejection>, Span),
    /// The replica has not replayed what the client must see.
    Behind,
    /// The replica could not do it.
    Failed(Failure),
}

impl Replica {
    /// A server that nothing is known about.
    pub fn new(addr: std::net::SocketAddr, database: &Database) -> Self {
        let config = Database {
            hosts: vec![addr],
            statement_timeout: database.statement_timeout / SHARE_OF_TIMEOUT,
            positions: false,
            // Replicas are reached directly.
            proxy: false,
            ..database.clone()
        };
        Self {
            idle: Mutex::default(),
            uses: Semaphore::new(config.pool_size),
            report: Mutex::default(),
            config,
        }
    }

    /// Where it is.
    pub fn addr(&self) -> Option<std::net::SocketAddr> {
        self.config.hosts.first().copied()
    }

    /// How it is reached.
    pub fn config(&self) -> &Database {
        &self.config
    }

    /// What it last reported; `None` when it is down or no replica.
    pub fn report(&self) -> Option<Report> {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what it reports, or that it does not.
    pub fn set_report(&self, report: Option<Report>) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
        if report.is_none() {
            self.idle(Vec::clear);
        }
    }

    /// Connections in use.
    pub fn in_use(&self) -> usize {
        self.config.pool_size.saturating_sub(self.uses.available_permits())
    }

    /// Does `work`, if this replica has replayed what `wants` says.
    pub async fn read<W: Work>(&self, work: &W, wants: Option<Position>) -> Read<W> {
        let turn = tokio::time::timeout(self.config.statement_timeout, self.uses.acquire());
        let Ok(Ok(_turn)) = turn.await else {
            return Read::Failed(Failure::clean(Cause::Busy, "all connections are in use"));
        };
        match self.read_on_one(work, wants).await {
            Ok(read) => read,
            Err(failure) => Read::Failed(failure),
        }
    }

    async fn read_on_one<W: Work>(
        &self,
        work: &W,
        wants: Option<Position>,
    ) -> Result<Read<W>, Failure> {
        let conn = match self.idle(Vec::pop).filter(|conn| !conn.is_closed()) {
            Some(conn) => conn,
            None => self.open().await?,
        };
        // In one trip, and in this order: what the read sees is not before what the check saw.
        let (checked, done) = join(conn.replayed(), work.run(&conn)).await;
        let replayed = checked?.ok_or_else(promoted)?;
        if wants.is_some_and(|wanted| replayed < wanted) {
            if !matches!(done, Err(Stop::Failed(_))) {
                self.idle(|idle| idle.push(conn));
            }
            return Ok(Read::Behind);
        }
        let result = match done {
            Ok(output) => Ok(output),
            Err(Stop::Rejected(rejection)) => Err(rejection),
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        // The read may have seen more than the check.
        let end = conn.replayed().await?.ok_or_else(promoted)?;
        self.idle(|idle| idle.push(conn));
        Ok(Read::Done(result, Span { floor: replayed, end }))
    }

    /// A connection whose check is prepared: or preparing it would let the read overtake it.
    async fn open(&self) -> Result<Conn, Failure> {
        let addr = self.addr().ok_or_else(promoted)?;
        let (conn, _) = Conn::open(addr, &self.config).await?;
        conn.replayed().await?.ok_or_else(promoted)?;
        Ok(conn)
    }

    fn idle<T>(&self, f: impl FnOnce(&mut Vec<Conn>) -> T) -> T {
        f(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn promoted() -> Failure {
    Failure::clean(Cause::NotPrimary, "the server is no replica")
}
