//! One effect on one node: how it is put into effect and shown to be. One file for one sort.

mod crowd;
mod duplicate;
mod erase;
mod flood;
mod flush;
mod hunt;
mod network;
mod process;
mod release;
mod replay;
mod spike;
mod spoil;
mod storm;

pub(super) use replay::{catch_up, late};
pub use spoil::refused;

use super::crowd::Crowd;
use super::inject::Injector;
use super::{Act, ChaosError, NetProxy};
use crate::engine::EngineError;
use crate::journal::Event;
use crate::plan::main_name;
use crate::spec::model::{Name, PoisonedRoute, Toxic};
use duplicate::Copies;
use flood::Flood;
use hunt::Hunt;
use release::Deployed;
use spike::Spike;
use storm::Storm;

/// An act that is to be carried out.
pub(super) struct Effect<'a> {
    /// Who carries it out.
    pub injector: &'a Injector<'a>,
    /// The fault's identity.
    pub id: &'a str,
    /// The act.
    pub act: &'a Act,
    /// The node stays lost until the heal.
    pub hold: bool,
}

/// What a node was like before the fault, to tell an effect from nothing having happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// When the main container was started.
    pub started_at: String,
    /// The process that is to be killed.
    pub pid: String,
    /// How often a cache had been emptied.
    pub flushes: u64,
    /// How many keys it held.
    pub keys: u64,
    /// How many messages workers had refused.
    pub refused: u64,
    /// A tier and the release that it ran.
    pub released: Option<(Name, Name)>,
}

/// What this process does for an act until the heal; it ends with it.
#[derive(Debug)]
pub(super) enum Held {
    /// Connections to a database.
    Storm(Storm),
    /// Clients that wait for their answers.
    Crowd(Box<Crowd>),
    /// More traffic.
    Spike(Spike),
    /// Greedy clients.
    Flood(Flood),
    /// Messages that come twice.
    Copies(Copies),
    /// Nodes that are killed.
    Hunt(Hunt),
    /// A deploy that has ended.
    Deployed(Deployed),
}

impl Held {
    /// Ends it; returns what became of it, where that is worth writing down.
    pub async fn end(self) -> Vec<Event> {
        match self {
            Self::Storm(_) | Self::Deployed(_) => Vec::new(),
            Self::Crowd(crowd) => vec![Event::CrowdAnswered(crowd.end().await)],
            Self::Spike(spike) => spike.end().await,
            Self::Flood(flood) => flood.end().await,
            Self::Copies(copies) => copies.end().await,
            Self::Hunt(hunt) => hunt.end().await,
        }
    }
}

/// The proof of an effect, or what is missing.
pub(super) type Proof = Result<String, String>;

