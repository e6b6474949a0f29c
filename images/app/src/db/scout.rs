//! Finds the primary, whenever none is known: asks all servers at the same time, each at its own
//! pace, so that a silent one never delays hearing of a promotion on another.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::conn::Conn;
use super::failure::{Cause, Failure};
use super::pool::{Pool, Standing, State};
use super::primary::{Answer, Identity, choose, describe};
use crate::config::Database;

/// Shortest and longest wait between two questions to one server. The wait is a fiftieth of the
/// time spent searching, so that the search adds about 2% to any outage.
const PACE: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(200));

/// How often a search without success is logged.
const REPORT_EVERY: Duration = Duration::from_secs(5);

struct Report {
    search: u64,
    host: usize,
    answer: Answer,
}

/// Starts the scout's tasks; they end with the runtime.
pub fn start(pool: Pool) {
    let (reports, inbox) = mpsc::channel(64);
    for host in 0..pool.config().hosts.len() {
        let config = pool.config().clone();
        tokio::spawn(ask_one(host, config, pool.watch(), reports.clone()));
    }
    tokio::spawn(coordinate(pool, inbox));
}

async fn coordinate(pool: Pool, mut inbox: mpsc::Receiver<Report>) {
    let mut state = pool.watch();
    while let Ok(searching) =
        state.wait_for(|s| s.standing != Standing::Good).await.map(|s| s.clone())
    {
        if let Some(identity) = search(&pool, &searching, &mut inbox).await {
            pool.publish(identity);
        } else {
            return;
        }
    }
}

/// Returns the primary, however long it takes; `None` when nobody asks the servers any more.
async fn search(
    pool: &Pool,
    state: &State,
    inbox: &mut mpsc::Receiver<Report>,
) -> Option<Identity> {
    let hosts = &pool.config().hosts;
    let mut answers = vec![Answer::Silent; hosts.len()];
    let heard_enough_at = Instant::now() + time_to_hear_all(pool.config(), state);
    let mut report_at = Instant::now() + REPORT_EVERY;
    loop {
        let now = Instant::now();
        let heard_enough = now >= heard_enough_at;
        if let Some(identity) = choose(&answers, state.floor.as_ref(), heard_enough) {
            return Some(identity);
        }
        if now >= report_at {
            tracing::warn!("no primary: {}", describe(hosts, &answers));
            report_at = now + REPORT_EVERY;
        }
        let wake_at = if heard_enough { report_at } else { heard_enough_at };
        match tokio::time::timeout_at(wake_at, inbox.recv()).await {
            Ok(Some(report)) if report.search == state.searches => {
                if let Some(answer) = answers.get_mut(report.host) {
                    *answer = report.answer;
                }
            }
            // Late news of an earlier search, or time to look at the clock.
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => return None,
        }
    }
}

/// How long to listen for others before a server that is not newer than what is known is believed
/// that it is the primary. Everybody waits for as long as this when a standby's host is gone, so
/// the one that was only slow gets the least. A task that has seen no primary yet cannot know
/// that the first one to answer was replaced long ago, so it listens longest.
fn time_to_hear_all(config: &Database, state: &State) -> Duration {
    config.connect_timeout
        * match (state.standing, &state.floor) {
            (_, None) => 10,
            (Standing::Lost, Some(_)) => 3,
            (Standing::Good | Standing::Doubted, Some(_)) => 1,
        }
}

/// Asks one server again and again while a search is on. The connection to a standby is kept
/// between questions: a handshake costs a hundred times as much as a question.
async fn ask_one(
    host: usize,
    config: Database,
    mut state: watch::Receiver<State>,
    reports: mpsc::Sender<Report>,
) {
    let mut kept: Option<Conn> = None;
    let mut began = (0, Instant::now());
    while let Ok(search) =
        state.wait_for(|s| s.standing != Standing::Good).await.map(|s| s.searches)
    {
        if began.0 != search {
            began = (search, Instant::now());
        }
        let answer = ask(host, &config, &mut kept).await;
        if reports.send(Report { search, host, answer }).await.is_err() {
            return;
        }
        let pace = (began.1.elapsed() / 50).clamp(PACE.0, PACE.1);
        let found = state.wait_for(|s| s.standing == Standing::Good || s.searches != search);
        match tokio::time::timeout(pace, found).await {
            Ok(Ok(_)) => kept = None,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
}

async fn ask(host: usize, config: &Database, kept: &mut Option<Conn>) -> Answer {
    let Some(&addr) = config.hosts.get(host) else {
        return Answer::Unreachable("unknown host".into());
    };
    let asked: Result<Identity, Failure> = match kept.take() {
        Some(conn) => {
            let answer = conn.identify(addr, config.connect_timeout).await;
            *kept = answer.is_ok().then_some(conn);
            answer
        }
        None => Conn::open(addr, config).await.map(|(conn, identity)| {
            *kept = Some(conn);
            identity
        }),
    };
    match asked {
        Ok(identity) => Answer::Is(identity),
        Err(failure) if failure.cause == Cause::TimedOut => Answer::Silent,
        Err(failure) => Answer::Unreachable(failure.detail),
    }
}
