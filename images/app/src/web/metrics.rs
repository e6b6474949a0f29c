//! Counters and latency histograms, in Prometheus' text format (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::App;
use crate::aws::Counts;
use crate::cache::Stats;
use crate::db::{Databases, Db, Function, ReplicaStatus as Status, Replicas};
use crate::events::Backlog;
use crate::mail::Inline;
use crate::shop::carts::Carts;
use crate::trace;

/// Upper bounds of the histogram's buckets, in milliseconds; one more bucket has no bound.
const BUCKETS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// What is counted. Shared by all requests.
#[derive(Default)]
pub struct Metrics {
    in_flight: AtomicU64,
    routes: Mutex<BTreeMap<(String, String), Route>>,
}

#[derive(Default)]
struct Route {
    /// By status class: index 2 is 2xx. Index 0 are requests whose client went away.
    by_class: [u64; 6],
    /// Requests in each bucket (not yet added up), the last one without bound.
    buckets: [u64; BUCKETS_MS.len() + 1],
    total: Duration,
}

/// A request in flight; its end is counted even when the client goes away first.
pub struct InFlight<'a> {
    metrics: &'a Metrics,
    method: String,
    route: String,
    began: std::time::Instant,
    status: u16,
}

impl Metrics {
    /// Counts a request that begins. `route` is its pattern, not its path.
    pub fn begin(&self, method: &str, route: &str) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight {
            metrics: self,
            method: method.to_owned(),
            route: route.to_owned(),
            began: std::time::Instant::now(),
            status: 0,
        }
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn record(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let route = routes.entry((method.to_owned(), route.to_owned())).or_default();
        if let Some(count) = route.by_class.get_mut(usize::from(status / 100)) {
            *count += 1;
        }
        if let Some(count) = route.buckets.get_mut(bucket(took)) {
            *count += 1;
        }
        route.total += took;
    }

    /// The page that Prometheus reads.
    pub fn render(&self, app: &App, backlog: Option<Backlog>) -> String {
        let App { db: databases, cache, carts, publisher, queues, inline, slots, capacity, .. } =
            app;
        let mut out = String::with_capacity(8192);
        self.render_routes(&mut out);
        let db = databases.of(Function::Catalogue);
        let stats = db.pool().stats();
        let size = db.pool().config().pool_size as u64;
        let singles: [(&str, &str, &str, u64); 9] = [
            ("shop_requests_in_flight", "gauge", "Requests being served.", self.in_flight()),
            ("shop_db_retries_total", "counter", "Database work tried again.", db.retries()),
            ("shop_db_doubtful_commits_total", "counter", "Commits without answer.", db.doubts()),
            ("shop_db_searches_total", "counter", "Searches for the primary.", stats.searches),
            ("shop_db_primary_known", "gauge", "1 with a primary.", stats.has_primary.into()),
            ("shop_db_pool_size", "gauge", "Most connections in use.", size),
            ("shop_db_pool_idle", "gauge", "Connections ready for use.", stats.idle as u64),
            ("shop_db_pool_in_use", "gauge", "Connections in use.", stats.in_use as u64),
            ("shop_db_unsettled_writes", "gauge", "Writes in progress.", stats.unsettled as u64),
        ];
        for (name, kind, help, value) in singles {
            single(&mut out, name, kind, help, value);
        }
        if let Some(replicas) = db.replicas() {
            render_replicas(&mut out, db, replicas);
        }
        if !databases.are_together(Function::Users, Function::Forum)
            || !databases.are_together(Function::Users, Function::Catalogue)
        {
            render_functions(&mut out, databases);
        }
        if let Some(stats) = cache.stats() {
            render_cache(&mut out, &stats);
        }
        if let Carts::Table(table) = carts {
            render_carts(&mut out, table.counts());
        }
        if let Some((published, failures)) = publisher.as_ref().map(|p| p.counts()) {
            let help = "1 when the front end is in the bucket.";
            single(&mut out, "shop_assets_published", "gauge", help, published.into());
            let help = "Tries to publish that failed.";
            single(&mut out, "shop_assets_failures_total", "counter", help, failures);
        }
        if let Some(counts) = inline.as_ref().map(Inline::counts) {
            let (sent, lost) = (&counts.sent, &counts.lost);
            let help = "Mails sent inside requests.";
            single(&mut out, "shop_inline_mails_total", "counter", help, load(sent));
            let help = "Mails of requests that nobody sends again.";
            single(&mut out, "shop_inline_mails_lost_total", "counter", help, load(lost));
        }
        if let Some(capacity) = capacity {
            capacity.render(&mut out);
        }
        if let Some(slots) = slots {
            slots.render(&mut out);
        }
        if let Some((sent, dropped)) = trace::counts() {
            let help = "Spans that the collector has taken.";
            single(&mut out, "shop_trace_spans_sent_total", "counter", help, sent);
            let help = "Spans that are lost.";
            single(&mut out, "shop_trace_spans_dropped_total", "counter", help, dropped);
        }
        if let Some(queues) = queues {
            queues.render(&mut out, backlog.unwrap_or_default());
        }
        out
    }

