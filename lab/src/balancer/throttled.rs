//! How many requests an API gateway let through and refused, and why: nginx counts that nowhere, but
//! says so in its logs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;

use super::gateway::{PASSED, throttled_by};

/// Longest line of nginx's log.
const LONGEST_LINE: usize = 4096;

/// What is counted. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Throttled(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    passed: u64,
    /// By the bucket that was empty.
    refused: BTreeMap<String, u64>,
}

impl Throttled {
    /// Counts what a line says.
    pub fn count(&self, line: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if line.ends_with(PASSED) {
            counts.passed += 1;
        } else if let Some(zone) = throttled_by(line) {
            *counts.refused.entry(zone.to_owned()).or_default() += 1;
        }
    }

    /// Reads the log for as long as it is polled.
    pub async fn listen(self, socket: UdpSocket) {
        let mut line = [0_u8; LONGEST_LINE];
        // An error is about one datagram; the next is read all the same.
        loop {
            if let Ok(length) = socket.recv(&mut line).await {
                self.count(&String::from_utf8_lossy(line.get(..length).unwrap_or_default()));
            }
        }
    }

    /// The metrics.
    pub fn render(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = format!(
            "# HELP lab_gateway_passed_total Requests that were let through.
# TYPE lab_gateway_passed_total counter
lab_gateway_passed_total {}
# HELP lab_gateway_throttled_total Requests that were refused, by the bucket that was empty.
# TYPE lab_gateway_throttled_total counter
",
            counts.passed
        );
        for (bucket, count) in &counts.refused {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "lab_gateway_throttled_total{{bucket=\"{bucket}\"}} {count}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_log_says_is_in_the_metrics() {
        let throttled = Throttled::default();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let reading = tokio::spawn(throttled.clone().listen(socket));
        let nginx = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for zone in ["client", "total", "client"] {
            let line = format!("limiting requests, excess: 1.000 by zone \"{zone}\", client: 1");
            nginx.send_to(line.as_bytes(), address).await.unwrap();
        }
        nginx.send_to(b"something else", address).await.unwrap();
        nginx.send_to(format!("<190>nginx: {PASSED}").as_bytes(), address).await.unwrap();
        let limit = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while !throttled.render().contains("passed_total 1\n") {
            assert!(tokio::time::Instant::now() < limit, "{}", throttled.render());
            tokio::task::yield_now().await;
        }
        reading.abort();
        let page = throttled.render();
        assert!(page.contains("{bucket=\"client\"} 2\n"), "{page}");
        assert!(page.contains("{bucket=\"total\"} 1\n"), "{page}");
    }
}
