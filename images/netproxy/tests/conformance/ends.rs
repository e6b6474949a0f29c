//! How connections begin and end without toxics.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;

use crate::harness::{CONNECT_TIMEOUT, Server};
use crate::peers::{End, connect, echo, end, nobody, round_trip, says, server as peer};

#[test]
fn bytes_arrive_whole_in_both_directions_at_once() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let sent: Vec<u8> = (0..8_000_000_u32).map(|i| (i % 251) as u8).collect();
    let mut stream = connect(address);
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    let writing = std::thread::spawn(move || writer.write_all(&copy).unwrap());
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent, "not what was sent");
}

#[test]
fn the_end_of_the_server_comes_after_its_last_byte() {
    let server = Server::start();
    let address = server.proxy("p", says(b"bye".to_vec(), true));
    assert_eq!(end(&mut connect(address)), End::Closed(b"bye".to_vec()));
}

#[test]
fn the_end_of_the_client_reaches_the_server() {
    let server = Server::start();
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = peer(move |mut stream| {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let _ = tell.send(all);
    });
    let mut stream = connect(server.proxy("p", upstream));
    stream.write_all(b"so long").unwrap();
    drop(stream);
    assert_eq!(told.recv_timeout(crate::harness::LONG).unwrap(), b"so long");
}

#[test]
fn a_half_closed_connection_is_closed() {
    let server = Server::start();
    let mut stream = connect(server.proxy("p", says(Vec::new(), false)));
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(end(&mut stream), End::Closed(Vec::new()));
}

#[test]
fn a_refusing_upstream_shows_as_an_end_without_a_byte() {
    let server = Server::start();
    let mut stream = connect(server.proxy("p", nobody()));
    assert_eq!(end(&mut stream), End::Closed(Vec::new()));
}

#[test]
fn a_silent_upstream_is_given_up() {
    let server = Server::start();
    if !server.is_ours() {
        return; // The official server waits for minutes.
    }
    // A full queue of connections nobody accepts: further ones get no answer at all.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let silent = listener.local_addr().unwrap();
    let wait = Duration::from_millis(200);
    let queue: Vec<_> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&silent, wait).ok()).take(9).collect();
    assert!(queue.len() < 9, "the queue has no end");
    let start = std::time::Instant::now();
    assert_eq!(end(&mut connect(server.proxy("p", silent))), End::Closed(Vec::new()));
    assert!((CONNECT_TIMEOUT..CONNECT_TIMEOUT * 4).contains(&start.elapsed()));
}

#[test]
fn an_upstream_that_returns_is_found_again() {
    let server = Server::start();
    let upstream = nobody();
    let address = server.proxy("p", upstream);
    end(&mut connect(address));
    let listener = TcpListener::bind(upstream).unwrap();
    let mut stream = connect(address);
    stream.write_all(b"x").unwrap();
    let mut byte = [0];
    listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn a_disabled_proxy_closes_and_refuses_until_it_is_enabled() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "latency", "downstream", json!({"latency": 30}));
    let mut open = connect(address);
    round_trip(&mut open);
    server.post("/proxies/p", &json!({"enabled": false})).expect(200);
    assert_eq!(end(&mut open), End::Closed(Vec::new()));
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    server.post("/proxies/p", &json!({"enabled": true})).expect(200);
    assert!(round_trip(&mut connect(address)).as_millis() >= 30, "toxics stay");
}

#[test]
fn a_removed_proxy_closes_and_refuses() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let mut open = connect(address);
    round_trip(&mut open);
    assert_eq!(server.call("DELETE", "/proxies/p", "").status, 204);
    assert_eq!(end(&mut open), End::Closed(Vec::new()));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn another_upstream_closes_and_leads_elsewhere() {
    let server = Server::start();
    let address = server.proxy("p", says(b"one".to_vec(), true));
    assert_eq!(end(&mut connect(address)), End::Closed(b"one".to_vec()));
    let other = says(b"two".to_vec(), true).to_string();
    server.post("/proxies/p", &json!({"upstream": other})).expect(200);
    assert_eq!(end(&mut connect(address)), End::Closed(b"two".to_vec()));
}
