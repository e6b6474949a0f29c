//! Spans as OTLP's JSON encoding has them: numbers of traces and spans as hexadecimal text, 64-bit
//! numbers as decimal text.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::span::Span;

/// One request to a collector.
pub fn request(resource: &[(String, String)], spans: &[Span]) -> Value {
    let resource: Vec<Value> =
        resource.iter().map(|(name, value)| attribute(name, &json!(value))).collect();
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "shop" }, "spans": spans }],
    }] })
}

fn span(span: &Span) -> Value {
    let attributes: Vec<Value> =
        span.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let mut out = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "flags": u8::from(span.context.sampled),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.began),
        "endTimeUnixNano": nanos(span.ended),
        "attributes": attributes,
    });
    if let Some(parent) = span.parent {
        out["parentSpanId"] = json!(format!("{parent:016x}"));
    }
    if let Some(why) = &span.error {
        out["status"] = json!({ "code": 2, "message": why });
    }
    out
}

fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Bool(bool) => json!({ "boolValue": bool }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": name, "value": value })
}

fn nanos(at: SystemTime) -> String {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::span::Kind;
    use super::*;

    #[test]
    fn a_request_is_what_the_protocol_wants() {
        let began = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001);
        let whole = Span {
            context: "00-0000000000000000000000000000000a-000000000000000b-01".parse().unwrap(),
            parent: Some(12),
            kind: Kind::Client,
            name: "GET".into(),
            began,
            ended: began + Duration::from_nanos(5),
            error: Some("no answer".into()),
            attributes: vec![("peer.service", json!("cache")), ("server.port", json!(6379))],
        };
        let resource = [("service.name".to_owned(), "web".to_owned())];
        assert_eq!(
            request(&resource, &[whole]),
            json!({ "resourceSpans": [{
                "resource": { "attributes": [
                    { "key": "service.name", "value": { "stringValue": "web" } },
                ] },
                "scopeSpans": [{ "scope": { "name": "shop" }, "spans": [{
                    "traceId": "0000000000000000000000000000000a",
                    "spanId": "000000000000000b",
                    "parentSpanId": "000000000000000c",
                    "flags": 1,
                    "name": "GET",
                    "kind": 3,
                    "startTimeUnixNano": "1700000000000000001",
                    "endTimeUnixNano": "1700000000000000006",
                    "attributes": [
                        { "key": "peer.service", "value": { "stringValue": "cache" } },
                        { "key": "server.port", "value": { "intValue": "6379" } },
                    ],
                    "status": { "code": 2, "message": "no answer" },
                }] }],
            }] })
        );
    }
}
