//! OTLP's JSON encoding, read as tolerantly as it is written: fields that are not known are passed
//! over, numbers may be text, and a span that cannot be read is left out.

use serde::Deserialize;
use serde_json::{Value, json};

use super::span::{Kind, Span};
use crate::control::metrics::Sample;
use crate::journal::Micros;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    /// Absent where the sender knows none: it then sends only what is part of its sample.
    flags: Option<u64>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: Value,
    start_time_unix_nano: Value,
    end_time_unix_nano: Value,
    #[serde(default)]
    attributes: Vec<Attribute>,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    #[serde(default)]
    value: Value,
}

/// The spans of a request to a collector, and how many could not be read.
///
/// # Errors
/// It is no such request.
pub fn read(body: &[u8]) -> Result<(Vec<Span>, usize), serde_json::Error> {
    let request: Request = serde_json::from_slice(body)?;
    let (mut spans, mut unread) = (Vec::new(), 0);
    for from in request.resource_spans {
        let text = |key: &str| attribute(&from.resource.attributes, key);
        let service = text("service.name").unwrap_or("unknown");
        let node = text("service.instance.id").unwrap_or(service);
        for sent in from.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let sent: Option<Sent> = serde_json::from_value(sent).ok();
            match sent.and_then(|sent| span(sent, service, node)) {
                Some(span) => spans.push(span),
                None => unread += 1,
            }
        }
    }
    Ok((spans, unread))
}

fn span(sent: Sent, service: &str, node: &str) -> Option<Span> {
    let hexadecimal =
        |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !hexadecimal(&sent.trace_id, 32) || !hexadecimal(&sent.span_id, 16) {
        return None;
    }
    let (start, end) = (whole(&sent.start_time_unix_nano)?, whole(&sent.end_time_unix_nano)?);
    let failed = matches!(whole(&sent.status.code), Some(2))
        || sent.status.code.as_str() == Some("STATUS_CODE_ERROR");
    Some(Span {
        trace: sent.trace_id,
        id: sent.span_id,
        parent: Some(sent.parent_span_id).filter(|id| !id.is_empty()),
        sampled: sent.flags.is_none_or(|flags| flags & 1 == 1),
        service: service.to_owned(),
        node: node.to_owned(),
        peer: attribute(&sent.attributes, "peer.service").map(str::to_owned),
        kind: kind(&sent.kind),
        name: sent.name,
        start: Micros::try_from(start / 1000).ok()?,
        took_us: end.saturating_sub(start) / 1000,
        error: failed.then_some(sent.status.message),
    })
}

/// The number, or the name of the enumeration.
fn kind(value: &Value) -> Kind {
    let names = ["SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    let named = value.as_str().and_then(|text| {
        let at = names.iter().position(|name| text.strip_prefix("SPAN_KIND_") == Some(name))?;
        u64::try_from(at).ok().map(|at| at + 2)
    });
    Kind::of_number(named.or_else(|| whole(value)).unwrap_or(1))
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn attribute<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.get("stringValue")?.as_str()
}

/// Spans as a request to a collector, one resource for each node.
pub fn write(spans: &[Span]) -> Value {
    let of_node = |first: &Span, spans: &[Span]| {
        let spans: Vec<Value> = spans.iter().map(written).collect();
        json!({
            "resource": { "attributes": [
                text("service.name", &first.service),
                text("service.instance.id", &first.node),
            ] },
            "scopeSpans": [{ "scope": { "name": "lab" }, "spans": spans }],
        })
    };
    let same = |a: &Span, b: &Span| a.node == b.node;
    let resources: Vec<Value> =
        spans.chunk_by(same).filter_map(|chunk| Some(of_node(chunk.first()?, chunk))).collect();
    json!({ "resourceSpans": resources })
}

