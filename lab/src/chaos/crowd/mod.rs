//! A flash crowd: many clients connect, and then all ask for the same object at the same moment.
//!
//! The requests are written by hand, one after the other without a pause, to connections that are open
//! already. An HTTP library would send each when its task gets a turn, and the first would be answered
//! long before the last is sent.

mod answer;
mod gather;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::journal::CrowdAnswered;
use crate::load::{self, Site};
use crate::spec::workload::{Asked, Workload};
use answer::Answer;

/// How long a client waits for its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// Open files that this process needs besides the crowd's connections.
const SPARE_FILES: u64 = 256;

/// What a crowd does.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The fault that it is.
    pub id: String,
    /// Who is asked, in turn.
    pub site: Site,
    /// How many ask.
    pub clients: u16,
    /// For what.
    pub asked: Asked,
    /// How sessions begin, and which headers are sent.
    pub workload: Arc<Workload>,
    /// With a session.
    pub signed_in: bool,
    /// For an object that nobody can have asked for before.
    pub cold: bool,
    /// How long each waits for its answer.
    pub patience: Duration,
}

/// A crowd. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Crowd {
    order: Order,
    book: Arc<Mutex<Book>>,
    clients: JoinSet<()>,
}

/// What is known of it so far.
#[derive(Debug, Default)]
struct Book {
    problem: Option<String>,
    /// Path and query, once they are known.
    target: Option<String>,
    in_flight: Option<u32>,
    replies: Vec<Reply>,
}

/// An answer, and how long it took.
#[derive(Clone, Debug)]
struct Reply {
    answer: Answer,
    took: Duration,
}

/// Why so many clients are more than this process can be; `None` when it can.
pub(super) fn obstacle(clients: u16) -> Option<String> {
    too_few(clients, load::raise_open_files())
}

/// The same, with so many open files allowed; without a limit any number is.
fn too_few(clients: u16, allowed: Option<u64>) -> Option<String> {
    let needed = u64::from(clients) + SPARE_FILES;
    let allowed = allowed?;
    (allowed < needed).then(|| {
        format!(
            "flash-crowd with {clients} clients needs {needed} open files, and this process may have \
             {allowed} (`ulimit -Hn`): ask with fewer, or raise that limit"
        )
    })
}

impl Crowd {
    /// Connects and asks, while the caller goes on.
    pub fn start(order: Order) -> Self {
        let book = Arc::new(Mutex::new(Book::default()));
        let mut clients = JoinSet::new();
        clients.spawn(all(order.clone(), Arc::clone(&book)));
        Self { order, book, clients }
    }

    /// That so many requests were under way at the same moment, or what is missing.
    pub fn proof(&self) -> Result<String, String> {
        let book = read(&self.book);
        let (asked, target) = (self.order.clients, &book.target(&self.order));
        match (book.in_flight, &book.problem) {
            (Some(0), _) => {
                Err(format!("{target}: the first was answered before the second could be sent"))
            }
            (Some(n), _) if n == u32::from(asked) => {
                Ok(format!("{n} requests in flight at once for {target}"))
            }
            (Some(n), _) => Ok(format!("{n} of {asked} requests in flight at once for {target}")),
            (None, Some(problem)) => Err(format!("nobody asked for {target}: {problem}")),
            (None, None) => Err(format!("{asked} clients for {target} are still connecting")),
        }
    }

    /// Sends away who still waits, and says what became of all.
    pub async fn end(mut self) -> CrowdAnswered {
        self.clients.shutdown().await;
        let book = read(&self.book);
        let target = book.target(&self.order);
        tally::tally(&self.order, target, book.in_flight.unwrap_or(0), &book.replies)
    }
}

impl Book {
    /// What is asked for: path and query, or what stands for them before they are known.
    fn target(&self, order: &Order) -> String {
        self.target.clone().unwrap_or_else(|| load::title(&order.asked))
    }
}

fn read(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The whole life of a crowd.
async fn all(order: Order, book: Arc<Mutex<Book>>) {
    let tell = |target: &str| read(&book).target = Some(target.to_owned());
    let clients = match gather::gather(&order, tell).await {
        Ok(gathered) => gathered,
        Err(problem) => return read(&book).problem = Some(problem),
    };
    let asked = ask(clients);
    read(&book).in_flight = Some(under_way(&asked));
    let mut waiting = JoinSet::new();
    for (stream, sent) in asked {
        let deadline = sent + order.patience;
        waiting.spawn(async move {
            let answer = answer::receive(stream, deadline).await?;
            Some(Reply { answer, took: sent.elapsed() })
        });
    }
    while let Some(ended) = waiting.join_next().await {
        read(&book).replies.extend(ended.ok().flatten());
    }
}

/// Sends each client's request on its connection, without giving anybody else a turn in between. Who cannot
/// be asked any more is left out.
fn ask(clients: Vec<(TcpStream, String)>) -> Vec<(TcpStream, Instant)> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let asked = clients.into_iter().filter_map(|(stream, request)| {
        match send(&stream, request.as_bytes(), flags) {
            Ok(written) if written == request.len() => Some((stream, Instant::now())),
            _ => None,
        }
    });
    asked.collect()
}

/// How many nobody has answered yet: all of them were under way when the last one was sent.
fn under_way(asked: &[(TcpStream, Instant)]) -> u32 {
    let silent = asked.iter().filter(|(stream, _)| is_silent(stream)).count();
    u32::try_from(silent).unwrap_or(u32::MAX)
}

/// Whether neither an answer nor the end of the connection has come. The operating system is asked,
/// because the async runtime hears of it later.
fn is_silent(stream: &TcpStream) -> bool {
    let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    matches!(recv(stream, &mut [0_u8; 1][..], peek), Err(rustix::io::Errno::AGAIN))
}
