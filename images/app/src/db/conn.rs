//! One connection: every statement has a deadline, and warnings during a commit are noticed.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join;
use tokio::task::JoinHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{
    AsyncMessage, Client, Connection, NoTls, Row, SimpleQueryMessage, Socket, Statement,
};

use super::Position;
use super::failure::{Cause, Failure};
use super::param::Param;
use super::primary::Identity;
use crate::config::Database;

/// A handshake is several round trips and a password hash, so it may take this many times as long
/// as the TCP connection.
const HANDSHAKE_FACTOR: u32 = 3;

/// Parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn Param + Sync)];

/// A connection to one server.
pub struct Conn {
    client: Client,
    driver: JoinHandle<()>,
    /// A warning arrived since it was last cleared.
    warned: Arc<AtomicBool>,
    in_transaction: AtomicBool,
    statements: Mutex<HashMap<&'static str, Statement>>,
    deadline: Duration,
    /// Position of the last commit, when commits are asked for it.
    committed: Mutex<Option<Position>>,
    asks_positions: bool,
    /// Behind a pooler nothing outlives a transaction: no settings, no prepared statements.
    pooled: bool,
}

impl Drop for Conn {
    fn drop(&mut self) {
        // Dropping the client alone would wait for answers that are outstanding.
        self.driver.abort();
    }
}

