//! Connections that stay, and answers that are large or cannot be passed on, with a real nginx: through a
//! load balancer, a gateway and an edge cache. Run as `real_nginx`.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::{GatewayConfig, TokenBucket};
use super::real_nginx::start;
use crate::kinds::{self, Context, PublishMode};
use crate::plan::layout::Subnet;

/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(10);

/// Reads until the text is there.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let reading = async {
        let (mut text, mut part) = (String::new(), [0; 8192]);
        while !text.contains(wanted) {
            let length = stream.read(&mut part).await.unwrap();
            text += &String::from_utf8_lossy(&part[..length]);
            assert!(length > 0, "it ended without {wanted:?}: {text}");
        }
        text
    };
    tokio::time::timeout(LIMIT, reading).await.unwrap_or_else(|_| panic!("no {wanted:?}"))
}

/// A target with every habit that the tests need; it closes connections that are idle for `idle`.
async fn target(idle: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, idle));
        }
    });
    address
}

async fn serve(mut stream: TcpStream, idle: Duration) {
    let mut part = [0; 65_536];
    // Nothing for so long: it closes without a word, as servers do.
    while let Ok(Ok(length @ 1..)) = tokio::time::timeout(idle, stream.read(&mut part)).await {
        let head = String::from_utf8_lossy(&part[..length]).to_lowercase();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = match path.as_str() {
            "/socket" if head.contains("\r\nupgrade: websocket\r\n") => {
                assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
                let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                            Connection: Upgrade\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                let (mut from, mut to) = stream.split();
                drop(tokio::io::copy(&mut from, &mut to).await);
                return;
            }
            "/events" => {
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                // There is never a second one: who waits for more sees nothing.
                std::future::pending::<()>().await;
                return;
            }
            "/large" | "/too-large" => {
                let more = if path == "/large" { 16 } else { 40 };
                let lines: String =
                    (0..more).map(|n| format!("X-Part-{n}: {}\r\n", "x".repeat(1010))).collect();
                format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok")
            }
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn gateway() -> GatewayConfig {
    GatewayConfig {
        total: TokenBucket { per_minute: 60_000, burst: 1000 },
        client: None,
        plans: Vec::new(),
        timeout_ms: 29_000,
        trusted: "127.0.0.0/8".into(),
    }
}

async fn connected(site: SocketAddr, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(site).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// What every tier on the way has to let pass, and what it says of the rest.
async fn passes(site: SocketAddr) {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let mut socket = connected(site, "/socket", upgrade).await;
    let head = read_until(&mut socket, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket.write_all(b"are you there?").await.unwrap();
    read_until(&mut socket, "are you there?").await;

    for accept in ["Accept: text/event-stream\r\n", ""] {
        let mut events = connected(site, "/events", accept).await;
        read_until(&mut events, "data: first").await;
    }

    let mut large = connected(site, "/large", "").await;
    let head = read_until(&mut large, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("X-Part-15: "), "{head}");

    // Another protocol is not what anybody asked for in the first place.
    let mut other = connected(site, "/", "Connection: Upgrade\r\nUpgrade: h2c\r\n").await;
    let answer = read_until(&mut other, "ok").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let mut too_large = connected(site, "/too-large", "").await;
    let answer = read_until(&mut too_large, "}").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains("its headers have more than 32 KiB"), "{answer}");
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_load_balancer_passes_what_stays() {
    let target = target(LIMIT).await;
    let balancing = start(&[target], |_| ()).await;
    passes(balancing.site).await;
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_gateway_passes_what_stays() {
    let target = target(LIMIT).await;
    let balancing = start(&[target], |config| config.gateway = Some(gateway())).await;
    passes(balancing.site).await;
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn an_edge_cache_passes_what_stays() {
    let target = target(LIMIT).await;
    let (stage, _) = crate::spec::load("stage-100k").unwrap();
    let nodes = kinds::nodes(&Context {
        lab: "lab",
        stage: &stage,
        subnet: Subnet(10, 77),
        secret: "test",
        images: &Default::default(),
        publish: PublishMode::AsDeclared,
    });
    let edge = nodes.iter().find(|n| n.kind == "cdn").unwrap();
    let file = edge.files.iter().find(|f| f.path.ends_with("cdn.conf")).unwrap();
    // The same configuration, with other addresses and in a folder of its own.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let origin = |line: &str| match line.trim_start().starts_with("server 10.") {
        true => format!("server {target};"),
        false => line.replace("/tmp/lab-cdn", &folder.path().display().to_string()),
    };
    let text: Vec<String> = file.content.lines().map(origin).collect();
    let text = text.join("\n").replace("listen 8080 ", &format!("listen {port} "));
    let conf = folder.path().join("cdn.conf");
    std::fs::write(&conf, text).unwrap();
    let mut nginx = tokio::process::Command::new("nginx")
        .args(["-e", "stderr", "-c"])
        .arg(&conf)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let site = SocketAddr::from(([127, 0, 0, 1], port));
    let begun = Instant::now();
    while TcpStream::connect(site).await.is_err() {
        assert!(begun.elapsed() < LIMIT, "nginx does not listen");
        assert!(nginx.try_wait().unwrap().is_none(), "nginx ended");
    }
    passes(site).await;
    let pid = rustix::process::Pid::from_raw(nginx.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    nginx.wait().await.unwrap();
}

/// The next write is sent at the very moment at which the target closes what is idle.
#[tokio::test]
#[ignore = "needs nginx"]
async fn a_target_that_closes_idle_connections_after_a_second_costs_no_write() {
    let idle = Duration::from_secs(1);
    let target = target(idle).await;
    let balancing = start(&[target], |c| c.health_check.interval_ms = 0).await;
    let mut client = TcpStream::connect(balancing.site).await.unwrap();
    for n in 0..6 {
        let request = "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut client, "ok").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "write {n}: {answer}");
        tokio::time::sleep(idle).await;
    }
    balancing.end().await.unwrap();
}
