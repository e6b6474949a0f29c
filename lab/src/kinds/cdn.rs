//! `cdn`: nginx as an edge cache.

use super::address::{Order, addresses};
use super::front_door::{self, Door};
use super::load_balancer::STATUS_PORT;
use super::{Context, WEB_PORT, aws, blank, cdn_conf, port_of, tracing};
use crate::balancer::front_door::FrontDoorConfig;
use crate::plan::layout::Place;
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::{Cdn, FrontDoor};
use crate::spec::slots::Duty;

/// Where nginx finds its configuration.
const CONFIG_PATH: &str = "/etc/lab/cdn.conf";
/// Where the counter of the front door finds its own.
const COUNTER_PATH: &str = "/etc/lab/front-door.json";
/// What says that there is a way to a page.
const HEALTH_PATH: &str = "/readyz";
/// What answers as long as the edge node itself works: name servers look at that.
pub const EDGE_PATH: &str = "/.edge/healthz";
/// Where nginx says what its rules matched, and how many requests it had; both of 127.0.0.1.
const COUNTER_PORT: u16 = 8406;
const NGINX_STATUS_PORT: u16 = 8405;

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
        door: kind.front_door.as_ref().map(|rules| door(context, rules)),
        span_log: tracing::span_log(context, place, &[("assets", "s3"), ("pages", pages)]),
    };
    let content = cdn_conf::nginx_conf(&input);
    node.files = vec![ConfigFile { path: CONFIG_PATH.into(), content }];
    let folder = cdn_conf::FOLDER;
    node.command = match &kind.front_door {
        None => {
            let script = format!("mkdir -p {folder} && exec nginx -e stderr -c {CONFIG_PATH}");
            vec!["sh".into(), "-c".into(), script]
        }
        Some(door) => {
            node.files.push(counter(door));
            vec!["lab".into(), "front-door".into(), "--config".into(), COUNTER_PATH.into()]
        }
    };
    node.probe = probe();
    node.priority = 5;
    node
}

/// What is said to nginx about the front door.
fn door<'a>(context: &Context<'_>, door: &'a FrontDoor) -> Door<'a> {
    Door {
        door,
        time_scale: context.stage.time_scale,
        // All traffic comes from this machine or from the canary, each of them for many clients.
        trusted: vec![context.subnet.gateway(), context.subnet.control()],
        health_paths: &[HEALTH_PATH, EDGE_PATH],
        counter_port: COUNTER_PORT,
        nginx_status_port: NGINX_STATUS_PORT,
    }
}

/// The configuration of the counter beside nginx.
fn counter(door: &FrontDoor) -> ConfigFile {
    let config = FrontDoorConfig {
        nginx_conf: CONFIG_PATH.into(),
        folder: cdn_conf::FOLDER.into(),
        nginx: "nginx".into(),
        status_port: STATUS_PORT,
        counter_port: COUNTER_PORT,
        nginx_status_port: NGINX_STATUS_PORT,
        rules: front_door::rule_names(door),
    };
    let content = serde_json::to_string_pretty(&config).unwrap_or_default();
    ConfigFile { path: COUNTER_PATH.into(), content }
}

/// It has a way to a page: the path is cached by no rule of a sane stage.
pub(super) fn probe() -> Probe {
    Probe::Http { port: WEB_PORT, path: HEALTH_PATH.into() }
}
