//! What the tests of the running program share. Not every test uses all of it.
#![allow(dead_code)]

pub mod app;
pub mod aws;
pub mod balancer;
pub mod collector;
pub mod load;
pub mod pgbouncer;
pub mod postgres;
pub mod queues;
pub mod redis;

use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use tokio::time::Instant;

/// Waits until `check` yields something; fails with `what` when that takes longer than a minute.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let limit = Instant::now() + Duration::from_secs(60);
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < limit, "after a minute still not true: {what}");
    }
}

/// A port of 127.0.0.1 that nobody uses.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Sends a signal to one process.
pub fn signal(pid: u32, name: &str) {
    let status =
        std::process::Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(status.expect("kill runs").success(), "no process {pid}");
}
