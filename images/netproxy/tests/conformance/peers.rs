//! What stands behind and before a proxy in these tests.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::LONG;

/// A server that treats each connection in this way.
pub fn server(treat: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let treat = treat.clone();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || treat(stream));
        }
    });
    address
}

/// Sends everything back.
pub fn echo() -> SocketAddr {
    server(|mut stream| {
        let mut buffer = [0; 65536];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
    })
}

/// Sends this at once and ends, or waits for the other side to end.
pub fn says(text: Vec<u8>, ends: bool) -> SocketAddr {
    server(move |mut stream| {
        let _ = stream.write_all(&text);
        if !ends {
            let _ = stream.read(&mut [0]);
        }
    })
}

/// An address that refuses connections.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// How long an echo took.
pub fn round_trip(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    stream.write_all(b"ping").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
    start.elapsed()
}

/// How a connection ended after which bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Closed(Vec<u8>),
    Reset,
}

pub fn end(stream: &mut TcpStream) -> End {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => End::Closed(all),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => End::Reset,
        Err(e) => panic!("neither data nor an end within {LONG:?}: {e}"),
    }
}

/// How a connection ended although something was said. A reset that comes first is seen by the writer
/// only.
pub fn end_of_talk(stream: &mut TcpStream) -> End {
    match stream.write_all(b"hello") {
        Err(e) if e.kind() == ErrorKind::ConnectionReset => End::Reset,
        _ => end(stream),
    }
}

/// Whether nothing arrives for this long.
pub fn silent(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_read_timeout(Some(LONG)).unwrap();
    read.is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
}