impl Effect<'_> {
    /// The main container of the node.
    fn container(&self) -> String {
        main_name(self.injector.engine.lab(), self.act.node())
    }

    /// Looks at the node before anything is done to it.
    pub async fn before(&self) -> Result<Before, ChaosError> {
        Ok(match self.act {
            Act::Kill { .. } => process::before_kill(self).await?,
            Act::KillProcess { process, .. } => {
                process::before_kill_process(self, *process).await?
            }
            Act::Flush { .. } => flush::before(self).await?,
            Act::Deploy { tier, release, .. } => release::before(self, tier, release).await?,
            Act::Crowd { requests, .. } => {
                crowd::before(*requests)?;
                Before::default()
            }
            Act::Spoil { queue, .. } => spoil::before(queue).await,
            Act::Silence { .. }
            | Act::Cut { .. }
            | Act::Duplicate { .. }
            | Act::Hunt { .. }
            | Act::Freeze { .. }
            | Act::Erase { .. }
            | Act::DelayReplay { .. }
            | Act::Storm { .. }
            | Act::Spike { .. }
            | Act::Flood { .. }
            | Act::Poison { .. } => Before::default(),
        })
    }

    /// Puts it into effect. What must be held is returned.
    pub async fn apply(&self) -> Result<Option<Held>, ChaosError> {
        match self.act {
            Act::Silence { .. } => network::cut(self, None).await?,
            Act::Cut { peers, .. } => network::cut(self, Some(peers)).await?,
            Act::Kill { .. } => self.injector.engine.kill(&self.container()).await?,
            Act::Erase { .. } => erase::erase(self).await?,
            Act::Freeze { .. } => self.injector.engine.pause(&self.container()).await?,
            Act::KillProcess { process, .. } => process::kill(self, *process).await?,
            Act::DelayReplay { by_ms, .. } => replay::delay(self, *by_ms).await?,
            Act::Flush { .. } => flush::flush(self).await?,
            Act::Poison { poisoned, .. } => {
                NetProxy::new(poisoned.api).inject(&poisoned.route, poisoned.toxic).await?;
            }
            Act::Spoil { queue, messages, .. } => spoil::send(self, queue, *messages).await?,
            Act::Duplicate { queue, .. } => {
                return Ok(Some(Held::Copies(duplicate::start(self.id, queue).await?)));
            }
            Act::Hunt { nodes, seed, .. } => {
                return Ok(Some(Held::Hunt(hunt::start(self, nodes, *seed))));
            }
            Act::Storm { addresses, connections, user, database, .. } => {
                let storm = storm::start(self, addresses, *connections, (user, database));
                return Ok(Some(Held::Storm(storm)));
            }
            Act::Crowd { .. } => {
                let crowd = crowd::start(self.id, self.act, &self.injector.traffic);
                return Ok(crowd.map(Box::new).map(Held::Crowd));
            }
            Act::Deploy { tier, release, .. } => {
                return Ok(Some(Held::Deployed(release::deploy(self, tier, release).await?)));
            }
            Act::Spike { addresses, extra_per_s, ramp, .. } => {
                let traffic = &self.injector.traffic;
                let spike = spike::start(traffic, self.id, addresses, *extra_per_s, *ramp)?;
                return Ok(Some(Held::Spike(spike)));
            }
            Act::Flood { addresses, clients, per_s, asked, .. } => {
                let (of, traffic) = ((*clients, *per_s), &self.injector.traffic);
                let flood = flood::start(self.id, addresses, of, asked, traffic);
                return Ok(Some(Held::Flood(flood)));
            }
        }
        Ok(None)
    }

    /// Looks once whether it took effect.
    pub async fn confirm(&self, before: &Before, held: &[Held]) -> Result<Proof, EngineError> {
        match self.act {
            Act::Silence { .. } => network::confirm_silence(self).await,
            Act::Cut { .. } => network::confirm_cut(self).await,
            Act::Kill { .. } => process::confirm_kill(self, before).await,
            Act::Erase { .. } => erase::confirm(self).await,
            Act::Freeze { .. } => process::confirm_freeze(self).await,
            Act::KillProcess { process, .. } => {
                process::confirm_kill_process(self, *process, before).await
            }
            Act::DelayReplay { by_ms, .. } => replay::confirm(self, *by_ms).await,
            Act::Flush { .. } => flush::confirm(self, before).await,
            Act::Poison { poisoned, .. } => Ok(confirm_poison(poisoned).await),
            Act::Storm { connections, .. } => {
                let storms = held.iter().filter_map(|held| match held {
                    Held::Storm(storm) => Some(storm),
                    _ => None,
                });
                Ok(storm::confirm(self, *connections, storms))
            }
            Act::Crowd { .. } => Ok(crowd::confirm(held.iter().find_map(|held| match held {
                Held::Crowd(crowd) => Some(&**crowd),
                _ => None,
            }))),
            Act::Spoil { queue, messages, .. } => {
                Ok(spoil::confirm(queue, *messages, before).await)
            }
            Act::Duplicate { queue, .. } => Ok(held
                .iter()
                .find_map(|held| match held {
                    Held::Copies(copies) => Some(copies.proof()),
                    _ => None,
                })
                .unwrap_or_else(|| Err(format!("no message of {} is copied", queue.name)))),
            Act::Hunt { .. } => Ok(held
                .iter()
                .find_map(|held| match held {
                    Held::Hunt(hunt) => Some(hunt.proof()),
                    _ => None,
                })
                .unwrap_or_else(|| Err("nobody is killed".to_owned()))),
            Act::Spike { .. } => Ok(held
                .iter()
                .find_map(|held| match held {
                    Held::Spike(spike) => Some(spike.proof()),
                    _ => None,
                })
                .unwrap_or_else(|| Err("nothing more is sent".to_owned()))),
            Act::Flood { .. } => Ok(held
                .iter()
                .find_map(|held| match held {
                    Held::Flood(flood) => Some(flood.proof()),
                    _ => None,
                })
                .unwrap_or_else(|| Err("nobody floods".to_owned()))),
            Act::Deploy { .. } => Ok(held
                .iter()
                .find_map(|held| match held {
                    Held::Deployed(deployed) => Some(deployed.proof()),
                    _ => None,
                })
                .unwrap_or_else(|| Err("nothing was deployed".to_owned()))),
        }
    }
}

/// What the proxy shows when it is asked again.
async fn confirm_poison(p: &PoisonedRoute) -> Proof {
    let what = match p.toxic {
        Toxic::Latency { latency_ms, jitter_ms: 0 } => format!("{latency_ms} ms slower"),
        Toxic::Latency { latency_ms, jitter_ms } => {
            format!("{latency_ms} ms slower, give or take {jitter_ms}")
        }
        Toxic::Cut => "cut".into(),
        Toxic::Reset => "reset".into(),
    };
    match NetProxy::new(p.api).suffers(&p.route, p.toxic).await {
        Ok(true) => Ok(format!("{}: {} is {what}", p.node, p.route)),
        Ok(false) => Err(format!("{}: {} is not {what}", p.node, p.route)),
        Err(e) => Err(e.to_string()),
    }
}