    /// The part of the page that is about routes.
    pub fn render_routes(&self, out: &mut String) {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        head(out, "shop_requests_total", "counter", "Requests by route and status class.");
        for ((method, route), counts) in routes.iter() {
            for (class, count) in counts.by_class.iter().enumerate().filter(|(_, n)| **n > 0) {
                let class = if class == 0 { "gone".into() } else { format!("{class}xx") };
                line(
                    out,
                    format_args!(
                        "shop_requests_total{{method=\"{method}\",route=\"{route}\",\
                         status=\"{class}\"}} {count}"
                    ),
                );
            }
        }
        head(out, "shop_request_duration_seconds", "histogram", "Time to answer, by route.");
        for ((method, route), counts) in routes.iter() {
            let labels = format!("method=\"{method}\",route=\"{route}\"");
            counts.render_histogram(out, &labels);
        }
    }
}

impl Route {
    fn render_histogram(&self, out: &mut String, labels: &str) {
        const NAME: &str = "shop_request_duration_seconds";
        let mut sum = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            sum += count;
            let bound = match BUCKETS_MS.get(index) {
                Some(ms) => Duration::from_millis(*ms).as_secs_f64().to_string(),
                None => "+Inf".to_owned(),
            };
            line(out, format_args!("{NAME}_bucket{{{labels},le=\"{bound}\"}} {sum}"));
        }
        line(out, format_args!("{NAME}_sum{{{labels}}} {}", self.total.as_secs_f64()));
        line(out, format_args!("{NAME}_count{{{labels}}} {sum}"));
    }
}

impl InFlight<'_> {
    /// The request was answered with this status.
    pub fn answered(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.metrics.record(&self.method, &self.route, self.status, self.began.elapsed());
    }
}

/// Each function's database, where not all of them are the same one.
fn render_functions(out: &mut String, databases: &Databases) {
    let mut gauge = |name: &str, kind: &str, help: &str, value: fn(&Db) -> u64| {
        head(out, name, kind, help);
        for db in databases.all() {
            let function = db.function().name();
            line(out, format_args!("{name}{{function=\"{function}\"}} {}", value(db)));
        }
    };
    gauge("shop_function_primary_known", "gauge", "1 with a primary.", |db| {
        db.pool().stats().has_primary.into()
    });
    gauge("shop_function_pool_in_use", "gauge", "Connections in use.", |db| {
        db.pool().stats().in_use as u64
    });
    gauge("shop_function_retries_total", "counter", "Work tried again.", Db::retries);
    gauge("shop_function_doubtful_commits_total", "counter", "Commits without answer.", Db::doubts);
}

fn render_replicas(out: &mut String, db: &Db, replicas: &Replicas) {
    let (on_primary, on_replica) = db.reads();
    head(out, "shop_reads_total", "counter", "Reads that a replica may serve, by who did.");
    line(out, format_args!("shop_reads_total{{served_by=\"primary\"}} {on_primary}"));
    line(out, format_args!("shop_reads_total{{served_by=\"replica\"}} {on_replica}"));
    let behind = replicas.behind();
    head(out, "shop_replica_behind_total", "counter", "Reads whose position was not replayed.");
    line(out, format_args!("shop_replica_behind_total {behind}"));
    head(out, "shop_replica_failures_total", "counter", "Reads that a replica failed.");
    line(out, format_args!("shop_replica_failures_total {}", replicas.failed()));
    let statuses = replicas.statuses();
    let mut gauge = |name: &str, help: &str, value: fn(&Status) -> Option<f64>| {
        head(out, name, "gauge", help);
        for status in &statuses {
            if let (Some(addr), Some(value)) = (status.addr, value(status)) {
                line(out, format_args!("{name}{{replica=\"{addr}\"}} {value}"));
            }
        }
    };
    gauge("shop_replica_fit", "1 when reads go to the replica.", |s| Some(s.fit.into()));
    gauge("shop_replica_in_use", "Connections in use.", |s| {
        u32::try_from(s.in_use).ok().map(f64::from)
    });
    gauge("shop_replica_lag_seconds", "How late the replica is, when it answers.", |s| {
        s.lag.map(|lag| lag.as_secs_f64())
    });
}