impl Conn {
    /// Connects, and asks the server what it is.
    ///
    /// # Errors
    /// The server cannot be reached in time, or refuses.
    pub async fn open(addr: SocketAddr, config: &Database) -> Result<(Self, Identity), Failure> {
        let handshake = config.connect_timeout * HANDSHAKE_FACTOR;
        match tokio::time::timeout(handshake, Self::handshake(addr, config)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::clean(
                Cause::TimedOut,
                format!("no handshake within {} ms", handshake.as_millis()),
            )),
        }
    }

    async fn handshake(addr: SocketAddr, c: &Database) -> Result<(Self, Identity), Failure> {
        let mut options = tokio_postgres::Config::new();
        options
            .hostaddr(addr.ip())
            .port(addr.port())
            .user(&c.user)
            .dbname(&c.name)
            .application_name(&c.application_name)
            .connect_timeout(c.connect_timeout)
            // A host that vanished acknowledges nothing: the kernel then breaks the connection.
            .tcp_user_timeout(c.statement_timeout * 2)
            .keepalives_idle(Duration::from_secs(1))
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(2);
        if !c.password.is_empty() {
            options.password(&c.password);
        }
        let connected = options.connect(NoTls).await;
        let (client, connection) = connected.map_err(|e| Failure::of_statement(&e))?;
        let warned = Arc::new(AtomicBool::new(false));
        let conn = Self {
            client,
            driver: tokio::spawn(drive(connection, Arc::clone(&warned))),
            warned,
            in_transaction: AtomicBool::new(false),
            statements: Mutex::new(HashMap::new()),
            deadline: c.statement_timeout,
            committed: Mutex::new(None),
            asks_positions: c.positions,
            pooled: c.proxy,
        };
        let settings = session_settings(c.statement_timeout);
        let rows = conn.simple(if c.proxy { IDENTITY } else { &settings }).await?;
        let identity = read_identity(addr, &rows)?;
        Ok((conn, identity))
    }

    /// Asks the server again what it is.
    ///
    /// # Errors
    /// It does not answer within `deadline`.
    pub async fn identify(
        &self,
        addr: SocketAddr,
        deadline: Duration,
    ) -> Result<Identity, Failure> {
        let asked = tokio::time::timeout(deadline, self.simple(IDENTITY)).await;
        let rows = asked.map_err(|_| timed_out(deadline))??;
        read_identity(addr, &rows)
    }

    async fn simple(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Failure> {
        self.client.simple_query(sql).await.map_err(|e| Failure::of_statement(&e))
    }

    /// Whether the server or the network closed it.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction.load(Ordering::Relaxed)
    }

    /// Runs a statement that reads, or one inside a transaction: when it fails, nothing happened.
    ///
    /// # Errors
    /// Always without effect.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        self.query_within(self.deadline, sql, params).await
    }

    /// As [`Conn::query`], with a deadline of its own.
    ///
    /// # Errors
    /// Always without effect.
    pub async fn query_within(
        &self,
        deadline: Duration,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let ran = if self.pooled {
            in_time(deadline, self.client.query_typed(sql, &typed(params))).await?
        } else {
            let statement = self.prepare(sql).await?;
            in_time(deadline, self.client.query(&statement, &untyped(params))).await?
        };
        ran.map_err(|e| Failure::of_statement(&e))
    }

    /// Runs a statement that commits by itself.
    ///
    /// # Errors
    /// The effect is unknown unless the server said that it undid the statement.
    pub async fn write(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        if self.pooled {
            return self.commit_with(self.client.query_typed(sql, &typed(params))).await;
        }
        let statement = self.prepare(sql).await?;
        self.commit_with(self.client.query(&statement, &untyped(params))).await
    }

    /// Opens a transaction.
    ///
    /// # Errors
    /// Always without effect.
    pub async fn begin(&self) -> Result<(), Failure> {
        self.in_transaction.store(true, Ordering::Relaxed);
        if self.pooled {
            let begin = format!("BEGIN; {}", limits(self.deadline, "SET LOCAL"));
            return self.batch(self.deadline, &begin).await;
        }
        self.batch(self.deadline, "BEGIN").await
    }

    /// Commits the open transaction.
    ///
    /// # Errors
    /// The effect is unknown unless the server said that it undid the transaction.
    pub async fn commit(&self) -> Result<(), Failure> {
        self.commit_with(self.client.batch_execute("COMMIT")).await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Undoes the open transaction.
    ///
    /// # Errors
    /// The connection is unusable then.
    pub async fn rollback(&self) -> Result<(), Failure> {
        self.batch(self.deadline, "ROLLBACK").await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Runs statements without parameters or results.
    ///
    /// # Errors
    /// Without effect, when the statements are inside a transaction.
    pub async fn batch(&self, deadline: Duration, sql: &str) -> Result<(), Failure> {
        let ran = in_time(deadline, self.client.batch_execute(sql)).await?;
        ran.map_err(|e| Failure::of_statement(&e))
    }

    /// Waits until the server has answered everything it was asked, or is gone.
    pub async fn settled(&self) {
        // The answer is only queued behind the outstanding ones; what it says does not matter.
        let _ = self.client.batch_execute("").await;
    }

    /// Runs what commits, and tells a commit from one that is only maybe everywhere.
    ///
    /// A server that stops waiting for its synchronous standby (because it is shut down or the
    /// wait was cancelled) says so in a warning and then acknowledges the commit, although it
    /// holds the only copy. The warning arrives before the acknowledgement.
    async fn commit_with<T>(
        &self,
        commit: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        self.warned.store(false, Ordering::SeqCst);
        // Asked in the same trip. The server answers in order, so the position is behind the commit.
        let (ran, position) = join(in_time(self.deadline, commit), self.position_if_asked()).await;
        let ran = ran.map_err(Failure::doubtful)?;
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = position;
        let done = ran.map_err(|e| Failure::of_commit(&e))?;
        if self.warned.load(Ordering::SeqCst) {
            let detail = "the server acknowledged the commit with a warning";
            return Err(Failure::clean(Cause::Doubtful, detail).doubtful());
        }
        Ok(done)
    }

    async fn position_if_asked(&self) -> Option<Position> {
        if !self.asks_positions {
            return None;
        }
        // Without it the commit is no less a commit; only the next read may be older.
        self.position().await.ok()
    }

    /// Where the primary's log ends now.
    ///
    /// # Errors
    /// The server does not answer, or is not the primary.
    pub async fn position(&self) -> Result<Position, Failure> {
        let rows = self.query(PRIMARY_POSITION, &[]).await?;
        let row = rows.first().ok_or_else(not_primary)?;
        let lsn: Option<i64> = row.get(1);
        match lsn {
            Some(_) => Ok(Position::from_columns(row.get(0), lsn)),
            None => Err(not_primary()),
        }
    }

    /// How far a standby has replayed the log; `None` when it is no standby any more.
    ///
    /// # Errors
    /// The server does not answer, or has no tables yet.
    pub async fn replayed(&self) -> Result<Option<Position>, Failure> {
        let rows = self.query(STANDBY_POSITION, &[]).await?;
        let standby = rows.first().filter(|row| row.get(0));
        Ok(standby.map(|row| Position::from_columns(row.get(1), row.get(2))))
    }

    /// The position of the last commit, once.
    pub fn take_committed(&self) -> Option<Position> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn prepare(&self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(known) = self.known(|statements| statements.get(sql).cloned()) {
            return Ok(known);
        }
        let prepared = in_time(self.deadline, self.client.prepare(sql)).await?;
        let statement = prepared.map_err(|e| Failure::of_statement(&e))?;
        self.known(|statements| statements.insert(sql, statement.clone()));
        Ok(statement)
    }

    fn known<T>(&self, f: impl FnOnce(&mut HashMap<&'static str, Statement>) -> T) -> T {
        f(&mut self.statements.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Moves bytes between socket and client until either end is gone.
async fn drive(
    mut connection: Connection<Socket, tokio_postgres::tls::NoTlsStream>,
    warned: Arc<AtomicBool>,
) {
    loop {
        match poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                let harmless = [Severity::Notice, Severity::Info, Severity::Log, Severity::Debug];
                if !notice.parsed_severity().is_some_and(|s| harmless.contains(&s)) {
                    warned.store(true, Ordering::SeqCst);
                    tracing::warn!(code = notice.code().code(), "database: {}", notice.message());
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "database connection ended");
                return;
            }
            None => return,
        }
    }
}

async fn in_time<T>(deadline: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(deadline, work).await.map_err(|_| timed_out(deadline))
}

fn timed_out(deadline: Duration) -> Failure {
    Failure::clean(Cause::TimedOut, format!("no answer within {} ms", deadline.as_millis()))
}

fn not_primary() -> Failure {
    Failure::clean(Cause::NotPrimary, "the server became a standby")
}

/// Nulls on a standby. The timeline as in [`IDENTITY`].
const PRIMARY_POSITION: &str = "SELECT \
    CASE WHEN NOT pg_is_in_recovery() THEN \
        ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END, \
    CASE WHEN NOT pg_is_in_recovery() THEN \
        (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint END";

/// No function tells a standby's timeline; the row that was written on it does.
const STANDBY_POSITION: &str = "SELECT pg_is_in_recovery(), \
    (SELECT max(timeline) FROM timelines), \
    (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint";

/// `pg_walfile_name` begins with the timeline that is written, in eight hexadecimal digits; the
/// control file would tell it only after the first checkpoint on it.
const IDENTITY: &str = "SELECT system_identifier, \
    CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' THEN NULL \
    ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END FROM pg_control_system()";

/// The server must never cancel a statement of its own accord, because a cancelled commit is
/// acknowledged although only this server has it. A wait for a lock may be cut short (nothing is
/// committed then), and so may a transaction whose client vanished: its locks stop everyone.
fn session_settings(statement_timeout: Duration) -> String {
    let limits = limits(statement_timeout, "SET");
    format!("SET statement_timeout = 0; SET client_min_messages = warning; {limits}; {IDENTITY}")
}

fn limits(statement_timeout: Duration, set: &str) -> String {
    let lock_ms = (statement_timeout * 9 / 10).as_millis().max(1);
    format!("{set} lock_timeout = {lock_ms}; {set} idle_in_transaction_session_timeout = 5000")
}

fn typed<'a>(params: Params<'a>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (*param as &(dyn ToSql + Sync), param.sql_type())).collect()
}

fn untyped<'a>(params: Params<'a>) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| *param as &(dyn ToSql + Sync)).collect()
}

fn read_identity(addr: SocketAddr, rows: &[SimpleQueryMessage]) -> Result<Identity, Failure> {
    let row = rows.iter().find_map(|m| match m {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let strange = || Failure::clean(Cause::Refused, "the server does not say what it is");
    let row = row.ok_or_else(strange)?;
    let system = row.get(0).ok_or_else(strange)?.to_owned();
    let writes_timeline = match row.get(1) {
        None => None,
        Some(hex) => Some(u32::from_str_radix(hex, 16).map_err(|_| strange())?),
    };
    Ok(Identity { addr, system, writes_timeline })
}
