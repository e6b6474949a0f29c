//! Carries out an injection: marker, journal, effect, proof.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{Act, ChaosError, Injection, packet_filter};
use crate::engine::{Engine, EngineError, Marker, Owner};
use crate::journal::Event;
use crate::plan::layout::Place;
use crate::plan::main_name;
use crate::spec::model::{BoxProcess, Name};

/// How long an effect may take to show.
const CONFIRM_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A cut-off node must not accept a connection within this time.
const SILENT_FOR: Duration = Duration::from_millis(300);

/// A fault that is in effect.
#[derive(Clone, Debug)]
pub struct Active {
    /// Its marker.
    pub marker: Marker,
    /// When it was injected.
    pub since: Instant,
    /// From injection to heal.
    pub duration: Duration,
    /// What proved it.
    pub evidence: Option<String>,
}

/// Injects faults into one lab.
pub struct Injector<'a> {
    /// The lab's engine.
    pub engine: &'a Engine,
    /// Where the nodes are.
    pub places: &'a [Place],
    /// Any local image, for the marker.
    pub image: &'a str,
    /// Receives every event at the moment it happens.
    pub record: &'a (dyn Fn(Event) + Sync),
}

/// What a node was like before the fault, to tell a restart from nothing having happened.
#[derive(Clone, Debug, Default)]
struct Before {
    started_at: String,
    pid: String,
}

