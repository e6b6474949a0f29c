//! What the hop through the proxy costs: run it alone on a quiet machine with
//! `cargo test --release -p netproxy --test hop -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "also what helps a test is a test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use netproxy::{Collection, ProxyInput};
use serde_json::json;

/// Of a small request and its answer.
const SIZE: usize = 200;
/// What a hop may add at the median.
const LIMIT: Duration = Duration::from_micros(300);

/// Answers each message with one of the same size.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; SIZE];
                while stream.read_exact(&mut buffer).is_ok() && stream.write_all(&buffer).is_ok() {}
            });
        }
    });
    address
}

/// A proxy in front of an upstream, and its address.
async fn proxy(upstream: SocketAddr) -> (Collection, SocketAddr) {
    let all = Collection::new(LIMIT * 1000);
    let input = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream.to_string()});
    let input: ProxyInput = serde_json::from_value(input).unwrap();
    let view = json!(all.create(&input).await.unwrap());
    let address = view["listen"].as_str().unwrap().parse().unwrap();
    (all, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn call(stream: &mut TcpStream) {
    stream.write_all(&[1; SIZE]).unwrap();
    stream.read_exact(&mut [0; SIZE]).unwrap();
}

/// Times the same thing directly and through the proxy in turn, so that both see the same machine.
fn compare(what: &str, count: usize, mut calls: [Box<dyn FnMut() + '_>; 2]) -> Duration {
    let mut times = [0, 1].map(|_| Histogram::<u64>::new(3).unwrap());
    for round in 0..count {
        for (call, times) in calls.iter_mut().zip(&mut times) {
            let start = Instant::now();
            call();
            // The first ones find cold caches.
            if round >= count / 10 {
                times.record(u64::try_from(start.elapsed().as_nanos()).unwrap()).unwrap();
            }
        }
    }
    let us = |n: u64| n as f64 / 1000.0;
    for (way, times) in ["direct", "proxy"].iter().zip(&times) {
        let [p50, p99] = [0.5, 0.99].map(|q| us(times.value_at_quantile(q)));
        println!("{what:<16} {way:<7} n={:<6} p50 {p50:7.1} us   p99 {p99:7.1} us", times.len());
    }
    let [direct, proxied] = times.map(|t| t.value_at_quantile(0.5));
    Duration::from_nanos(proxied.saturating_sub(direct))
}

#[test]
#[ignore = "takes timings: needs a quiet machine and a release build"]
fn a_hop_costs_less_than_the_limit_at_the_median() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let upstream = echo();
    let (_all, address) = runtime.block_on(proxy(upstream));
    let mut kept = [connect(upstream), connect(address)];
    let [direct, proxied] = &mut kept;
    let kept = compare(
        "open connection",
        20_000,
        [Box::new(move || call(direct)), Box::new(move || call(proxied))],
    );
    let anew = compare(
        "new connection",
        3_000,
        [Box::new(|| call(&mut connect(upstream))), Box::new(|| call(&mut connect(address)))],
    );
    println!("added at p50: {kept:?} on an open connection, {anew:?} with a new one");
    assert!(kept < LIMIT && anew < LIMIT, "{kept:?} {anew:?}");
}