fn render_cache(out: &mut String, stats: &Stats) {
    head(out, "shop_cache_reads_total", "counter", "Reads by what the cache did for them.");
    for (how, count) in stats.reads {
        let result = how.as_str();
        line(out, format_args!("shop_cache_reads_total{{result=\"{result}\"}} {count}"));
    }
    let singles: [(&str, &str, &str, u64); 9] = [
        ("shop_cache_loads_total", "counter", "Values loaded.", stats.loads),
        ("shop_cache_lock_losses_total", "counter", "Loads left to others.", stats.lock_losses),
        ("shop_cache_errors_total", "counter", "Commands that failed.", stats.errors),
        ("shop_cache_connects_total", "counter", "Connections made.", stats.connects),
        ("shop_cache_up", "gauge", "1 with a connection.", stats.up.into()),
        ("shop_cache_breaker_open", "gauge", "1 when left alone.", stats.cache_breaker.0.into()),
        ("shop_cache_breaker_opened_total", "counter", "Openings.", stats.cache_breaker.1),
        ("shop_load_breaker_open", "gauge", "1 without loads.", stats.load_breaker.0.into()),
        ("shop_load_breaker_opened_total", "counter", "Openings.", stats.load_breaker.1),
    ];
    for (name, kind, help, value) in singles {
        single(out, name, kind, help, value);
    }
}

fn render_carts(out: &mut String, counts: &Counts) {
    let singles: [(&str, &str, &AtomicU64); 4] = [
        ("shop_carts_requests_total", "Requests to the table of carts.", &counts.requests),
        ("shop_carts_retries_total", "Requests sent again.", &counts.retries),
        ("shop_carts_conflicts_total", "Writes that found a newer version.", &counts.conflicts),
        ("shop_carts_failures_total", "Carts that could not be used.", &counts.failures),
    ];
    for (name, help, value) in singles {
        single(out, name, "counter", help, value.load(Ordering::Relaxed));
    }
}

/// A metric with one value.
pub fn single(out: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    head(out, name, kind, help);
    line(out, format_args!("{name} {value}"));
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn bucket(took: Duration) -> usize {
    let fits = |ms: &u64| took <= Duration::from_millis(*ms);
    BUCKETS_MS.iter().position(fits).unwrap_or(BUCKETS_MS.len())
}

/// What a metric is.
pub fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}"));
    line(out, format_args!("# TYPE {name} {kind}"));
}

/// One line.
pub fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_class() {
        let metrics = Metrics::default();
        metrics.begin("GET", "/products/{id}").answered(200);
        metrics.begin("GET", "/products/{id}").answered(404);
        drop(metrics.begin("POST", "/orders"));
        let mut page = String::new();
        metrics.render_routes(&mut page);
        for expected in [
            "shop_requests_total{method=\"GET\",route=\"/products/{id}\",status=\"2xx\"} 1",
            "shop_requests_total{method=\"GET\",route=\"/products/{id}\",status=\"4xx\"} 1",
            "shop_requests_total{method=\"POST\",route=\"/orders\",status=\"gone\"} 1",
            "shop_request_duration_seconds_count{method=\"GET\",route=\"/products/{id}\"} 2",
        ] {
            assert!(page.contains(expected), "no {expected:?} in\n{page}");
        }
        assert_eq!(metrics.in_flight(), 0);
    }

    #[test]
    fn buckets_are_added_up() {
        let mut route = Route::default();
        for ms in [1, 3, 7000] {
            route.buckets[bucket(Duration::from_millis(ms))] += 1;
        }
        let mut page = String::new();
        route.render_histogram(&mut page, "route=\"/\"");
        assert!(page.contains("le=\"0.001\"} 1"), "{page}");
        assert!(page.contains("le=\"0.005\"} 2"), "{page}");
        assert!(page.contains("le=\"5\"} 2"), "{page}");
        assert!(page.contains("le=\"+Inf\"} 3"), "{page}");
    }
}
