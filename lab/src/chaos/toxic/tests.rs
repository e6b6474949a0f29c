use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use netproxy::{Collection, ProxyInput, router};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const SLOW: Toxic = Toxic::Latency { latency_ms: 80, jitter_ms: 10 };

async fn listener() -> (TcpListener, SocketAddrV4) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!("not IPv4") };
    (listener, address)
}

async fn echo() -> String {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = split(stream);
                copy(&mut from, &mut to).await
            });
        }
    });
    address.to_string()
}

/// A network proxy with one edge to an echo, and the address of the edge.
async fn net_proxy() -> (NetProxy, String) {
    let collection = Arc::new(Collection::new(LIMIT));
    let text = |text: &str| Some(text.to_owned());
    let edge = ProxyInput {
        name: text("web-db"),
        listen: text("127.0.0.1:0"),
        upstream: Some(echo().await),
        enabled: None,
    };
    collection.create(&edge).await.unwrap();
    let (listener, api) = listener().await;
    tokio::spawn(async move { axum::serve(listener, router(collection)).await });
    let address = tokio::task::spawn_blocking(move || {
        Client::new(api).find_proxy("web-db").unwrap().proxy_pack.listen
    });
    (NetProxy::new(api), address.await.unwrap())
}

/// How long a call over the edge takes.
async fn call(edge: &str) -> std::io::Result<Duration> {
    let start = Instant::now();
    let mut stream = TcpStream::connect(edge).await?;
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut [0; 4]).await?;
    Ok(start.elapsed())
}

#[tokio::test]
async fn an_edge_is_made_slow_and_quick_again() {
    let (proxy, edge) = net_proxy().await;
    proxy.inject("web-db", SLOW).await.unwrap();
    assert!(proxy.suffers("web-db", SLOW).await.unwrap());
    assert!(call(&edge).await.unwrap() >= Duration::from_millis(70));
    let other = Toxic::Latency { latency_ms: 81, jitter_ms: 10 };
    assert!(!proxy.suffers("web-db", other).await.unwrap());
    let refused = proxy.inject("web-db", other).await.unwrap_err().to_string();
    assert!(refused.contains("but shows") && refused.contains("web-db"), "{refused}");
    proxy.heal("web-db", SLOW).await.unwrap();
    assert!(!proxy.suffers("web-db", SLOW).await.unwrap());
    proxy.heal("web-db", SLOW).await.unwrap();
    call(&edge).await.unwrap();
}

#[tokio::test]
async fn an_edge_is_cut_and_joined_again() {
    let (proxy, edge) = net_proxy().await;
    proxy.inject("web-db", Toxic::Cut).await.unwrap();
    assert!(proxy.suffers("web-db", Toxic::Cut).await.unwrap());
    assert_eq!(call(&edge).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    proxy.heal("web-db", Toxic::Cut).await.unwrap();
    call(&edge).await.unwrap();
}

#[tokio::test]
async fn an_edge_resets_and_other_toxics_outlive_the_heal() {
    let (proxy, edge) = net_proxy().await;
    proxy.inject("web-db", SLOW).await.unwrap();
    proxy.inject("web-db", Toxic::Reset).await.unwrap();
    assert_eq!(call(&edge).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    proxy.heal("web-db", Toxic::Reset).await.unwrap();
    assert!(!proxy.suffers("web-db", Toxic::Reset).await.unwrap());
    assert!(proxy.suffers("web-db", SLOW).await.unwrap());
    call(&edge).await.unwrap();
}

#[tokio::test]
async fn an_unknown_edge_and_a_proxy_that_is_gone_are_errors() {
    let (proxy, _) = net_proxy().await;
    for toxic in [SLOW, Toxic::Cut, Toxic::Reset] {
        let error = proxy.inject("web-cache", toxic).await.unwrap_err();
        assert!(matches!(error, ToxicError::Refused { .. }), "{error}");
    }
    let (_, nobody) = listener().await;
    for toxic in [SLOW, Toxic::Cut, Toxic::Reset] {
        let error = NetProxy::new(nobody).inject("web-db", toxic).await.unwrap_err();
        assert!(matches!(error, ToxicError::Unreachable { .. }), "{error}");
    }
}

/// Answers every GET with one edge without toxics, and other requests with these bytes.
async fn pretender(to_changes: &'static str) -> NetProxy {
    let (listener, api) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let len = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..len]).into_owned();
            let edge = r#"{"name":"web-db","listen":"","upstream":"","enabled":true,"toxics":[]}"#;
            let body = if request.contains("/toxics ") { "[]" } else { edge };
            let answer = if request.starts_with("GET") {
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")
            } else {
                to_changes.to_owned()
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    NetProxy::new(api)
}

#[tokio::test]
async fn a_proxy_that_breaks_off_is_an_error_and_no_panic() {
    let error = pretender("").await.inject("web-db", SLOW).await.unwrap_err();
    assert!(matches!(error, ToxicError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_proxy_that_only_says_yes_is_not_believed() {
    let proxy =
        pretender("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    for toxic in [SLOW, Toxic::Cut, Toxic::Reset] {
        let error = proxy.inject("web-db", toxic).await.unwrap_err();
        assert!(matches!(error, ToxicError::NotSeen { .. }), "{error}");
    }
}

#[test]
fn edges_that_suffer_are_read_off_the_listing() {
    let listing = r#"{
        "web:db": {"enabled": true, "toxics": []},
        "web:cache": {"enabled": false, "toxics": []},
        "web:aws": {"enabled": true, "toxics": [{"name": "latency_downstream"}]}
    }"#;
    assert_eq!(suffering_in(listing).unwrap(), ["web:aws", "web:cache"]);
}
