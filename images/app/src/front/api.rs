//! The application tier, behind several load balancers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Response;
use rand::Rng;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::balancer::{Asked, Balancer, Carriers};
use super::budget::Budget;
use super::ended::{Ended, unavailable};
use crate::config;
use crate::web::metrics::{head, line, single};

/// Tries of one request.
const MOST_TRIES: u32 = 3;

/// Upper bound of the wait before the second try; doubled for the third.
const PAUSE: Duration = Duration::from_millis(20);

/// A read that has no answer after so long is given to another load balancer: the first may be silent.
/// Longer than the application needs when nothing is wrong, or a slow one would have twice the work.
const LEAVE_AFTER: Duration = Duration::from_millis(1500);

/// The application tier.
pub struct Api {
    balancers: Vec<Balancer>,
    /// Who is asked first next.
    next: AtomicUsize,
    carriers: Carriers,
    budget: Budget,
    timeout: Duration,
    again: AtomicU64,
    refused: AtomicU64,
}

impl Api {
    /// Nobody is asked yet.
    pub fn new(settings: &config::Front) -> Self {
        let balancer = |address: &_| Balancer::new(*address, settings.circuit_breaker);
        Self {
            balancers: settings.api.iter().map(balancer).collect(),
            next: AtomicUsize::new(0),
            carriers: Carriers::new(settings.connect_timeout),
            budget: Budget::new(settings.retries),
            timeout: settings.timeout,
            again: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Passes a request on until somebody answered it, as often and as long as that is wise.
    pub async fn ask(&self, asked: &Asked) -> Response<Bytes> {
        self.ask_within(asked, self.timeout).await
    }

    /// The same, with a time-out of its own.
    pub async fn ask_within(&self, asked: &Asked, timeout: Duration) -> Response<Bytes> {
        let deadline = Instant::now() + timeout;
        self.budget.deposit();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut last: Option<Ended> = None;
        for tries in 0..MOST_TRIES {
            let Some(balancer) = self.pick(first.wrapping_add(tries as usize)) else { break };
            if tries > 0 {
                self.again.fetch_add(1, Ordering::Relaxed);
            }
            let may_leave = asked.reads() && tries + 1 < MOST_TRIES;
            let ended = self.attempt(balancer, asked, deadline, may_leave).await;
            balancer.note(&ended);
            let left = matches!(ended, Ended::Left);
            let again = ended.may_try_again(asked.reads()) && tries + 1 < MOST_TRIES;
            last = Some(ended);
            // Whoever left has paid already, and has waited.
            if !left {
                if !again || !self.budget.take() {
                    break;
                }
                let pause = rand::rng().random_range(Duration::ZERO..=PAUSE * (1 << tries));
                if Instant::now() + pause >= deadline {
                    break;
                }
                sleep(pause).await;
            }
        }
        match last {
            Some(ended) => ended.told(asked.reads()),
            None => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                unavailable("all load balancers failed, and are left alone for a moment")
            }
        }
    }

    /// The first load balancer from number `first` on that is not left alone.
    fn pick(&self, first: usize) -> Option<&Balancer> {
        let now = Instant::now();
        let count = self.balancers.len();
        let turns = (0..count).filter_map(|n| self.balancers.get(first.wrapping_add(n) % count));
        turns.into_iter().find(|balancer| balancer.breaker.allows(now))
    }

    async fn attempt(
        &self,
        balancer: &Balancer,
        asked: &Asked,
        deadline: Instant,
        may_leave: bool,
    ) -> Ended {
        let exchange = balancer.exchange(&self.carriers, asked);
        tokio::pin!(exchange);
        let leave_at = Instant::now() + LEAVE_AFTER;
        if may_leave && leave_at < deadline {
            tokio::select! {
                ended = &mut exchange => return ended,
                () = sleep_until(leave_at) => if self.budget.take() { return Ended::Left },
            }
        }
        timeout_at(deadline, exchange).await.unwrap_or(Ended::Late)
    }

    /// Its metrics.
    pub fn render(&self, out: &mut String) {
        head(out, "shop_api_tries_total", "counter", "Requests sent to load balancers, by end.");
        for balancer in &self.balancers {
            for (end, count) in balancer.counts() {
                let at = balancer.address;
                let labels = format!("balancer=\"{at}\",end=\"{end}\"");
                line(out, format_args!("shop_api_tries_total{{{labels}}} {count}"));
            }
        }
        head(out, "shop_api_breaker_open", "gauge", "1 when the load balancer is left alone.");
        for balancer in &self.balancers {
            let (at, open) = (balancer.address, u8::from(balancer.breaker.is_open()));
            line(out, format_args!("shop_api_breaker_open{{balancer=\"{at}\"}} {open}"));
        }
        let opened = self.balancers.iter().map(|balancer| balancer.breaker.opened()).sum();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let denied = self.budget.denied();
        for (name, help, value) in [
            ("shop_api_breaker_opened_total", "Openings.", opened),
            ("shop_api_retries_total", "Requests sent again.", load(&self.again)),
            ("shop_api_retries_denied_total", "Tries beyond what is allowed.", denied),
            ("shop_api_not_asked_total", "Requests that no one was asked.", load(&self.refused)),
        ] {
            single(out, name, "counter", help, value);
        }
    }
}
