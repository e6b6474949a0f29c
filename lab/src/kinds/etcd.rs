//! `etcd`: the coordination store.

use super::{Context, blank};
use crate::plan::layout::{Place, of_tier};
use crate::plan::main_name;
use crate::plan::node::{NodeSpec, Probe};

/// etcd's client port.
pub(super) const CLIENT_PORT: u16 = 2379;
/// etcd's port for its own members.
const PEER_PORT: u16 = 2380;

/// A member. Heartbeat and election time-outs are etcd's defaults (100 ms and 1000 ms).
pub(super) fn node(context: &Context<'_>, places: &[Place], place: &Place) -> NodeSpec {
    let mut node = blank(context, place, "etcd", "etcd");
    let members: Vec<String> = of_tier(places, &place.tier)
        .map(|p| format!("{}=http://{}:{PEER_PORT}", p.name, p.address))
        .collect();
    let own = place.address;
    node.command = vec![
        "lab-etcd".into(),
        format!("--name={}", place.name),
        "--data-dir=/data/etcd".into(),
        format!("--listen-client-urls=http://0.0.0.0:{CLIENT_PORT}"),
        format!("--advertise-client-urls=http://{own}:{CLIENT_PORT}"),
        format!("--listen-peer-urls=http://0.0.0.0:{PEER_PORT}"),
        format!("--initial-advertise-peer-urls=http://{own}:{PEER_PORT}"),
        format!("--initial-cluster={}", members.join(",")),
        format!("--initial-cluster-token={}", main_name(context.lab, &place.tier)),
        "--log-level=warn".into(),
        // Patroni writes little; history is of no use to anybody here.
        "--auto-compaction-mode=revision".into(),
        "--auto-compaction-retention=1000".into(),
    ];
    node.data = Some("/data".into());
    node.probe = Probe::Http { port: CLIENT_PORT, path: "/health".into() };
    node.priority = 1;
    node
}
