//! A load balancer that misbehaves as a test wants it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request that it has read.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// It answers so, with a body of two bytes.
    Answers(&'static str),
    /// It ends the connection.
    HangsUp,
    /// It says nothing.
    Waits,
}

/// An answer without effect, as the shop gives it.
pub const NOT_NOW: Does = Does::Answers("503 Service Unavailable\r\nx-effect: none");

/// The load balancer; its tasks end with the test.
pub struct Balancer {
    /// Where it listens.
    pub port: u16,
    requests: Arc<AtomicUsize>,
}

impl Balancer {
    /// One that does with its first requests what is said, and the last of it with all later ones.
    pub async fn start(script: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&counter), script));
            }
        });
        Self { port, requests }
    }

    /// Requests that it has read.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, requests: Arc<AtomicUsize>, script: &'static [Does]) {
    let mut read = Vec::new();
    loop {
        let mut part = [0_u8; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(n) => read.extend_from_slice(&part[..n]),
        }
        if !is_whole(&read) {
            continue;
        }
        read.clear();
        let number = requests.fetch_add(1, Ordering::SeqCst);
        match script.get(number).or(script.last()).expect("a script") {
            Does::Answers(head) => {
                let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\n{{}}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Does::HangsUp => return,
            Does::Waits => std::future::pending().await,
        }
    }
}

/// Whether a request with a length, or without a body, is there.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