fn written(span: &Span) -> Value {
    let end = span.start + i64::try_from(span.took_us).unwrap_or(0);
    let mut out = json!({
        "traceId": span.trace,
        "spanId": span.id,
        "flags": u8::from(span.sampled),
        "name": span.name,
        "kind": span.kind.number(),
        "startTimeUnixNano": format!("{}000", span.start),
        "endTimeUnixNano": format!("{end}000"),
    });
    if let Some(parent) = &span.parent {
        out["parentSpanId"] = json!(parent);
    }
    if let Some(peer) = &span.peer {
        out["attributes"] = json!([text("peer.service", peer)]);
    }
    if let Some(why) = &span.error {
        out["status"] = json!({ "code": 2, "message": why });
    }
    out
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// Numbers of the control plane as a request to a collector.
pub fn metrics(samples: &[Sample], at: Micros) -> Value {
    let point = |sample: &Sample| {
        let labels: Vec<Value> =
            sample.labels.iter().map(|(key, value)| text(key, value)).collect();
        json!({
            "name": sample.metric.name,
            "description": sample.metric.help,
            "gauge": { "dataPoints": [{
                "timeUnixNano": format!("{at}000"),
                "asDouble": sample.value,
                "attributes": labels,
            }] },
        })
    };
    let metrics: Vec<Value> = samples.iter().map(point).collect();
    json!({ "resourceMetrics": [{
        "resource": { "attributes": [text("service.name", "control")] },
        "scopeMetrics": [{ "scope": { "name": "lab" }, "metrics": metrics }],
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::metrics::GROUP_SIZE;

    const BODY: &str = r#"{"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "web"}},
            {"key": "service.instance.id", "value": {"stringValue": "web-a1"}},
            {"key": "process.pid", "value": {"intValue": "7"}}
        ]},
        "scopeSpans": [{"scope": {"name": "shop"}, "spans": [
            {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
             "parentSpanId": "b7ad6b7169203330", "flags": 1, "name": "GetProduct", "kind": 3,
             "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000002500000",
             "attributes": [{"key": "peer.service", "value": {"stringValue": "db"}}],
             "status": {"code": 2, "message": "no answer"}},
            {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203332",
             "name": "GET /", "kind": "SPAN_KIND_SERVER",
             "startTimeUnixNano": 1700000000000000000, "endTimeUnixNano": 1700000000000000000,
             "status": {}},
            {"traceId": "short", "spanId": "b7ad6b7169203332",
             "startTimeUnixNano": "1", "endTimeUnixNano": "2"},
            {"name": "nothing else"}
        ]}]
    }]}"#;

    #[test]
    fn spans_are_read_and_what_cannot_be_is_counted() {
        let (spans, unread) = read(BODY.as_bytes()).unwrap();
        assert_eq!((spans.len(), unread), (2, 2));
        let first = &spans[0];
        assert_eq!((&*first.service, &*first.node), ("web", "web-a1"));
        assert_eq!((first.peer.as_deref(), first.kind), (Some("db"), Kind::Client));
        assert_eq!((first.start, first.took_us), (1_700_000_000_000_000, 2500));
        assert_eq!((first.error.as_deref(), first.sampled), (Some("no answer"), true));
        let second = &spans[1];
        assert_eq!((second.kind, second.sampled, &second.parent), (Kind::Server, true, &None));
        assert_eq!(second.error, None);
    }

    #[test]
    fn what_is_no_request_is_refused_and_an_empty_one_is_not() {
        assert!(read(b"").is_err());
        assert!(read(b"7").is_err());
        assert_eq!(read(b"{}").unwrap(), (Vec::new(), 0));
    }

    #[test]
    fn what_was_written_can_be_read() {
        let (mut spans, _) = read(BODY.as_bytes()).unwrap();
        spans[1].sampled = false;
        let written = write(&spans).to_string();
        assert_eq!(read(written.as_bytes()).unwrap(), (spans, 0));
    }

    #[test]
    fn numbers_are_gauges() {
        let labels = vec![("tier", "web".to_owned())];
        let sent = metrics(&[Sample { metric: GROUP_SIZE, labels, value: 6.0 }], 7);
        let point = &sent["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
        assert_eq!(point["name"], "lab_group_size_tasks");
        let data = &point["gauge"]["dataPoints"][0];
        assert_eq!((&data["asDouble"], &data["timeUnixNano"]), (&json!(6.0), &json!("7000")));
        assert_eq!(data["attributes"][0]["value"]["stringValue"], "web");
    }
}
