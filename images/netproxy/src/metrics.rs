//! Byte counts of the proxies in the text format of Prometheus, under Toxiproxy's names.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::collection::Collection;
use crate::proxy::Proxy;
use crate::toxic::Stream;

/// Bytes in one direction.
#[derive(Debug, Default)]
pub struct Counter {
    /// Read from the sender.
    pub received: AtomicU64,
    /// Written to the receiver.
    pub sent: AtomicU64,
}

/// Bytes in both directions.
#[derive(Debug, Default)]
pub struct Counters {
    /// From callers to the upstream.
    pub upstream: Counter,
    /// From the upstream to callers.
    pub downstream: Counter,
}

/// All counts as text.
pub async fn text(collection: &Collection) -> String {
    let mut all = String::new();
    for name in ["received", "sent"] {
        // Writing to a string cannot fail.
        let _ = writeln!(all, "# TYPE toxiproxy_proxy_{name}_bytes_total counter");
        collection.each(|proxy| family(&mut all, name, proxy)).await;
    }
    all
}

fn family(all: &mut String, name: &str, proxy: &Proxy) {
    let counters = proxy.counters();
    for (stream, counter) in
        [(Stream::Downstream, &counters.downstream), (Stream::Upstream, &counters.upstream)]
    {
        let count = if name == "sent" { &counter.sent } else { &counter.received };
        let _ = writeln!(
            all,
            "toxiproxy_proxy_{name}_bytes_total{{direction=\"{}\",listener=\"{}\",proxy=\"{}\",\
             upstream=\"{}\"}} {}",
            stream.as_str(),
            escaped(proxy.listen()),
            escaped(proxy.name()),
            escaped(proxy.upstream()),
            count.load(Relaxed),
        );
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
