//! `lab status`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::FormatArgs;
use super::endpoints::{self, Endpoint};
use super::{CliError, Format, Global, show};
use crate::chaos::{self, Depth, Role, Stray};
use crate::engine::Engine;
use crate::journal::{Event, Micros};
use crate::kinds;
use crate::plan::ailment::{Ailment, clock};
#[cfg(test)]
use crate::plan::layout;
use crate::plan::layout::Place;
use crate::plan::observed::State;
use crate::plan::ports::SENTINEL_PORT;
use crate::plan::releases::release_of;
use crate::plan::{CONTROL, holder_name, main_name};
use crate::report::Ui;
use crate::report::listing::Column::{Prose, Value as Whole};
use crate::report::listing::{plain, wrapped};
use crate::run::{self, RunningLab};
use crate::spec::machine;
#[cfg(test)]
use crate::spec::model::Stage;
use crate::spec::model::{Kind, Tier};
use crate::spec::slots::Duty;

/// How long a note is shown, in microseconds.
const NOTED_FOR: Micros = 600_000_000;

/// One line of the listing.
struct Row {
    node: String,
    tier: String,
    kind: String,
    zone: String,
    role: String,
    /// The release that it runs, where its tier has releases.
    release: Option<String>,
    health: String,
    address: String,
}

/// Shows nodes, endpoints, active faults and the canary's figures.
pub async fn run(global: &Global, args: &FormatArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let lab = RunningLab::require(&engine).await?;
    // One that cannot answer is not waited for.
    let (canary, notes) = match answers(&engine).await? {
        true => tokio::join!(async { lab.control().canary().await.ok() }, notes(&lab)),
        false => (None, Vec::new()),
    };
    let rows = rows(&engine, &lab, canary.is_some()).await?;
    let mut endpoints = endpoints::sites(&engine, &lab).await?;
    endpoints.extend(endpoints::stores(&lab, &lab.roles().await));
    let (faults, deploy) = (engine.markers().await?, engine.deploy().await?);
    let strays = chaos::strays(lab.for_strays(), Depth::Hints).await?;
    if args.format == Format::Json {
        let nodes: Vec<Value> = rows.iter().map(json_row).collect();
        let endpoints: Vec<Value> = endpoints
            .iter()
            .map(|e| json!({"node": e.node, "what": e.what, "url": e.url}))
            .collect();
        let faults: Vec<Value> = faults
            .iter()
            .map(|m| json!({"id": m.id, "fault": m.fault.name(), "nodes": m.nodes}))
            .collect();
        ui.json(&json!({
            "lab": global.lab, "stage": lab.stage.stage, "engine": engine.host().to_string(),
            "subnet": lab.network.subnet.cidr(), "nodes": nodes,
            "endpoints": endpoints, "faults": faults, "canary": canary,
            "strays": strays.iter().map(|s| json!({"node": s.node, "what": s.effect.to_string()}))
                .collect::<Vec<_>>(),
            "notes": notes.iter().map(|(at, what)| json!({"at": at, "what": what})).collect::<Vec<_>>(),
            "deploy": deploy.map(|d| json!({"tier": d.tier, "from": d.from, "to": d.to})),
        }));
        return Ok(0);
    }
    let head = format!("lab `{}`: {} ({})\n\n", global.lab, lab.stage.stage, lab.stage.title);
    let mut text = wrapped(&head, ui.width(), 0);
    text += &table(rows, ui.width());
    text += "\n";
    for endpoint in &endpoints {
        text += &format!("\n{}", line(endpoint, ui.width()));
    }
    text += &format!("\nsubnet    {}", lab.network.subnet.cidr());
    text += &format!("\nengine    {}", engine.host());
    if let Some(deploy) = &deploy {
        text += &format!("\ndeploy    {} from {} to {}", deploy.tier, deploy.from, deploy.to);
    }
    for marker in &faults {
        let (fault, nodes) = (marker.fault.name(), marker.nodes.join(", "));
        let told = format!("\nfault     {fault} on {nodes} (heal with `lab heal`)");
        text += &wrapped(&told, ui.width(), 10);
    }
    for Stray { node, effect } in &strays {
        let told = format!("\nstray     {effect} on {node}: no fault explains it (`lab heal`)");
        text += &wrapped(&told, ui.width(), 10);
    }
    for (at, what) in &notes {
        text += &wrapped(&format!("\nnoted     {what} ({})", clock(*at)), ui.width(), 10);
    }
    text += &match canary {
        Some(c) if c.requests > 0 => format!(
            "\ncanary    {} requests in 10 s, {:.1}% good, p50 {:.1} ms, p99 {:.1} ms",
            c.requests, c.success_percent, c.p50_ms, c.p99_ms
        ),
        Some(_) => "\ncanary    no request in the last 10 s".into(),
        None => "\ncanary    the control plane does not answer".into(),
    };
    ui.result(&text);
    Ok(0)
}