impl Injector<'_> {
    /// Injects a fault and confirms its effect. When the effect cannot be shown, that is recorded
    /// and the fault is still returned, because it must be healed all the same.
    pub async fn inject(&self, id: &str, injection: &Injection) -> Result<Active, ChaosError> {
        let marker = Marker {
            id: id.to_owned(),
            fault: injection.fault.clone(),
            nodes: injection.nodes.clone(),
            hold: injection.hold,
            owner: Owner::current(),
        };
        let mut before = BTreeMap::new();
        for act in &injection.acts {
            before.insert(act.node().clone(), self.before(act).await?);
        }
        (self.record)(Event::FaultPlanned {
            id: id.to_owned(),
            fault: injection.fault.clone(),
            nodes: injection.nodes.clone(),
            heal: injection.heal.clone(),
        });
        self.engine.write_marker(&marker, self.image).await?;
        let since = Instant::now();
        (self.record)(Event::FaultInjected { id: id.to_owned() });
        let proof = match self.act_all(id, &injection.acts).await {
            Ok(()) => self.confirm_all(id, injection, &before).await,
            Err(e) => Err(ChaosError::Engine(e)),
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
        Ok(Active { marker, since, duration: injection.duration, evidence })
    }

    /// Acts of one kind run at the same time, kinds one after the other.
    async fn act_all(&self, id: &str, acts: &[Act]) -> Result<(), EngineError> {
        let (first, then): (Vec<&Act>, Vec<&Act>) =
            acts.iter().partition(|a| matches!(a, Act::Silence { .. } | Act::Cut { .. }));
        for group in [first, then] {
            futures::future::try_join_all(group.into_iter().map(|a| self.act(id, a))).await?;
        }
        Ok(())
    }

    async fn act(&self, id: &str, act: &Act) -> Result<(), EngineError> {
        let container = main_name(self.engine.lab(), act.node());
        match act {
            Act::Silence { node } => packet_filter::drop_packets(self.engine, node, id, None).await,
            Act::Cut { node, peers } => {
                packet_filter::drop_packets(self.engine, node, id, Some(peers)).await
            }
            Act::Kill { .. } => self.engine.kill(&container).await,
            Act::Freeze { .. } => self.engine.pause(&container).await,
            Act::KillProcess { process, .. } => {
                let script = format!("kill -9 \"$({})\"", read_pid(*process));
                self.engine.exec_ok(&container, &["sh", "-c", &script]).await.map(drop)
            }
        }
    }

    async fn before(&self, act: &Act) -> Result<Before, EngineError> {
        let container = main_name(self.engine.lab(), act.node());
        Ok(match act {
            Act::Kill { .. } => Before {
                started_at: self.engine.started_at(&container).await?,
                ..Default::default()
            },
            Act::KillProcess { process, .. } => {
                Before { pid: self.pid(&container, *process).await?, ..Default::default() }
            }
            Act::Silence { .. } | Act::Cut { .. } | Act::Freeze { .. } => Before::default(),
        })
    }

    async fn pid(&self, container: &str, process: BoxProcess) -> Result<String, EngineError> {
        let read = self.engine.exec(container, &["sh", "-c", read_pid(process)]).await?;
        Ok(read.output.trim().to_owned())
    }

    async fn confirm_all(
        &self,
        id: &str,
        injection: &Injection,
        before: &BTreeMap<Name, Before>,
    ) -> Result<String, ChaosError> {
        let begun = Instant::now();
        let mut evidence = Vec::new();
        for act in &injection.acts {
            let before = before.get(act.node()).cloned().unwrap_or_default();
            loop {
                match self.confirm(id, act, injection.hold, &before).await? {
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

    /// The proof that an act took effect, or what is missing.
    async fn confirm(
        &self,
        id: &str,
        act: &Act,
        hold: bool,
        before: &Before,
    ) -> Result<Result<String, String>, EngineError> {
        let node = act.node();
        let container = main_name(self.engine.lab(), node);
        Ok(match act {
            Act::Silence { .. } => self.confirm_silence(id, node).await?,
            Act::Cut { .. } => match packet_filter::dropped(self.engine, node, id).await? {
                Some(n) if n > 0 => {
                    Ok(format!("{node}: {n} packets to and from its peers dropped"))
                }
                Some(_) => Err(format!("{node}: no packet was dropped yet")),
                None => Err(format!("{node}: the packet filter is not there")),
            },
            Act::Kill { .. } => {
                let state = self.engine.state_in_words(&container).await?;
                if state.starts_with("exited") {
                    Ok(format!("{node}: {state}"))
                } else if !hold && self.engine.started_at(&container).await? != before.started_at {
                    Ok(format!("{node}: killed, and already started again"))
                } else {
                    Err(format!("{node} is {state}"))
                }
            }
            Act::Freeze { .. } => match self.engine.state_in_words(&container).await?.as_str() {
                "paused" => Ok(format!("{node}: paused")),
                other => Err(format!("{node} is {other}")),
            },
            Act::KillProcess { process, .. } => {
                let pid = self.pid(&container, *process).await?;
                if before.pid.is_empty() {
                    Err(format!("{node}: no such process before the fault"))
                } else if pid == before.pid && self.lives(&container, &pid).await? {
                    Err(format!("{node}: process {pid} still runs"))
                } else {
                    Ok(format!("{node}: process {} is gone", before.pid))
                }
            }
        })
    }

    async fn lives(&self, container: &str, pid: &str) -> Result<bool, EngineError> {
        Ok(self.engine.exec(container, &["sh", "-c", &format!("kill -0 {pid}")]).await?.code == 0)
    }

    /// A connection attempt gets no answer at all (neither accepted nor refused), and packets were
    /// dropped.
    async fn confirm_silence(
        &self,
        id: &str,
        node: &Name,
    ) -> Result<Result<String, String>, EngineError> {
        let Some(address) = self.address(node) else {
            return Ok(Err(format!("{node} has no address")));
        };
        let knock = tokio::net::TcpStream::connect((address, KNOCK_PORT));
        if tokio::time::timeout(SILENT_FOR, knock).await.is_ok() {
            return Ok(Err(format!("{node} still answers")));
        }
        Ok(match packet_filter::dropped(self.engine, node, id).await? {
            Some(n) if n > 0 => Ok(format!("{node}: silent, {n} packets dropped")),
            Some(_) => Err(format!("{node}: no packet was dropped yet")),
            None => Err(format!("{node}: the packet filter is not there")),
        })
    }

    fn address(&self, node: &str) -> Option<Ipv4Addr> {
        self.places.iter().find(|p| p.name == node).map(|p| p.address)
    }
}

/// Any port: a living host refuses it at once, a silent one says nothing.
const KNOCK_PORT: u16 = 9;

/// Shell command that prints the id of a supervised process in a box.
fn read_pid(process: BoxProcess) -> &'static str {
    match process {
        BoxProcess::Nginx => "cat /tmp/service/nginx/supervise/pid",
        BoxProcess::App => "cat /tmp/service/app/supervise/pid",
        BoxProcess::Postgres => "cat /tmp/service/postgres/supervise/pid",
    }
}
