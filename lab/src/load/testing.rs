//! A small HTTP server for tests that can misbehave in every way a real one does.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::programs::{Opened, Programs, Said};
use crate::spec::workload::{Exec, Workload};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// Such as `GET /products/1`.
    pub line: String,
    /// The head, with header names in lower case.
    pub head: String,
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with this status, these header lines and this body.
    Answer(u16, &'static str, String),
    /// Answers and then closes the connection without saying so.
    AnswerAndClose(u16, String),
    /// Announces more body than it sends, then closes.
    CutShort(u16, &'static str),
    /// Closes with a reset after it read the request.
    Reset,
    /// Never answers.
    Hang,
}

type Script = dyn Fn(&Request) -> Behaviour + Send + Sync;

/// The server; it ends when it is dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves `script`; `POST /sessions` is answered with a token unless the script says otherwise.
    pub async fn start(script: impl Fn(&Request) -> Behaviour + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let log = Arc::clone(&seen);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            // Connections end with the server.
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                serving.spawn(serve(stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self { address, seen, connections, accepting }
    }

    /// Closes the port and all connections. Resets nothing that is not under way.
    pub fn stop(&self) {
        self.accepting.abort();
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The requests so far, in the order of their arrival.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An address on which nobody listens: connections are refused.
pub async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A good answer of the shop.
pub fn good(request: &Request) -> Behaviour {
    match request.line.as_str() {
        "POST /sessions" => Behaviour::Answer(201, "", r#"{"token":"t1","user_id":"u1"}"#.into()),
        _ => Behaviour::Answer(200, "", "{}".into()),
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, log: Arc<Mutex<Vec<Request>>>) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        log.lock().unwrap().push(request.clone());
        let (text, go_on) = match script(&request) {
            Behaviour::Answer(status, headers, body) => (response(status, headers, &body), true),
            Behaviour::AnswerAndClose(status, body) => (response(status, "", &body), false),
            Behaviour::CutShort(status, headers) => {
                let head =
                    format!("HTTP/1.1 {status} X\r\n{headers}content-length: 50\r\n\r\nhalf");
                (head, false)
            }
            Behaviour::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Behaviour::Hang => std::future::pending().await,
        };
        if stream.write_all(text.as_bytes()).await.is_err() || !go_on {
            return;
        }
    }
}

fn response(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let lower = head.to_lowercase();
            let length = lower.lines().find_map(|l| l.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |n| n.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                buffer.drain(..end + 4 + length);
                let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
                return Some(Request { line, head: lower });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Status and body of a `GET`.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    use super::{client::Client, request::Call, site::Site};
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let reply = Client::new(&Site::from(&[address][..]))
        .send(&Call::get(path.to_owned()), deadline)
        .await
        .unwrap();
    (reply.status, String::from_utf8(reply.answer.body.to_vec()).unwrap())
}

/// The demo shop's workload, with shares of reads of so many percent.
pub fn shop_with(read_percent: u8, users: u16) -> Arc<Workload> {
    let mut stage = crate::verify::testing::stage();
    stage.traffic.read_percent = read_percent;
    Arc::new(Workload { users, ..stage.workload() })
}

/// The demo shop's workload.
pub fn shop() -> Arc<Workload> {
    shop_with(70, 20)
}

/// Status of a `POST` with a small body; 0 when there is no answer.
pub async fn post(address: SocketAddr, path: &str) -> u16 {
    use super::{client::Client, request::Call, site::Site};
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let method = hyper::Method::POST;
    let call = Call { method, body: "{}".into(), ..Call::get(path.to_owned()) };
    Client::new(&Site::from(&[address][..]))
        .send(&call, deadline)
        .await
        .map_or(0, |reply| reply.status)
}

/// Starts programs of this machine.
#[derive(Debug)]
pub struct Here;

impl Programs for Here {
    fn open(&self, exec: Exec) -> BoxFuture<'static, Result<Opened, String>> {
        Box::pin(async move {
            let (program, rest) = exec.command.split_first().ok_or("no command")?;
            let mut child = Command::new(program)
                .args(rest)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|e| e.to_string())?;
            let input = child.stdin.take().ok_or("no input")?;
            let out = BufReader::new(child.stdout.take().ok_or("no output")?);
            let err = BufReader::new(child.stderr.take().ok_or("no words")?);
            let lines = |is_err: bool| {
                move |line: String| match is_err {
                    true => Said::Err(format!("{line}\n").into()),
                    false => Said::Out(format!("{line}\n").into()),
                }
            };
            let out = stream::unfold(out.lines(), |mut lines| async move {
                Some((lines.next_line().await.ok()??, lines))
            });
            let err = stream::unfold(err.lines(), |mut lines| async move {
                Some((lines.next_line().await.ok()??, lines))
            });
            // What it said comes before its end.
            let output = err.map(lines(true)).chain(stream::empty());
            let output = stream::select(out.map(lines(false)), output).boxed();
            tokio::spawn(async move { child.wait().await });
            Ok(Opened { node: "here".into(), output, input: Box::pin(input) })
        })
    }
}