/// Whether the control plane runs, so that it could answer.
async fn answers(engine: &Engine) -> Result<bool, CliError> {
    let containers = engine.containers().await?;
    let runs = |name: String| containers.get(&name).is_some_and(|c| c.state == State::Running);
    let lab = engine.lab();
    Ok(runs(main_name(lab, CONTROL)) && runs(holder_name(lab, CONTROL)))
}

/// What the control plane noted lately that people should know of, with the moments.
async fn notes(lab: &RunningLab) -> Vec<(Micros, String)> {
    let since = run::now() - NOTED_FOR;
    let notes = lab.control().notes().await.unwrap_or_default();
    let recent = notes.into_iter().filter(|entry| entry.at >= since);
    let told = recent.filter_map(|entry| match entry.event {
        Event::Control(event) => Some((entry.at, event.note()?)),
        _ => None,
    });
    told.collect()
}

/// The nodes, one a line. A node's name begins with its tier.
fn table(rows: Vec<Row>, width: usize) -> String {
    let columns = [
        Whole("NODE"),
        Whole("KIND"),
        Whole("ZONE"),
        Prose("ROLE"),
        Whole("ADDRESS"),
        Prose("HEALTH"),
    ];
    let row = |r: Row| {
        let role = r.release.unwrap_or(r.role);
        vec![r.node, r.kind, r.zone, role, r.address, r.health]
    };
    plain(&columns, rows.into_iter().map(row), width)
}

/// What answers where. The address is in one piece, whatever that takes: it is there to be copied.
fn line(endpoint: &Endpoint, width: usize) -> String {
    let Endpoint { node, what, url } = endpoint;
    wrapped(&format!("{what:<9} {url}  ({node})"), width, 10)
}

/// One line for each node; `answers` says whether the control plane does.
async fn rows(engine: &Engine, lab: &RunningLab, answers: bool) -> Result<Vec<Row>, CliError> {
    let (containers, roles, missing, starved, ailments) = tokio::join!(
        engine.containers(),
        lab.roles(),
        lab.not_ready(),
        starved(engine, lab),
        lab.ailments()
    );
    let (containers, ailments) = (containers?, ailments?);
    let rows = lab.places.iter().map(|place| {
        let tier = lab.stage.tiers.get(&place.tier);
        let main = containers.get(&main_name(engine.lab(), &place.name));
        let health = match main.map(|c| c.state) {
            _ if is_cut_off(&ailments, &place.name) => explained(&ailments, &place.name),
            None => "missing; run `lab up`".into(),
            Some(State::Paused) => "frozen".into(),
            Some(state) if place.duty == Duty::Reserve && state.is_at_rest() => "in reserve".into(),
            Some(State::Ended) if place.duty == Duty::Job => "done".into(),
            Some(State::Created) => "never started".into(),
            Some(State::Ended | State::Stopped | State::Dead)
                if starved.contains_key(&place.name) =>
            {
                starved[&place.name].clone()
            }
            Some(State::Ended | State::Stopped | State::Dead) => "stopped".into(),
            Some(State::Running) => match missing.iter().find(|(n, _)| *n == place.name) {
                Some((_, what)) => match starved.get(&place.name) {
                    Some(killed) => format!("not ready: {killed}"),
                    None => format!("not ready: {what}"),
                },
                None => match starved.get(&place.name) {
                    Some(killed) => format!("ready, {killed}"),
                    None => "ready".into(),
                },
            },
        };
        let port = port(tier, place);
        Row {
            node: place.name.clone(),
            tier: place.tier.clone(),
            kind: tier.map_or_else(|| "network-proxy".into(), show::kind_name),
            zone: place.zone.clone(),
            role: roles.get(&place.name).copied().map_or(duty(tier), Role::as_str).into(),
            release: main.and_then(release_of).map(str::to_owned),
            health,
            address: format!("{}:{port}", place.address),
        }
    });
    let mut rows: Vec<Row> = rows.collect();
    let control = lab.network.subnet.control();
    rows.push(Row {
        node: "control".into(),
        tier: "control".into(),
        kind: "control".into(),
        zone: String::new(),
        role: String::new(),
        release: None,
        health: if answers { "ready".into() } else { explained(&ailments, CONTROL) },
        address: format!("{control}:{}", crate::control::PORT),
    });
    Ok(rows)
}

