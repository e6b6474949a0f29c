//! What the control plane is told when it is created.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    CloudWatch, ControlError, FunctionTier, Group, HostedZone, NamedTier, SizedDatabase,
    TracesConfig,
};
use crate::dns::EntryName;
use crate::plan::node::Probe;
use crate::plan::{QueueAt, Wanted};
use crate::spec::model::{ControlPlane, Name, Tls};
use crate::spec::workload::Workload;

/// The control plane's configuration, written by the planner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlConfig {
    /// Name of the lab.
    pub lab: String,
    /// The switches of the stage.
    pub control_plane: ControlPlane,
    /// Every node but the control plane itself.
    pub nodes: Vec<WatchedNode>,
    /// The scaling groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// The tiers of functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionTier>,
    /// The queues that workers take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueAt>,
    /// Databases with capacity units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<SizedDatabase>,
    /// Nodes that keep what they hold in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_memory: Vec<Name>,
    /// What must be there before the canary begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<Wanted>,
    /// The tiers whose names it answers, where containers of somebody else's ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NamedTier>,
    /// The site's zone, where the stage has a service that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone: Option<HostedZone>,
    /// Where edge caches with a front door say what they let in: tier, address, port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub front_doors: Vec<(Name, Ipv4Addr, u16)>,
    /// Where metrics go, where the stage has such a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudwatch: Option<CloudWatch>,
    /// Which requests are traced, where any are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<TracesConfig>,
    /// The user's own collector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collector: Option<SocketAddrV4>,
    /// Where the canary sends its requests.
    pub entry: Vec<(Ipv4Addr, u16)>,
    /// How the canary finds them by name, where the stage has a name server for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_name: Option<EntryName>,
    /// How the canary proves whom it speaks to, where it does within TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Whether it speaks HTTP/2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub http2: bool,
    /// Path that answers 2xx there once the site is up.
    pub entry_path: String,
    /// Longest the canary waits for one answer, in milliseconds.
    pub timeout_ms: u64,
    /// What the canary's users do.
    pub workload: Workload,
}

/// A node that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchedNode {
    /// Its name.
    pub name: Name,
    /// Its tier.
    pub tier: Name,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its zone; empty for a node that belongs to none.
    #[serde(default)]
    pub zone: Name,
    /// What answers while it works.
    pub probe: Probe,
    /// A scaling group starts and ends it.
    #[serde(default)]
    pub reserve: bool,
    /// For a member of a Patroni cluster: addresses of the etcd members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coordination: Vec<Ipv4Addr>,
}

/// A database cluster under Patroni.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The tier, which is Patroni's scope.
    pub tier: Name,
    /// Its members.
    pub members: Vec<WatchedNode>,
    /// Addresses of the etcd members.
    pub etcd: Vec<Ipv4Addr>,
}

impl ControlConfig {
    /// Reads the configuration file.
    pub fn read(path: &Path) -> Result<Self, ControlError> {
        let error =
            |reason: String| ControlError::Config { path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| error(e.to_string()))?;
        serde_json::from_str(&text).map_err(|e| error(e.to_string()))
    }

    /// The tier that users call; empty when it has no nodes.
    pub fn entry_tier(&self) -> &str {
        let first = self.entry.first().map(|(address, _)| *address);
        let node = self.nodes.iter().find(|node| Some(node.address) == first);
        node.map_or("", |node| node.tier.as_str())
    }

    /// The database clusters among the nodes.
    pub fn clusters(&self) -> Vec<Cluster> {
        let mut clusters: Vec<Cluster> = Vec::new();
        for node in self.nodes.iter().filter(|n| !n.coordination.is_empty()) {
            match clusters.iter_mut().find(|c| c.tier == node.tier) {
                Some(cluster) => cluster.members.push(node.clone()),
                None => clusters.push(Cluster {
                    tier: node.tier.clone(),
                    members: vec![node.clone()],
                    etcd: node.coordination.clone(),
                }),
            }
        }
        clusters
    }
}
