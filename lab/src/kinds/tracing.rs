//! How nodes take part in traces, where a stage wants them.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::Context;
use crate::balancer::SpanLog;
use crate::control::{LOG_PORT, PORT};
use crate::plan::layout::Place;
use crate::spec::model::{Kind, Service};

/// nginx's part, with the services behind its upstreams.
pub(super) fn span_log(
    context: &Context<'_>,
    place: &Place,
    peers: &[(&str, &str)],
) -> Option<SpanLog> {
    let wanted = &context.stage.observability;
    let peer = |(upstream, service): &(&str, &str)| ((*upstream).into(), (*service).into());
    wanted.traces.then(|| SpanLog {
        collector: SocketAddrV4::new(context.subnet.control(), LOG_PORT),
        sample_percent: wanted.sample_percent,
        service: place.tier.clone(),
        node: place.name.clone(),
        peers: peers.iter().map(peer).collect(),
    })
}

/// A task's part, under the names that OpenTelemetry gave its settings: what is traced by its
/// libraries needs nothing else.
pub(super) fn env(
    context: &Context<'_>,
    place: &Place,
    kind: &Service,
) -> BTreeMap<String, String> {
    let wanted = &context.stage.observability;
    if !wanted.traces {
        return BTreeMap::new();
    }
    let share = wanted.sample_percent / 100.0;
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}:{PORT}", context.subnet.control())),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()),
        ("OTEL_SERVICE_NAME", place.tier.clone()),
        ("OTEL_RESOURCE_ATTRIBUTES", attributes(place)),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()),
        ("OTEL_TRACES_SAMPLER_ARG", share.to_string()),
        ("OTEL_PEER_SERVICES", peers(context, kind)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

fn attributes(place: &Place) -> String {
    let all = [
        ("service.instance.id", &place.name),
        ("cloud.region", &place.region),
        ("cloud.availability_zone", &place.zone),
    ];
    let known = all.iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

/// What the application calls its database, its replicas, its cache and the application tier behind
/// it, and which tiers they are.
fn peers(context: &Context<'_>, kind: &Service) -> String {
    let behind = |tier: &str| match context.stage.tiers.get(tier).map(|t| &t.kind) {
        Some(Kind::DatabaseProxy(proxy)) => proxy.database.clone(),
        _ => tier.to_owned(),
    };
    let database = kind.database.as_deref();
    let all = [
        ("database", database.map(str::to_owned)),
        ("replica", database.map(behind)),
        ("cache", kind.cache.clone()),
        ("api", kind.upstream.clone()),
    ];
    let known = all.into_iter().filter_map(|(name, tier)| Some(format!("{name}={}", tier?)));
    known.collect::<Vec<_>>().join(",")
}
