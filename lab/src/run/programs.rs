//! The commands of a workload, in the containers of the tiers that they name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use futures::future::BoxFuture;

use crate::engine::{Engine, Heard};
use crate::load::{Opened, Programs, Said};
use crate::plan::main_name;
use crate::spec::model::Name;
use crate::spec::workload::{Exec, Workload};

/// Starts commands in nodes, each in the next node of its tier that can.
#[derive(Clone)]
pub struct NodePrograms {
    engine: Engine,
    nodes: Arc<BTreeMap<Name, Vec<Name>>>,
    turn: Arc<AtomicUsize>,
}

impl fmt::Debug for NodePrograms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodePrograms").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl NodePrograms {
    /// For a workload; nothing where all of it is over HTTP. `nodes` says which nodes a tier has.
    pub fn of(
        engine: &Engine,
        workload: &Workload,
        nodes: impl Fn(&str) -> Vec<Name>,
    ) -> Option<Arc<dyn Programs>> {
        let tiers = workload.commands().map(|exec| exec.tier.clone());
        let nodes: BTreeMap<Name, Vec<Name>> =
            tiers.map(|tier| (tier.clone(), nodes(&tier))).collect();
        if nodes.is_empty() {
            return None;
        }
        let (nodes, turn) = (Arc::new(nodes), Arc::default());
        Some(Arc::new(Self { engine: engine.clone(), nodes, turn }))
    }

    async fn open_in_turn(self, exec: Exec) -> Result<Opened, String> {
        let nodes = self.nodes.get(&exec.tier).map(Vec::as_slice).unwrap_or_default();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut problem = format!("tier `{}` has no node", exec.tier);
        for n in 0..nodes.len() {
            let node = &nodes[first.wrapping_add(n) % nodes.len()];
            let container = main_name(self.engine.lab(), node);
            match self.engine.converse(&container, &exec.command).await {
                Ok((input, output)) => {
                    let said = output.map(|heard| match heard {
                        Heard::Out(bytes) => Said::Out(bytes),
                        Heard::Err(bytes) => Said::Err(bytes),
                    });
                    return Ok(Opened { node: node.clone(), output: said.boxed(), input });
                }
                Err(e) => problem = e.to_string(),
            }
        }
        Err(problem)
    }
}

impl Programs for NodePrograms {
    fn open(&self, exec: Exec) -> BoxFuture<'static, Result<Opened, String>> {
        Box::pin(self.clone().open_in_turn(exec))
    }
}
