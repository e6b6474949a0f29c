//! What the generator costs. Run by hand:
//! `cargo test --release -p lab load::tests::cost -- --ignored --nocapture`

use std::time::{Duration, Instant};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::config;
use crate::load::handle::start;

/// CPU time of this process's threads with `name`, in clock ticks of 10 ms, user and system.
fn ticks(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("stat")).ok());
    let ours = stats.filter(|stat| stat.contains(&format!("({name})")));
    ours.map(|stat| {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    })
    .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement, not a test"]
async fn cost_at_1000_per_second() {
    measure(1000).await;
}

/// Meaningful in a release build only: without optimisation the server falls behind, and the
/// result is what an overload costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement, not a test"]
async fn cost_at_5000_per_second() {
    measure(5000).await;
}

async fn measure(rate_per_s: u32) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(|_| async {
                let body = http_body_util::Full::<bytes::Bytes>::from("{\"token\":\"t\"}");
                Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
        }
    });
    let mut config = config(&[address], rate_per_s, 70, 5000);
    config.timeout = Duration::from_secs(6);
    let began = Instant::now();
    let load = start(config, Box::new(|_| ())).unwrap();
    let mut cpu = (0, 0);
    // The threads are gone when the run is, so they are read while it goes on.
    while began.elapsed() < Duration::from_millis(4900) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cpu = (ticks("load"), ticks("load-pacer"));
    }
    let seconds = began.elapsed().as_secs_f64();
    let summary = load.finished().await.unwrap();
    let share = |ticks: u64| ticks as f64 / seconds;
    println!("sent {} ok {} dropped {}", summary.sent, summary.ok, summary.dropped);
    println!("generator {:.1}% of a core, pacer {:.1}%", share(cpu.0), share(cpu.1));
    let h = &summary.histogram;
    println!("p50 {} us, p99 {} us", h.value_at_quantile(0.5), h.value_at_quantile(0.99));
}
