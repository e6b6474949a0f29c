//! Reading promises back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::super::audit::{AuditRequest, audit};
use super::super::programs::Programs;
use super::super::site::Site;
use super::super::testing::{self, Behaviour, Here, Request, Server, refusing};
use crate::journal::{Event, InvariantRead, OpKind, Stands};

const LEDGER: &str = r#"{"entries":4,"debit_cents":10,"credit_cents":10,"unbalanced_orders":[],
    "incomplete_orders":[],"products":200,"wrong_stock":[]}"#;

async fn events(server: &Server, kinds: &[OpKind], patience_ms: u64) -> Vec<Event> {
    audited(&[server.address], kinds, patience_ms).await
}

/// The promises of these operations of the shop, and its invariants, read back.
async fn audited(targets: &[SocketAddr], kinds: &[OpKind], patience_ms: u64) -> Vec<Event> {
    let patience = Duration::from_millis(patience_ms);
    let mut workload = (*testing::shop()).clone();
    workload.operations.retain(|name, _| kinds.contains(&OpKind::new(name)));
    let workload = &Arc::new(workload);
    let site = &targets.into();
    audit(&AuditRequest { site, workload, prefix: "run", writes: &[], patience }).await
}

fn json(text: &str) -> Behaviour {
    Behaviour::Answer(200, "", text.to_owned())
}

fn shop(request: &Request) -> Behaviour {
    match request.line.as_str() {
        "GET /audit/writes?kind=order&prefix=run-&after=&limit=5000" => {
            json(r#"{"keys":[["run-1",1],["run-2",2],["run-z-9",1]],"next":"run-z-9"}"#)
        }
        "GET /audit/writes?kind=order&prefix=run-&after=run-z-9&limit=5000" => {
            json(r#"{"keys":[["run-3",1]],"next":null}"#)
        }
        "GET /audit/writes?kind=post&prefix=run-&after=&limit=5000" => json(r#"{"keys":[]}"#),
        "GET /audit/ledger" => json(LEDGER),
        _ => Behaviour::Answer(404, "", "{}".into()),
    }
}

fn ledger() -> Event {
    let read = |name: &str| InvariantRead {
        name: name.into(),
        stands: Stands::Holds,
        says: String::new(),
        offenders: Vec::new(),
    };
    Event::AuditInvariants { invariants: ["ledger", "orders", "stock"].map(read).to_vec() }
}

fn order_keys() -> Vec<Event> {
    let kind = OpKind::ORDER;
    let first = vec![("run-1".to_owned(), 1), ("run-2".to_owned(), 2)];
    vec![
        Event::AuditKeys { kind, keys: first },
        Event::AuditKeys { kind, keys: vec![("run-3".to_owned(), 1)] },
        Event::AuditKeysEnd { kind },
    ]
}

#[tokio::test]
async fn all_pages_of_all_kinds_are_read() {
    let server = Server::start(shop).await;
    let mut expected = order_keys();
    expected.extend([Event::AuditKeysEnd { kind: OpKind::POST }, ledger()]);
    assert_eq!(events(&server, &[OpKind::ORDER, OpKind::POST], 1000).await, expected);
}

#[tokio::test]
async fn failures_are_tried_again() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |request| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Behaviour::Answer(503, "x-effect: none\r\n", "{}".into()),
        2 => Behaviour::Reset,
        _ => shop(request),
    })
    .await;
    let mut expected = order_keys();
    expected.push(ledger());
    assert_eq!(events(&server, &[OpKind::ORDER], 5000).await, expected);
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /audit/ledger" => Behaviour::Answer(503, "", "{}".into()),
        _ => Behaviour::Answer(400, "", "{}".into()),
    })
    .await;
    let events = events(&server, &[OpKind::ORDER], 250).await;
    let [orders, ledger] = events.as_slice() else { panic!("{events:?}") };
    expect_failure(orders, "order", "status 400");
    expect_unread(ledger, "status 503 (tried for 250ms)");
    let lines: Vec<String> = server.seen().into_iter().map(|r| r.line).collect();
    let orders = lines.iter().filter(|line| line.contains("kind=order")).count();
    assert_eq!(orders, 1, "a refusal is not tried again");
    assert!(lines.len() >= 3, "an outage is: {lines:?}");
}

#[tokio::test]
async fn a_page_that_leads_back_ends_the_read() {
    let server = Server::start(|_| json(r#"{"keys":[["run-1",1]],"next":"run-1"}"#)).await;
    let events = events(&server, &[OpKind::ORDER], 1000).await;
    let failed = events.iter().find(|e| matches!(e, Event::AuditFailed { .. }));
    expect_failure(failed.unwrap(), "order", "leads to");
    assert!(!events.contains(&Event::AuditKeysEnd { kind: OpKind::ORDER }));
}

#[tokio::test]
async fn nobody_listening_is_said() {
    let events = audited(&[refusing().await], &[], 150).await;
    assert_eq!(events.len(), 1);
    expect_unread(&events[0], "connect refused");
}

#[track_caller]
fn expect_failure(event: &Event, expected: &str, words: &str) {
    let Event::AuditFailed { what, reason } = event else { panic!("{event:?}") };
    assert_eq!(what, expected);
    assert!(reason.contains(words), "{reason}");
}

#[track_caller]
fn expect_unread(event: &Event, words: &str) {
    let Event::AuditInvariants { invariants } = event else { panic!("{event:?}") };
    assert_eq!(invariants.len(), 3);
    for read in invariants {
        assert!(read.stands == Stands::Unread && read.says.contains(words), "{read:?}");
    }
}

#[tokio::test]
async fn an_invariant_may_be_asked_of_a_command() {
    let of = |script: &str| {
        let text = format!(
            "workload:\n  operations: {{a: {{get: /}}}}\n  invariants:\n    - name: rows\n      \
             exec: {{tier: db, command: [sh, -c, '{script}']}}\n      json: {{all: true}}\n      \
             holds: json.rows == json.of.rows and json.of.asked.all == true\n"
        );
        Arc::new(crate::spec::workload::parse(&text, "w.yaml").unwrap_or_else(|e| panic!("{e}")))
    };
    let read = async |script: &str| {
        let programs: Option<Arc<dyn Programs>> = Some(Arc::new(Here));
        let (site, workload) = (Site { programs, ..Site::default() }, of(script));
        let (site, workload, patience) = (&site, &workload, Duration::from_millis(300));
        let events =
            audit(&AuditRequest { site, workload, prefix: "run", writes: &[], patience }).await;
        let [Event::AuditInvariants { invariants }] = events.as_slice() else {
            panic!("{events:?}")
        };
        (invariants[0].stands, invariants[0].says.clone())
    };
    let answer = |rows: u8| {
        format!(r#"read -r line; echo "{{\"rows\":{rows},\"of\":{{\"rows\":3,\"asked\":$line}}}}""#)
    };
    assert_eq!(read(&answer(3)).await.0, Stands::Holds);
    assert_eq!(read(&answer(4)).await.0, Stands::Broken);
    let (stands, why) = read("read -r line; echo no database >&2").await;
    assert_eq!(stands, Stands::Unread);
    assert!(why.contains("no database"), "{why}");
}
