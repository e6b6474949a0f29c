//! The program as a whole, asked as PowerDNS asks it; PowerDNS itself is not there.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UdpSocket, UnixStream};
use tokio::sync::oneshot;

use super::config::{CheckConfig, DnsConfig, DnsTarget, NameServer};
use super::resolver::Resolver;
use super::run::{SOCKET, run_until};
use crate::load::testing::{Behaviour, Server};
use crate::spec::model::DnsPolicy;

/// Targets at 127.0.0.1, 127.0.0.2 and so on.
pub(super) fn config(targets: &[u8]) -> DnsConfig {
    let target = |n: &u8| DnsTarget {
        name: format!("cdn-{n}"),
        address: SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, *n), 8080),
        weight: 1,
        primary: *n == 1,
    };
    let server = |zone: &str, n| NameServer {
        name: format!("dns-{zone}1.lab"),
        address: Ipv4Addr::new(10, 0, n, 10),
    };
    DnsConfig {
        name: "shop.lab".into(),
        domain: "lab".into(),
        servers: vec![server("a", 1), server("b", 2)],
        policy: DnsPolicy::Multivalue,
        ttl_s: 3,
        targets: targets.iter().map(target).collect(),
        check: CheckConfig {
            path: "/healthz".into(),
            checkers: 2,
            interval_ms: 10,
            threshold: 3,
            connect_timeout_ms: 1000,
            answer_timeout_ms: 1000,
        },
        port: 0,
        status_port: 0,
        folder: "/nowhere".into(),
        command: vec!["sleep".into(), "1000".into()],
    }
}

/// Asks for the addresses of the name, as PowerDNS does.
async fn asked(folder: &Path) -> Vec<String> {
    let stream = UnixStream::connect(folder.join(SOCKET)).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let parameters = json!({ "qname": "shop.lab.", "qtype": "ANY" });
    let question = json!({ "method": "lookup", "parameters": parameters });
    writer.write_all(format!("{question}\n").as_bytes()).await.unwrap();
    let line = BufReader::new(reader).lines().next_line().await.unwrap().unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap();
    let mut found: Vec<String> = answer["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["content"].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

async fn until(folder: &Path, wanted: &[&str]) {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let found = asked(folder).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < limit, "{found:?} instead of {wanted:?}");
    }
}

#[tokio::test]
async fn what_fails_its_checks_is_answered_no_more_until_it_works_again() {
    let works = Arc::new(AtomicBool::new(true));
    let says = Arc::clone(&works);
    let server = Server::start(move |_| {
        let status = if says.load(Ordering::SeqCst) { 200 } else { 503 };
        Behaviour::Answer(status, "", String::new())
    })
    .await;
    let steady = Server::start(|_| Behaviour::Answer(200, "", String::new())).await;
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&[1, 2]);
    let v4 = |address: SocketAddr| match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => panic!("no"),
    };
    config.targets[0].address = v4(server.address);
    config.targets[1].address = v4(steady.address);
    // Both answer at 127.0.0.1, so that the number of addresses tells.
    config.folder = dir.path().into();
    config.status_port = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let (end, ended) = oneshot::channel::<()>();
    let running = tokio::spawn(run_until(config, async { drop(ended.await) }));
    let limit = Instant::now() + Duration::from_secs(10);
    while UnixStream::connect(dir.path().join(SOCKET)).await.is_err() {
        assert!(Instant::now() < limit && !running.is_finished());
        tokio::task::yield_now().await;
    }
    until(dir.path(), &["127.0.0.1", "127.0.0.1"]).await;
    works.store(false, Ordering::SeqCst);
    until(dir.path(), &["127.0.0.1"]).await;
    works.store(true, Ordering::SeqCst);
    until(dir.path(), &["127.0.0.1", "127.0.0.1"]).await;
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}

/// A name server that answers nothing is left for the next one, which is asked first from then on.
#[tokio::test]
async fn a_silent_name_server_is_asked_last() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let good = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let servers = vec![silent.local_addr().unwrap(), good.local_addr().unwrap()];
    tokio::spawn(async move {
        let mut bytes = [0; 512];
        while let Ok((length, who)) = good.recv_from(&mut bytes).await {
            let mut answer = bytes[..length].to_vec();
            (answer[2], answer[7]) = (0x84, 1);
            answer.extend(b"\xC0\x0C\0\x01\0\x01\0\0\0\x07\0\x04\x0A\x00\x00\x01");
            good.send_to(&answer, who).await.unwrap();
        }
    });
    let mut resolver = Resolver::new(servers, "shop.lab");
    for turn in 0..2 {
        let began = Instant::now();
        let resolved = resolver.resolve().await.unwrap();
        assert_eq!(resolved.addresses, [Ipv4Addr::new(10, 0, 0, 1)]);
        assert_eq!(resolved.ttl, Duration::from_secs(7));
        assert!(turn == 0 || began.elapsed() < Duration::from_millis(400), "the silent one first");
    }
    let nobody = Resolver::new(Vec::new(), "shop.lab").resolve().await;
    assert_eq!(nobody.unwrap_err(), "there is no name server");
}
