//! Scaling groups: adds tasks when each has too many requests and takes them away when each has too
//! few, and makes good for tasks that are lost.

mod crew;
mod pick;
mod policy;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Shared;
use super::metrics::{GROUP_RUNNING, GROUP_SIZE, REQUESTS_PER_TASK};
use crate::balancer::Weights;
use crate::balancer::client::BalancerClient;
use crate::engine::{EngineError, probe};
use crate::journal::ControlEvent;
use crate::spec::model::{Name, Scaling};
pub use crew::{Crew, Seen};
use policy::{Memory, Policy, Tasks};

/// Longest pause between two looks at the group's tasks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Points do not come closer together than this, however time is scaled.
const SHORTEST_PERIOD: Duration = Duration::from_millis(250);
/// Longest wait for a load balancer's figures.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);

/// A scaling group, as the control plane is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The tier.
    pub tier: Name,
    /// The number of tasks that always run.
    pub min: u16,
    /// The rules.
    pub scaling: Scaling,
    /// By what its times are divided.
    pub time_scale: f64,
    /// Load balancers that send it requests: where each says how many.
    pub balancers: Vec<(Ipv4Addr, u16)>,
}

/// What the loop remembers. All of it can be lost: the size is then the number of tasks that run.
struct Loop {
    shared: Shared,
    group: Group,
    policy: Policy,
    memory: Memory,
    began: Instant,
    size: Option<u16>,
    last: Option<(Instant, u64)>,
    crew: Crew,
}

/// Looks after one group until the process ends.
pub async fn run(shared: Shared, group: Group) {
    let policy = Policy::new(&group.scaling, group.min, group.time_scale);
    let seconds = f64::from(group.scaling.period_s) / group.time_scale;
    let period = Duration::from_secs_f64(seconds).max(SHORTEST_PERIOD);
    let mut points = tokio::time::interval(period);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    for ticks in [&mut points, &mut looks] {
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    let drain = Duration::from_millis(group.scaling.drain_ms);
    let mut group = Loop {
        crew: Crew::new(shared.clone(), &group.tier, drain),
        shared,
        group,
        policy,
        memory: Memory::default(),
        began: Instant::now(),
        size: None,
        last: None,
    };
    let changed = Arc::clone(&group.shared.changed);
    loop {
        let done = tokio::select! {
            _ = points.tick() => group.point().await,
            _ = looks.tick() => group.look().await,
            () = changed.notified() => group.look().await,
        };
        if let Err(e) = done {
            tracing::warn!(tier = group.group.tier, error = %e, "cannot look after the group");
        }
    }
}

impl Loop {
    /// One point of the metric.
    async fn point(&mut self) -> Result<(), EngineError> {
        let requests = self.requests().await;
        let now = Instant::now();
        let before = std::mem::replace(&mut self.last, requests.map(|count| (now, count)));
        let seen = self.crew.look().await?;
        let running = seen.running();
        let per_task = before.zip(requests).and_then(|((at, before), count)| {
            let seconds = now.duration_since(at).as_secs_f64();
            // A load balancer that was restarted counts from 0 again.
            let more = count.checked_sub(before)?;
            (running > 0 && seconds > 0.0).then(|| more as f64 / seconds / f64::from(running))
        });
        let size = self.size.unwrap_or(running);
        self.publish(per_task, size, running);
        let since = now.duration_since(self.began);
        if seen.deploying {
            return Ok(());
        }
        let tasks = Tasks { size, running };
        if let Some(change) = self.policy.decide(&mut self.memory, since, tasks, per_task) {
            let tier = self.group.tier.clone();
            self.shared.note(ControlEvent::Scaled {
                tier,
                from: size,
                to: change.to,
                why: change.why,
            });
            self.size = Some(change.to);
            self.look().await?;
        }
        Ok(())
    }

    fn publish(&self, per_task: Option<f64>, size: u16, running: u16) {
        let (gauges, tier) = (&self.shared.gauges, &self.group.tier);
        gauges.set(GROUP_SIZE, tier, f64::from(size));
        gauges.set(GROUP_RUNNING, tier, f64::from(running));
        if let Some(per_task) = per_task {
            gauges.set(REQUESTS_PER_TASK, tier, per_task);
        }
    }

    /// Starts and ends tasks until there are as many as there shall be.
    async fn look(&mut self) -> Result<(), EngineError> {
        let seen = self.crew.look().await?;
        if seen.deploying {
            return Ok(());
        }
        let size = *self.size.get_or_insert(seen.running().max(self.group.min));
        self.crew.bring_to(size, &seen).await
    }

    /// Requests that all load balancers of the group have had; nothing when one cannot say.
    async fn requests(&self) -> Option<u64> {
        let mut sum = 0u64;
        let mut answered = false;
        for (address, port) in &self.group.balancers {
            // One that is lost sends no requests: the others have them.
            let Ok(answer) = probe::get(*address, *port, "/requests", ASK_TIMEOUT).await else {
                continue;
            };
            let body: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
            sum = sum.checked_add(body["requests"].as_u64()?)?;
            answered = true;
            if body["weighted"].as_bool() == Some(true) {
                self.forget_shares(SocketAddrV4::new(*address, *port)).await;
            }
        }
        answered.then_some(sum)
    }
}

impl Loop {
    /// A load balancer that was down when a deploy ended still has its shares.
    async fn forget_shares(&self, balancer: SocketAddrV4) {
        if matches!(self.crew.look().await, Ok(Seen { deploying: false, .. })) {
            let forgotten = BalancerClient::new(balancer).weigh(&Weights::new()).await;
            tracing::info!(%balancer, ?forgotten, "shares of a deploy that has ended");
        }
    }
}
