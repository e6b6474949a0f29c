//! The demo shop's own workload: it is valid, and sends what today's code sends.

use serde_json::{Value, json};

use crate::spec::workload::{Answer, Workload};
use crate::spec::workload::{Call, Dice, Held, Operation, call, parse, schema, shop};

fn workload() -> Workload {
    parse(shop(), "stages/workloads/shop.yaml").unwrap_or_else(|errors| panic!("{errors}"))
}

fn values(name: &str) -> Option<Value> {
    match name {
        "key" => Some(json!("run-17")),
        "token" => Some(json!("t-1")),
        "user_id" => Some(json!("42")),
        "address" => Some(json!("198.18.0.7")),
        _ => None,
    }
}

fn sent(workload: &Workload, operation: &Operation) -> Call {
    call(workload, operation, &values, &mut Dice::new(1, 17)).unwrap().0
}

fn header<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    let found = call.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[test]
fn operations_are_requests_of_the_shop() {
    let workload = workload();
    let of = |name: &str| sent(&workload, &workload.operations[name]);
    let browse = of("browse");
    assert!(browse.path.starts_with("/products?page="), "{browse:?}");
    let order = of("order");
    assert_eq!((order.method.as_str(), order.path.as_str()), ("POST", "/orders"));
    assert_eq!(header(&order, "Idempotency-Key"), Some("run-17"));
    assert_eq!(header(&order, "Authorization"), Some("Bearer t-1"));
    // Nothing was seen yet, so nothing is said of it.
    assert_eq!(header(&order, "X-Position"), None);
    let body: Value = serde_json::from_str(&order.body).unwrap();
    assert!((1..=200).contains(&body["items"][0]["product"].as_i64().unwrap()), "{body}");
    assert!((1..=3).contains(&body["items"][0]["quantity"].as_i64().unwrap()), "{body}");
    let post = of("post");
    let body: Value = serde_json::from_str(&post.body).unwrap();
    let topic = body["topic"].as_str().unwrap();
    assert_eq!(body["body"], json!(format!("A word about {topic}, number run-17.")));
}

#[test]
fn what_writes_promises_and_what_reads_does_not() {
    let workload = workload();
    let writes = workload.operations.iter().filter(|(_, operation)| operation.is_write());
    let writes: Vec<&str> = writes.map(|(name, _)| name.as_str()).collect();
    assert_eq!(writes, ["add-to-cart", "order", "post", "profile"]);
    let titles = |name: &str| {
        workload.operations[name].promise.iter().map(|p| p.title().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (titles("order"), titles("post")),
        (
            ["read", "mail", "order-recorded", "mail-recorded"].map(str::to_owned).to_vec(),
            ["read", "listed"].map(str::to_owned).to_vec()
        )
    );
}

#[test]
fn invariants_are_those_of_the_ledger() {
    let workload = workload();
    let ledger = |change: fn(&mut Value)| {
        let mut body = json!({
            "entries": 200, "debit_cents": 5, "credit_cents": 5, "unbalanced_orders": [],
            "incomplete_orders": [], "products": 200, "wrong_stock": [],
        });
        change(&mut body);
        let answer = Answer::new(200, hyper::HeaderMap::new(), body.to_string().into());
        workload.invariants.iter().map(|i| i.holds.held(&answer)).collect::<Vec<_>>()
    };
    assert_eq!(ledger(|_| {}), [Held::Yes, Held::Yes, Held::Yes]);
    let held = ledger(|body| body["debit_cents"] = json!(6));
    assert!(matches!(held.as_slice(), [Held::No(_), Held::Yes, Held::Yes]), "{held:?}");
    let held = ledger(|body| body["wrong_stock"] = json!(["p17"]));
    assert!(matches!(held.as_slice(), [Held::Yes, Held::Yes, Held::No(_)]), "{held:?}");
}

#[test]
fn the_file_fits_its_schema() {
    let schema = schema();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("workload.json", schema).unwrap();
    let index = compiler.compile("workload.json", &mut schemas).unwrap();
    let written: Value = serde_json::to_value(workload()).unwrap();
    schemas.validate(&json!({ "workload": written }), index).unwrap_or_else(|e| panic!("{e}"));
    let wrong = json!({ "workload": { "operations": { "a": { "get": "/", "wieght": 1 } } } });
    assert!(schemas.validate(&wrong, index).is_err());
}

const SCHEMA_FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../stages/workloads/workload.schema.json");

#[test]
fn the_schema_file_is_up_to_date() {
    let generated = schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&generated).unwrap() + "\n";
        std::fs::write(SCHEMA_FILE, text).unwrap();
    }
    let text = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();
    let checked_in: Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(checked_in == generated, "run this test with UPDATE_SCHEMA=1");
}
