//! The control plane's own node: in no zone, because it is the provider's.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::load_balancer::STATUS_PORT;
use super::{Context, aws, blank, entry, names};
use crate::control::{
    CONFIG_PATH, CloudWatch, ControlConfig, DATA_PATH, FunctionTier, Group, HostedZone, NamedNode,
    NamedTier, PORT, SizedDatabase, TracesConfig, WatchedNode,
};
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::plan::{CONTROL, QueueAt};
use crate::spec::model::{Kind, Name, Postgres, Service, Stage, Tier};
use crate::spec::slots::Duty;
use crate::spec::workload::{Operation, Workload};

/// Where Docker's socket is, on the machine and in the container: the control plane starts failed
/// nodes again as a provider would.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// The control plane.
pub(super) fn node(context: &Context<'_>, places: &[Place], nodes: &[NodeSpec]) -> NodeSpec {
    let place = Place {
        name: CONTROL.into(),
        tier: "control".into(),
        duty: Duty::Member,
        region: String::new(),
        zone: String::new(),
        index: 0,
        address: context.subnet.control(),
    };
    let traffic = &context.stage.traffic;
    let config = ControlConfig {
        lab: context.lab.into(),
        control_plane: context.stage.control_plane.clone(),
        // A job ends, and nobody starts it again.
        nodes: nodes
            .iter()
            .filter(|n| n.probe != Probe::Done)
            .map(|n| watched(context, places, n))
            .collect(),
        groups: groups(context, places),
        functions: functions(context, places),
        queues: super::queues(context.stage, places),
        databases: databases(context, places),
        in_memory: in_memory(places),
        wanted: super::wanted(context.stage, places),
        names: named(context, places, nodes),
        hosted_zone: hosted_zone(context, places),
        front_doors: front_doors(context, places),
        cloudwatch: cloudwatch(context, places),
        traces: traces(context),
        collector: collector(context),
        entry: entry(context.stage, places),
        entry_name: names(context.stage, places),
        tls: traffic.tls.clone(),
        http2: traffic.http2,
        entry_path: entry_path(context, nodes),
        timeout_ms: traffic.timeout_ms,
        workload: canary(context.stage),
    };
    let mut node = blank(context, &place, "control", "control");
    node.command = vec!["lab".into(), "control".into(), "--config".into(), CONFIG_PATH.into()];
    node.files = vec![ConfigFile {
        path: CONFIG_PATH.into(),
        content: serde_json::to_string_pretty(&config).unwrap_or_default(),
    }];
    node.data = Some(DATA_PATH.into());
    node.binds = vec![format!("{DOCKER_SOCKET}:{DOCKER_SOCKET}")];
    node.probe = Probe::Http { port: PORT, path: "/healthz".into() };
    node.priority = 6;
    node
}

/// Every tier with several members, where somebody asks for names.
fn named(context: &Context<'_>, places: &[Place], nodes: &[NodeSpec]) -> Vec<NamedTier> {
    if nodes.iter().all(|node| node.dns.is_empty()) {
        return Vec::new();
    }
    let tier = |(name, tier): (&Name, &Tier)| {
        let members: Vec<&Place> = with_duty(places, name, Duty::Member).collect();
        let node = |place: &Place| {
            let spec = nodes.iter().find(|node| node.name == place.name)?;
            let probe = match (&spec.probe, &tier.kind) {
                // A process for each look is more than names are worth.
                (Probe::Command { .. } | Probe::OfImage { .. }, Kind::Container(kind)) => {
                    match kind.ports.first() {
                        Some(port) => Probe::Tcp { port: *port },
                        None => Probe::Runs,
                    }
                }
                (other, _) => other.clone(),
            };
            Some(NamedNode { name: place.name.clone(), address: place.address, probe })
        };
        let nodes: Vec<NamedNode> = members.into_iter().filter_map(node).collect();
        (nodes.len() > 1).then(|| NamedTier { tier: name.clone(), nodes })
    };
    context.stage.tiers.iter().filter_map(tier).collect()
}

/// The emulators.
fn in_memory(places: &[Place]) -> Vec<Name> {
    let emulators = places.iter().filter(|p| matches!(p.duty, Duty::Emulator(_)));
    emulators.map(|p| p.name.clone()).collect()
}

/// The scaling groups, each with the load balancers whose requests are its load.
fn groups(context: &Context<'_>, places: &[Place]) -> Vec<Group> {
    let stage = context.stage;
    let balancers = |tier: &str| {
        let before = stage.tiers.iter().filter(|(_, t)| match &t.kind {
            Kind::LoadBalancer(kind) => kind.targets == tier,
            _ => false,
        });
        let nodes = before.flat_map(|(name, _)| of_tier(places, name));
        nodes.map(|p| (p.address, STATUS_PORT)).collect()
    };
    let group = |(name, tier): (&String, &Tier)| match &tier.kind {
        Kind::Service(Service { scaling: Some(scaling), .. }) => Some(Group {
            tier: name.clone(),
            min: tier.zones.values().sum(),
            scaling: (**scaling).clone(),
            time_scale: stage.time_scale,
            balancers: balancers(name),
        }),
        _ => None,
    };
    stage.tiers.iter().filter_map(group).collect()
}

