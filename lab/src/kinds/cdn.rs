//! `cdn`: nginx as an edge cache.

use super::address::{Order, addresses};
use super::{Context, WEB_PORT, aws, blank, cdn_conf, port_of};
use crate::plan::layout::Place;
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::Cdn;
use crate::spec::slots::Duty;

/// Where nginx finds its configuration.
const CONFIG_PATH: &str = "/etc/lab/cdn.conf";

/// An edge cache.
pub(super) fn node(context: &Context<'_>, places: &[Place], place: &Place, kind: &Cdn) -> NodeSpec {
    let mut node = blank(context, place, "cdn", "nginx");
    let pages = &kind.origins.pages;
    let port = context.stage.tiers.get(pages).map_or(WEB_PORT, |t| port_of(&t.kind));
    let input = cdn_conf::Input {
        cdn: kind,
        pages: addresses(
            (context.stage, places),
            place,
            pages,
            Duty::Member,
            port,
            Order::AsDeclared,
        ),
        assets: kind
            .origins
            .assets
            .as_ref()
            .and_then(|tier| aws::object_storage(context, places, place, tier)),
    };
    let folder = cdn_conf::FOLDER;
    node.command = vec![
        "sh".into(),
        "-c".into(),
        format!("mkdir -p {folder} && exec nginx -e stderr -c {CONFIG_PATH}"),
    ];
    let content = cdn_conf::nginx_conf(&input);
    node.files = vec![ConfigFile { path: CONFIG_PATH.into(), content }];
    node.probe = probe();
    node.priority = 5;
    node
}

/// It has a way to a page: the path is cached by no rule of a sane stage.
pub(super) fn probe() -> Probe {
    Probe::Http { port: WEB_PORT, path: "/readyz".into() }
}
