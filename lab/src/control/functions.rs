//! Functions: tasks that run only while messages wait for them.

mod policy;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Shared;
use super::metrics::{GROUP_RUNNING, GROUP_SIZE};
use super::scaling::Crew;
use crate::engine::{EngineError, sqs};
use crate::journal::ControlEvent;
use crate::plan::QueueAt;
use policy::{Memory, Policy, Work};

/// Pause between two looks into the queue.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A tier of functions, as the control plane is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionTier {
    /// The queue from which it is fed, and the tier.
    pub queue: QueueAt,
    /// The most tasks at the same time.
    pub max: u16,
    /// Messages that one task has in hand at the same time.
    pub each: u16,
    /// How long a task that is not needed is kept, in milliseconds.
    pub idle_ms: u64,
}

/// Longest pause between two looks at the tasks.
const CREW_EVERY: Duration = Duration::from_secs(2);

/// What the loop remembers. All of it can be lost: the size is then the number of tasks that run.
struct Loop {
    shared: Shared,
    tier: FunctionTier,
    crew: Crew,
    policy: Policy,
    memory: Memory,
    began: Instant,
    size: Option<u16>,
    looked: Option<Duration>,
    queue: Option<sqs::Queue>,
}

/// Looks after one tier until the process ends.
pub async fn run(shared: Shared, tier: FunctionTier) {
    let idle = Duration::from_millis(tier.idle_ms);
    let mut this = Loop {
        crew: Crew::new(shared.clone(), &tier.queue.tier, Duration::ZERO),
        policy: Policy { max: tier.max, each: tier.each, idle },
        memory: Memory::default(),
        began: Instant::now(),
        size: None,
        looked: None,
        queue: None,
        shared,
        tier,
    };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(e) = this.look().await {
            tracing::warn!(tier = this.tier.queue.tier, error = %e, "cannot look after functions");
        }
    }
}

impl Loop {
    async fn look(&mut self) -> Result<(), EngineError> {
        let work = self.work().await;
        let size = match self.size {
            Some(size) => size,
            None => self.crew.look().await?.running(),
        };
        let now = self.began.elapsed();
        let change = self.policy.decide(&mut self.memory, now, size, work);
        self.size = Some(change.as_ref().map_or(size, |change| change.to));
        // All of Docker's containers are looked at only when there is a reason to.
        if change.is_none() && self.looked.is_some_and(|at| now - at < CREW_EVERY) {
            return Ok(());
        }
        self.looked = Some(now);
        if let Some(change) = change {
            let (tier, to, why) = (self.tier.queue.tier.clone(), change.to, change.why);
            self.shared.note(ControlEvent::Scaled { tier, from: size, to, why });
        }
        self.staff().await
    }

    /// Starts and ends tasks until there are as many as there shall be; one that was lost is
    /// replaced here, too.
    async fn staff(&self) -> Result<(), EngineError> {
        let seen = self.crew.look().await?;
        let size = self.size.unwrap_or_default();
        let (gauges, tier) = (&self.shared.gauges, &self.tier.queue.tier);
        gauges.set(GROUP_SIZE, tier, f64::from(size));
        gauges.set(GROUP_RUNNING, tier, f64::from(seen.running()));
        self.crew.bring_to(size, &seen).await
    }

    /// What there is to do.
    async fn work(&mut self) -> Work {
        match self.depth().await {
            Ok(depth) => Work::Messages { waiting: depth.visible, in_hand: depth.in_flight },
            Err(e) => {
                self.queue = None;
                match e.kind() {
                    std::io::ErrorKind::NotFound => Work::NoQueue,
                    _ => Work::Unknown,
                }
            }
        }
    }

    async fn depth(&mut self) -> std::io::Result<sqs::Depth> {
        let at = &self.tier.queue;
        let queue = match self.queue.take() {
            Some(queue) => queue,
            None => sqs::Queue::find(at.at, &at.region, &at.name).await?,
        };
        let depth = queue.depth().await?;
        self.queue = Some(queue);
        Ok(depth)
    }
}
