//! An API gateway with a real nginx: how many requests pass, and whose. Run as `real_nginx`.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::{ClientPlan, GatewayConfig, TokenBucket};
use super::real_nginx::{ok, start};
use crate::load::testing::{Server, get};

/// A token in a minute: what a bucket has at the beginning is all that a test sees.
fn slow(burst: u32) -> TokenBucket {
    TokenBucket { per_minute: 1, burst }
}

fn gateway() -> GatewayConfig {
    GatewayConfig {
        total: slow(100),
        client: Some(slow(5)),
        plans: vec![ClientPlan {
            name: "gold".into(),
            bucket: slow(8),
            keys: vec!["key-a".into(), "key-b".into()],
        }],
        timeout_ms: 29_000,
        trusted: "127.0.0.0/8".into(),
    }
}

/// The whole answer to a request with these header lines.
async fn ask(site: SocketAddr, headers: &str) -> String {
    ask_for(site, "/", headers).await
}

async fn ask_for(site: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(site).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// How many of so many requests pass; the others are refused as they should be.
async fn passed(site: SocketAddr, requests: usize, headers: &str) -> usize {
    let mut passed = 0;
    for _ in 0..requests {
        let answer = ask(site, headers).await;
        if answer.starts_with("HTTP/1.1 200 ") {
            passed += 1;
        } else {
            assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
            assert!(answer.contains("\r\nRetry-After: 60\r\n"), "{answer}");
            assert!(answer.contains("\"error\":\"too many requests\""), "{answer}");
        }
    }
    passed
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_bucket_lets_pass_what_it_holds_and_each_client_has_its_own() {
    let target = Server::start(ok("a")).await;
    let balancing = start(&[target.address], |c| c.gateway = Some(gateway())).await;
    balancing.until_healthy().await;
    let site = balancing.site;
    assert_eq!(passed(site, 9, "Authorization: Bearer one\r\n").await, 5, "a session");
    assert_eq!(passed(site, 9, "Authorization: Bearer two\r\n").await, 5, "another");
    assert_eq!(passed(site, 9, "X-Forwarded-For: 198.18.0.1\r\n").await, 5, "an address");
    assert_eq!(passed(site, 9, "X-Forwarded-For: 198.18.0.2\r\n").await, 5, "another");
    let behind = "X-Forwarded-For: 203.0.113.9, 198.18.0.2, 127.0.0.9\r\n";
    assert_eq!(passed(site, 2, behind).await, 0, "what a client says of itself is not believed");
    assert_eq!(passed(site, 9, "X-Api-Key: key-a\r\nAuthorization: Bearer one\r\n").await, 8);
    assert_eq!(passed(site, 9, "X-Api-Key: key-b\r\n").await, 8, "each key has its own");
    assert_eq!(passed(site, 1, "X-Api-Key: none\r\nAuthorization: Bearer one\r\n").await, 0);
    let expected =
        [("passed_total ", 36), ("{bucket=\"client\"} ", 19), ("{bucket=\"plan-gold\"} ", 2)];
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let page = get(balancing.status, "/metrics").await.1;
        if expected.iter().all(|(name, n)| page.contains(&format!("{name}{n}\n"))) {
            break;
        }
        assert!(std::time::Instant::now() < limit, "{page}");
    }
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn all_together_pass_no_more_than_the_total_and_a_refused_one_takes_no_token() {
    let target = Server::start(ok("a")).await;
    let few = GatewayConfig { total: slow(12), ..gateway() };
    let balancing = start(&[target.address], |c| c.gateway = Some(few)).await;
    balancing.until_healthy().await;
    let site = balancing.site;
    assert_eq!(passed(site, 50, "Authorization: Bearer one\r\n").await, 5);
    assert_eq!(passed(site, 9, "Authorization: Bearer two\r\n").await, 5);
    assert_eq!(passed(site, 9, "Authorization: Bearer three\r\n").await, 2, "of the total");
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn only_the_lab_itself_may_look_as_often_as_it_likes() {
    let target = Server::start(ok("a")).await;
    let balancing = start(&[target.address], |c| c.gateway = Some(gateway())).await;
    balancing.until_healthy().await;
    for _ in 0..20 {
        assert_eq!(get(balancing.site, "/readyz").await.0, 200);
    }
    let user = "X-Forwarded-For: 198.18.0.1\r\n";
    let mut refused = 0;
    for _ in 0..20 {
        let answer = ask_for(balancing.site, "/readyz", user).await;
        refused += usize::from(answer.starts_with("HTTP/1.1 429 "));
    }
    assert_eq!(refused, 15);
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn tokens_come_back_at_the_rate() {
    let target = Server::start(ok("a")).await;
    let quick = TokenBucket { per_minute: 600, burst: 3 };
    let config = GatewayConfig { client: Some(quick), ..gateway() };
    let balancing = start(&[target.address], |c| c.gateway = Some(config)).await;
    balancing.until_healthy().await;
    let began = std::time::Instant::now();
    let mut passed = 0;
    while began.elapsed() < std::time::Duration::from_secs(2) {
        let answer = ask(balancing.site, "Authorization: Bearer one\r\n").await;
        passed += usize::from(answer.starts_with("HTTP/1.1 200 "));
    }
    // Ten a second for two seconds, and three at once.
    assert!((21..=24).contains(&passed), "{passed}");
    balancing.end().await.unwrap();
}