/// The tiers of functions, each with the queue that feeds it.
fn functions(context: &Context<'_>, places: &[Place]) -> Vec<FunctionTier> {
    let stage = context.stage;
    let queues = super::queues(stage, places);
    let tier = |queue: QueueAt| {
        let Kind::Service(service) = &stage.tiers.get(&queue.tier)?.kind else { return None };
        let (worker, function) = (service.worker.as_ref()?, service.function()?);
        let idle = f64::from(function.idle_s) * 1000.0 / stage.time_scale;
        let (max, each) = (function.max, worker.concurrency);
        Some(FunctionTier { queue, max, each, idle_ms: idle as u64 })
    };
    queues.into_iter().filter_map(tier).collect()
}

/// Where the front doors say what they let in.
fn front_doors(context: &Context<'_>, places: &[Place]) -> Vec<(Name, Ipv4Addr, u16)> {
    let has_door =
        |(_, tier): &(&Name, &Tier)| matches!(&tier.kind, Kind::Cdn(c) if c.front_door.is_some());
    let tiers = context.stage.tiers.iter().filter(has_door);
    let nodes = tiers.flat_map(|(name, _)| of_tier(places, name).map(move |p| (name, p)));
    nodes.map(|(name, p)| (name.clone(), p.address, STATUS_PORT)).collect()
}

/// Databases with capacity units: what may be the primary has one size, each read replica its own.
fn databases(context: &Context<'_>, places: &[Place]) -> Vec<SizedDatabase> {
    let stage = context.stage;
    let database = |(tier, t): (&String, &Tier)| {
        let Kind::Postgres(Postgres { capacity: Some(capacity), .. }) = &t.kind else {
            return None;
        };
        let of = |duty| with_duty(places, tier, duty).map(|p| p.name.clone());
        let mut groups: Vec<Vec<Name>> = vec![of(Duty::Member).collect()];
        groups.extend(of(Duty::Replica).map(|name| vec![name]));
        let (tier, capacity) = (tier.clone(), capacity.clone());
        Some(SizedDatabase { tier, capacity, time_scale: stage.time_scale, groups })
    };
    stage.tiers.iter().filter_map(database).collect()
}

/// The site's zone, and the emulator that stands for Route 53.
fn hosted_zone(context: &Context<'_>, places: &[Place]) -> Option<HostedZone> {
    let stage = context.stage;
    let dns = stage.tiers.values().find_map(|tier| match &tier.kind {
        Kind::Dns(kind) => Some(kind),
        _ => None,
    })?;
    stage.tiers.iter().find_map(|(name, tier)| {
        let Kind::Aws(kind) = &tier.kind else { return None };
        let emulator = kind.services.route53?;
        let node = of_tier(places, name).find(|p| p.duty == Duty::Emulator(emulator))?;
        Some(HostedZone {
            address: node.address,
            port: aws::AWS_PORT,
            domain: dns.name.split_once('.').map_or("", |(_, domain)| domain).to_owned(),
            name: dns.name.clone(),
            ttl_s: super::dns::ttl_s(stage, dns),
            targets: of_tier(places, &dns.targets).map(|p| p.address).collect(),
        })
    })
}

/// Where metrics go: the emulator that stands for CloudWatch.
fn cloudwatch(context: &Context<'_>, places: &[Place]) -> Option<CloudWatch> {
    let stage = context.stage;
    stage.tiers.iter().find_map(|(name, tier)| {
        let Kind::Aws(kind) = &tier.kind else { return None };
        let emulator = kind.services.cloudwatch?;
        let node = of_tier(places, name).find(|p| p.duty == Duty::Emulator(emulator))?;
        Some(CloudWatch {
            address: node.address,
            port: aws::AWS_PORT,
            region: aws::region(context, node),
            time_scale: stage.time_scale,
            availability_percent: stage.objectives.availability_percent,
        })
    })
}

fn traces(context: &Context<'_>) -> Option<TracesConfig> {
    let wanted = &context.stage.observability;
    wanted.traces.then_some(TracesConfig { sample_percent: wanted.sample_percent })
}

/// The user's own collector. On this machine it is reached at the network's gateway: 127.0.0.1 is
/// the control plane itself.
fn collector(context: &Context<'_>) -> Option<SocketAddrV4> {
    let mut at = context.stage.observability.collector()?;
    if at.ip().is_loopback() {
        at.set_ip(context.subnet.gateway());
    }
    Some(at)
}

/// What says that the site is up: the readiness of the entry tier's own nodes.
pub(super) fn entry_path(context: &Context<'_>, nodes: &[NodeSpec]) -> String {
    let entry = nodes.iter().find(|n| n.tier == context.stage.traffic.entry);
    match entry.map(|n| &n.probe) {
        Some(Probe::Http { path, .. }) => path.clone(),
        _ => "/".into(),
    }
}

fn watched(context: &Context<'_>, places: &[Place], node: &NodeSpec) -> WatchedNode {
    let coordination = match context.stage.tiers.get(&node.tier).map(|t| &t.kind) {
        Some(Kind::Postgres(p)) => p.coordination.as_deref(),
        _ => None,
    };
    WatchedNode {
        name: node.name.clone(),
        tier: node.tier.clone(),
        address: node.address,
        zone: node.zone.clone(),
        probe: node.probe.clone(),
        reserve: node.reserve,
        coordination: coordination
            .map(|tier| of_tier(places, tier).map(|p| p.address).collect())
            .unwrap_or_default(),
    }
}

/// What the canary's users do: everything but registers, which nobody judges between experiments.
fn canary(stage: &Stage) -> Workload {
    let mut workload = stage.workload();
    let is_register = |o: &Operation| o.register.is_some();
    if workload.operations.values().any(|o| !is_register(o) && o.weight > 0) {
        for register in workload.operations.values_mut().filter(|o| is_register(o)) {
            register.weight = 0;
        }
    }
    workload
}
