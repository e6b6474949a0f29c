//! Carries a deploy out.

use std::time::{Duration, Instant};

use super::DeployError;
use super::balancers::{Balancers, between};
use super::order::Order;
use super::settle::{LOOK_EVERY, Settle, healthy};
use super::site::Site;
use super::watch::{is_asked, verdict};
use crate::journal::{ControlEvent, Event};
use crate::spec::model::{ShiftStep, Strategy};

/// How much longer than its time a share of the traffic may last while hardly anybody asks.
const UNASKED_LIMIT: Duration = Duration::from_secs(30);

/// What became of a deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The release runs.
    Deployed,
    /// The release from before runs.
    RolledBack {
        /// Why.
        why: String,
        /// Whether tasks of the new one ran.
        started: bool,
    },
}

/// A deploy that is to be carried out.
pub struct Deployment<'a> {
    /// The lab.
    pub site: &'a Site,
    /// What is to be done.
    pub order: Order,
    /// Receives every event at the moment it happens.
    pub record: &'a (dyn Fn(Event) + Sync),
}

impl Deployment<'_> {
    /// Deploys. Once `stop` is ready it is rolled back, unless all traffic is on the new release for
    /// good.
    ///
    /// # Errors
    /// Another one is under way and nothing was changed; or it can neither go on nor back.
    pub async fn carry_out(self, stop: impl Future<Output = ()>) -> Result<Outcome, DeployError> {
        self.site.mark(&self.order, false).await?;
        let Order { tier, from, to, .. } = self.order.clone();
        self.note(ControlEvent::Deploying {
            tier: tier.clone(),
            from: from.clone(),
            to: to.clone(),
        });
        let shifted = match self.order.settings.strategy {
            Strategy::AllAtOnce => Ok(()),
            Strategy::BlueGreen => tokio::select! {
                shifted = self.shift() => shifted.map_err(|why| (why, false)),
                () = stop => Err(("it was interrupted".to_owned(), true)),
            },
        };
        let Err((why, by_hand)) = shifted else {
            self.site.mark(&self.order, true).await?;
            self.settle(&to, &self.order.after).await?;
            self.note(ControlEvent::Deployed { tier, release: to });
            return Ok(Outcome::Deployed);
        };
        // Before anything else; what cannot be told now is told again below.
        let told = self.balancers().tell(&self.order.weights(0)).await;
        let (release, back) = (to, from.clone());
        let event = ControlEvent::RolledBack { tier, release, to: back, why: why.clone(), by_hand };
        self.note(event);
        if let Err(error) = told {
            tracing::warn!(error, "the load balancers");
        }
        let started = self.green_runs().await?;
        self.settle(&from, &self.order.blue).await?;
        Ok(Outcome::RolledBack { why, started })
    }

    /// Whether all tasks of the new release run.
    async fn green_runs(&self) -> Result<bool, DeployError> {
        let Order { green, to, .. } = &self.order;
        let containers = self.site.engine.containers().await?;
        let running = self.site.running(&containers, green);
        let right = running.iter().filter(|(_, release)| release == to).count();
        Ok(right > 0 && right == green.len())
    }

    fn note(&self, event: ControlEvent) {
        (self.record)(Event::Control(event));
    }

    fn balancers(&self) -> Balancers {
        Balancers::new(&self.order.balancers)
    }

    async fn settle(&self, release: &str, keep: &[String]) -> Result<(), DeployError> {
        Settle { site: self.site, order: &self.order, release, keep }.carry_out().await
    }

    /// Starts the new tasks and gives them more and more of the traffic; or says why that was not
    /// good.
    async fn shift(&self) -> Result<(), String> {
        let Order { tier, to, green, .. } = &self.order;
        let balancers = self.balancers();
        balancers.tell(&self.order.weights(0)).await?;
        self.site.make(tier, green, to, true).await.map_err(|e| e.to_string())?;
        let limit = Duration::from_millis(self.order.settings.healthy_within_ms);
        healthy(self.site, &balancers, green, limit).await?;
        for step in &self.order.settings.steps {
            self.step(&balancers, *step).await?;
        }
        Ok(())
    }

    /// One share of the traffic, watched for its time.
    async fn step(&self, balancers: &Balancers, step: ShiftStep) -> Result<(), String> {
        let Order { tier, to, green, blue, settings, .. } = &self.order;
        let weights = self.order.weights(step.percent);
        let mut before = balancers.baseline().await;
        balancers.tell(&weights).await?;
        let (tier, release, percent) = (tier.clone(), to.clone(), step.percent);
        self.note(ControlEvent::Shifted { tier, release, percent });
        let bake = Duration::from_secs_f64(f64::from(step.bake_s) / self.order.time_scale);
        let begun = Instant::now();
        let mut asked = false;
        while begun.elapsed() < bake || !asked {
            // A small share of little traffic may say nothing; all of it must.
            if begun.elapsed() >= bake + UNASKED_LIMIT && step.percent < 100 {
                break;
            }
            if begun.elapsed() >= bake + UNASKED_LIMIT {
                let limit = begun.elapsed().as_secs();
                return Err(format!(
                    "too little was asked of it within {limit} s to tell whether it is good: send it \
                     traffic, with `lab load` for instance"
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
            let now = balancers.baseline().await;
            let of_green = between(&mut before, now.clone(), green);
            let of_blue = between(&mut before, now, blue);
            asked |= is_asked(&of_green);
            if let Some(why) = verdict(&of_green, &of_blue, settings) {
                return Err(why);
            }
            if let Some(why) = balancers.taken_out(green).await {
                return Err(format!("it failed its health check ({why})"));
            }
            balancers.insist(&weights).await;
        }
        Ok(())
    }
}
