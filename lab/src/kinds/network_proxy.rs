//! The network proxies of faultable edges: one node in each zone of the caller, through which the
//! caller reaches every tier at the end of such an edge.

use serde::Serialize;

use super::{Context, address, blank};
use crate::plan::layout::Place;
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::Stage;

/// Port of the proxies' own interface.
pub const NETWORK_PROXY_PORT: u16 = 8474;
/// Where a proxy finds its configuration.
const CONFIG_PATH: &str = "/etc/lab/netproxy.json";

/// An entry of the configuration.
#[derive(Serialize)]
struct Entry {
    name: String,
    listen: String,
    upstream: String,
    enabled: bool,
}

/// A network proxy.
pub(super) fn node(context: &Context<'_>, places: &[Place], place: &Place) -> NodeSpec {
    let mut node = blank(context, place, "network-proxy", "netproxy");
    let entries: Vec<Entry> = address::routes(context.stage, places, place)
        .into_iter()
        .map(|r| Entry {
            name: r.name,
            listen: format!("0.0.0.0:{}", r.listen.port()),
            upstream: r.upstream.to_string(),
            enabled: true,
        })
        .collect();
    let content = serde_json::to_string_pretty(&entries).unwrap_or_default();
    node.files = vec![ConfigFile { path: CONFIG_PATH.into(), content }];
    node.probe = probe();
    node.priority = 1;
    node
}

/// Its interface answers.
pub(super) fn probe() -> Probe {
    Probe::Http { port: NETWORK_PROXY_PORT, path: "/version".into() }
}

/// Whether a stage has network proxies.
pub fn has_network_proxies(stage: &Stage) -> bool {
    stage.edges.iter().any(|edge| crate::spec::edges::is_faultable(stage, edge))
}