/// The nodes in which something was killed for want of memory since their start, and how that is said.
async fn starved(engine: &Engine, lab: &RunningLab) -> BTreeMap<String, String> {
    let looks = lab.places.iter().map(|place| async move {
        let condition = engine.condition(&main_name(engine.lab(), &place.name)).await;
        // One that is not there is said to be missing.
        let killed = condition.ok()?.starved?;
        Some((place.name.clone(), machine::starved(killed.limit_mib)))
    });
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}

/// Whether a node sits in a network that is gone, or has none.
fn is_cut_off(ailments: &BTreeMap<String, Ailment>, node: &str) -> bool {
    matches!(ailments.get(node), Some(Ailment::NetworkRestarted { .. } | Ailment::Removed))
}

fn explained(ailments: &BTreeMap<String, Ailment>, node: &str) -> String {
    ailments.get(node).map_or("not ready".into(), |what| format!("{what}; run `lab up`"))
}

/// What tasks are that have no role of their own.
fn duty(tier: Option<&Tier>) -> &'static str {
    match tier.map(|tier| &tier.kind) {
        Some(Kind::Service(service)) if service.worker.is_some() => "worker",
        _ => "",
    }
}

/// Where a node answers.
fn port(tier: Option<&Tier>, place: &Place) -> u16 {
    match (place.duty, tier) {
        (Duty::Sentinel, _) => SENTINEL_PORT,
        (Duty::NetworkProxy, _) | (_, None) => kinds::NETWORK_PROXY_PORT,
        (_, Some(tier)) => kinds::port_of(&tier.kind),
    }
}

fn json_row(r: &Row) -> Value {
    json!({
        "node": r.node, "tier": r.tier, "kind": r.kind, "zone": r.zone, "role": r.role,
        "release": r.release, "health": r.health, "address": r.address,
    })
}

/// What a lab of this stage would show with the longest addresses and complaints.
#[cfg(test)]
pub(super) fn example(stage: &Stage, width: usize) -> String {
    let places = layout::places(stage, layout::Subnet(172, 130));
    let complaints = ["in reserve", "ready", "not ready: port 5432 does not answer"];
    let rows = places.iter().enumerate().map(|(n, place)| {
        let tier = stage.tiers.get(&place.tier);
        Row {
            node: place.name.clone(),
            tier: place.tier.clone(),
            kind: tier.map_or_else(|| "network-proxy".into(), show::kind_name),
            zone: place.zone.clone(),
            role: ["primary", "standby (sync)", "replica", "worker"][n % 4].into(),
            release: None,
            health: complaints[n % complaints.len()].into(),
            address: format!("{}:{}", place.address, port(tier, place)),
        }
    });
    let mut text = table(rows.collect(), width);
    for place in &places {
        let secret = "5f0c3a7d9b1e24680f1e2d3c";
        let url = format!("postgres://shop:{secret}@{}:5432/shop", place.address);
        let endpoint = Endpoint { node: place.name.clone(), what: "database", url };
        text += &format!("\n{}", line(&endpoint, width));
    }
    text
}
