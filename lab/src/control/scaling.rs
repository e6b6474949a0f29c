//! Scaling groups: adds tasks when each has too many requests and takes them away when each has too
//! few, and makes good for tasks that are lost.

mod pick;
mod policy;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::metrics::{GROUP_RUNNING, GROUP_SIZE, REQUESTS_PER_TASK};
use super::{Shared, WatchedNode};
use crate::balancer::Weights;
use crate::balancer::client::BalancerClient;
use crate::engine::deploys::deploy_among;
use crate::engine::markers::markers_among;
use crate::engine::{Engine, EngineError, Marker, probe};
use crate::journal::ControlEvent;
use crate::plan::main_name;
use crate::plan::observed::State;
use crate::spec::model::{Fault, Name, Scaling};
use pick::{Now, Task};
use policy::{Memory, Policy};

/// Longest pause between two looks at the group's tasks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Points do not come closer together than this, however time is scaled.
const SHORTEST_PERIOD: Duration = Duration::from_millis(250);
/// Longest wait for a load balancer's figures.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a task may take to finish after its drain, before it is killed.
const GRACE: Duration = Duration::from_secs(8);

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

/// What there is of a group.
struct Seen {
    /// Its tasks.
    tasks: Vec<Task>,
    /// The zones that faults have taken.
    dark: Vec<String>,
    /// A release is being deployed: who does that starts and ends the tasks meanwhile.
    deploying: bool,
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
    ending: Arc<Mutex<BTreeSet<String>>>,
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
    let mut group = Loop {
        shared,
        group,
        policy,
        memory: Memory::default(),
        began: Instant::now(),
        size: None,
        last: None,
        ending: Arc::default(),
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
        let Seen { tasks, deploying, .. } = self.tasks().await?;
        let running = tasks.iter().filter(|t| t.now == Now::Runs).count();
        let per_task = before.zip(requests).and_then(|((at, before), count)| {
            let seconds = now.duration_since(at).as_secs_f64();
            // A load balancer that was restarted counts from 0 again.
            let more = count.checked_sub(before)?;
            (running > 0 && seconds > 0.0).then(|| more as f64 / seconds / running as f64)
        });
        let size = self.size.unwrap_or(u16::try_from(running).unwrap_or(u16::MAX));
        self.publish(per_task, size, running);
        let since = now.duration_since(self.began);
        if deploying {
            return Ok(());
        }
        if let Some(change) = self.policy.decide(&mut self.memory, since, size, per_task) {
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

    fn publish(&self, per_task: Option<f64>, size: u16, running: usize) {
        let (gauges, tier) = (&self.shared.gauges, &self.group.tier);
        gauges.set(GROUP_SIZE, tier, f64::from(size));
        gauges.set(GROUP_RUNNING, tier, running as f64);
        if let Some(per_task) = per_task {
            gauges.set(REQUESTS_PER_TASK, tier, per_task);
        }
    }

    /// Starts and ends tasks until there are as many as there shall be.
    async fn look(&mut self) -> Result<(), EngineError> {
        let Seen { tasks, dark, deploying } = self.tasks().await?;
        if deploying {
            return Ok(());
        }
        let running = tasks.iter().filter(|t| t.now == Now::Runs).count();
        let running = u16::try_from(running).unwrap_or(u16::MAX);
        let size = *self.size.get_or_insert(running.max(self.group.min));
        let work = pick::work(&tasks, usize::from(size), &dark);
        for node in &work.start {
            self.shared.engine.start(&main_name(&self.shared.config.lab, node)).await?;
        }
        for node in work.end {
            self.end(node);
        }
        Ok(())
    }

    /// Tells a task to end. It first says so to those who check its health, and goes on serving
    /// until they have noticed.
    fn end(&self, node: String) {
        let ending = Arc::clone(&self.ending);
        ending.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone());
        let engine: Engine = self.shared.engine.clone();
        let container = main_name(&self.shared.config.lab, &node);
        let limit = Duration::from_millis(self.group.scaling.drain_ms) + GRACE;
        tokio::spawn(async move {
            if let Err(e) = engine.stop(&container, limit).await {
                tracing::warn!(node, error = %e, "cannot end a task");
            }
            ending.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
        });
    }

    /// The group as it is.
    async fn tasks(&self) -> Result<Seen, EngineError> {
        let config = &self.shared.config;
        let containers = self.shared.engine.containers().await?;
        let markers = markers_among(containers.values())?;
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let task = |node: &WatchedNode| {
            let state = containers.get(&main_name(&config.lab, &node.name)).map(|c| c.state);
            let held = markers.iter().any(|m| m.hold && m.nodes.contains(&node.name));
            let now = match state {
                _ if held => Now::Lost,
                _ if ending.contains(&node.name) => Now::Ends,
                Some(State::Running) => Now::Runs,
                Some(state) if state.is_at_rest() => Now::Rests,
                _ => Now::Lost,
            };
            Task { name: node.name.clone(), zone: node.zone.clone(), reserve: node.reserve, now }
        };
        let own = config.nodes.iter().filter(|n| n.tier == self.group.tier);
        let deploy = deploy_among(containers.values())?;
        Ok(Seen {
            tasks: own.map(task).collect(),
            dark: dark(&config.nodes, &markers),
            deploying: deploy.is_some_and(|d| d.tier == self.group.tier),
        })
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
        if matches!(self.tasks().await, Ok(Seen { deploying: false, .. })) {
            let forgotten = BalancerClient::new(balancer).weigh(&Weights::new()).await;
            tracing::info!(%balancer, ?forgotten, "shares of a deploy that has ended");
        }
    }
}

/// The zones that faults have taken.
fn dark(nodes: &[WatchedNode], markers: &[Marker]) -> Vec<String> {
    let lost = markers.iter().filter(|m| matches!(m.fault, Fault::LoseZone(_)));
    let lost: BTreeSet<&String> = lost.flat_map(|m| &m.nodes).collect();
    let zones = nodes.iter().filter(|n| lost.contains(&n.name)).map(|n| n.zone.clone());
    zones.collect::<BTreeSet<_>>().into_iter().collect()
}
