//! Carries out an injection: marker, journal, effect, proof.

use std::time::{Duration, Instant};

use super::acts::{Before, Effect, Held};
use super::lasting::lasting;
use super::{Act, ChaosError, Injection, heal};
use crate::engine::{Engine, Marker, Owner};
use crate::journal::Event;
use crate::plan::layout::Place;

/// How long an effect may take to show.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A fault that is in effect.
#[derive(Debug)]
pub struct Active {
    /// Its marker.
    pub marker: Marker,
    /// When it was injected.
    pub since: Instant,
    /// From injection to heal.
    pub duration: Duration,
    /// What proved it.
    pub evidence: Option<String>,
    /// What this process does for it; it ends with the process.
    held: Vec<Held>,
}

impl Active {
    /// Undoes the fault, and confirms that. Before, it looks whether the effect has lasted.
    ///
    /// # Errors
    /// As [`heal`].
    pub async fn heal(
        &mut self,
        engine: &Engine,
        record: &(dyn Fn(Event) + Sync),
    ) -> Result<(), ChaosError> {
        // What was never confirmed need not have lasted.
        if self.evidence.is_some()
            && let Err(reason) = lasting(engine, &self.marker).await
        {
            record(Event::FaultEnded { id: self.marker.id.clone(), reason });
        }
        for held in self.held.drain(..) {
            for event in held.end().await {
                record(event);
            }
        }
        heal(engine, &self.marker, record).await
    }
}

/// What a fault that is traffic is made from.
#[derive(Clone, Debug)]
pub struct Traffic<'a> {
    /// The stage's own.
    pub stage: &'a crate::spec::model::Traffic,
    /// Where it goes.
    pub site: crate::load::Site,
    /// What the keys of its writes begin with.
    pub key_prefix: &'a str,
    /// What its users do.
    pub workload: std::sync::Arc<crate::spec::workload::Workload>,
    /// All choices follow from it.
    pub seed: u64,
}

/// Injects faults into one lab.
pub struct Injector<'a> {
    /// The lab's engine.
    pub engine: &'a Engine,
    /// Where the nodes are.
    pub places: &'a [Place],
    /// Any local image, for the marker.
    pub image: &'a str,
    /// The lab's secret, from which passwords follow.
    pub secret: &'a str,
    /// What faults that are traffic are made from.
    pub traffic: Traffic<'a>,
    /// Receives every event at the moment it happens.
    pub record: &'a (dyn Fn(Event) + Sync),
}

impl Injector<'_> {
    /// Injects a fault and confirms its effect. When the effect cannot be shown, that is recorded
    /// and the fault is still returned, because it must be healed all the same.
    pub async fn inject(&self, id: &str, injection: &Injection) -> Result<Active, ChaosError> {
        let mut before = Vec::new();
        for act in &injection.acts {
            before.push(self.effect(id, injection, act).before().await?);
        }
        let marker = Marker {
            id: id.to_owned(),
            fault: injection.fault.clone(),
            nodes: injection.nodes.clone(),
            hold: injection.hold,
            routes: injection.routes(),
            released: before.iter().find_map(|b| b.released.clone()),
            owner: Owner::current(),
        };
        (self.record)(Event::FaultPlanned {
            id: id.to_owned(),
            fault: injection.fault.clone(),
            nodes: injection.nodes.clone(),
            heal: injection.heal.clone(),
        });
        self.engine.write_marker(&marker, self.image).await?;
        let since = Instant::now();
        (self.record)(Event::FaultInjected { id: id.to_owned() });
        let mut held = Vec::new();
        let proof = match self.act_all(id, injection, &mut held).await {
            Ok(()) => self.confirm_all(id, injection, &before, &held).await,
            Err(e) => Err(e),
        };
        let evidence = match proof {
            Ok(evidence) => {
                (self.record)(Event::FaultConfirmed {
                    id: id.to_owned(),
                    evidence: evidence.clone(),
                });
                Some(evidence)
            }
            Err(e) => {
                (self.record)(Event::FaultUnconfirmed { id: id.to_owned(), reason: e.to_string() });
                None
            }
        };
        Ok(Active { marker, since, duration: injection.duration, evidence, held })
    }

    /// What cuts nodes off comes first, and all of it at the same time; then the rest.
    async fn act_all(
        &self,
        id: &str,
        injection: &Injection,
        held: &mut Vec<Held>,
    ) -> Result<(), ChaosError> {
        let cuts = |a: &&Act| matches!(a, Act::Silence { .. } | Act::Cut { .. });
        let (first, then): (Vec<&Act>, Vec<&Act>) = injection.acts.iter().partition(cuts);
        for group in [first, then] {
            let effects: Vec<_> =
                group.into_iter().map(|act| self.effect(id, injection, act)).collect();
            let applied = effects.iter().map(Effect::apply);
            held.extend(futures::future::try_join_all(applied).await?.into_iter().flatten());
        }
        Ok(())
    }

    fn effect<'b>(&'b self, id: &'b str, injection: &'b Injection, act: &'b Act) -> Effect<'b> {
        Effect { injector: self, id, act, hold: injection.hold }
    }

    async fn confirm_all(
        &self,
        id: &str,
        injection: &Injection,
        before: &[Before],
        held: &[Held],
    ) -> Result<String, ChaosError> {
        let begun = Instant::now();
        let mut evidence = Vec::new();
        for (act, before) in injection.acts.iter().zip(before) {
            loop {
                match self.effect(id, injection, act).confirm(before, held).await? {
                    Ok(proof) => {
                        evidence.push(proof);
                        break;
                    }
                    Err(missing) if begun.elapsed() >= CONFIRM_LIMIT => {
                        return Err(ChaosError::Unconfirmed(missing));
                    }
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        }
        Ok(evidence.join("; "))
    }
}
