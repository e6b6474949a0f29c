//! Traces: what a collector is told of requests, and that nobody suffers when there is none.

mod support;

use serde_json::{Value, json};
use support::app::App;
use support::collector::{Collector, attribute};
use support::postgres::Postgres;
use support::queues::Site;
use support::until;

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn settings(endpoint: &str) -> [(&str, &str); 6] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", "web"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_PEER_SERVICES", "database=db-proxy"),
        ("NODE_NAME", "web-a1"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traced_request_is_told_with_what_it_called_and_others_are_not() {
    let (db, collector) = (Postgres::start(&[]).await, Collector::start().await);
    let app = App::start(&[&db], &settings(&collector.endpoint)).await;
    let http = app.http();
    let token = http.guest().await;
    let bearer = format!("Bearer {token}");
    let headers = [
        ("traceparent", SAMPLED),
        ("authorization", bearer.as_str()),
        ("idempotency-key", "t-1"),
        ("content-type", "application/json"),
    ];
    let body = json!({ "items": [{ "product": 7, "quantity": 1 }] }).to_string();
    let answer = http.send("POST", "/orders", &headers, &body).await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");

    let spans = collector.trace(TRACE, "POST /orders").await;
    let request = spans.iter().find(|span| span["kind"] == 2).expect("a server span");
    assert_eq!(request["parentSpanId"], "b7ad6b7169203331");
    assert_eq!((&request["flags"], request.get("status")), (&json!(1), None));
    let work = spans.iter().find(|span| span["name"] == "PlaceOrder").expect("a call");
    assert_eq!((&work["parentSpanId"], &work["kind"]), (&request["spanId"], &json!(3)));
    assert_eq!(attribute(work, "peer.service").as_deref(), Some("db-proxy"));
    let number =
        |span: &Value, name: &str| -> u128 { span[name].as_str().unwrap().parse().unwrap() };
    assert!(number(request, "startTimeUnixNano") <= number(work, "startTimeUnixNano"));
    assert!(number(work, "endTimeUnixNano") <= number(request, "endTimeUnixNano"));
    let name = json!({ "key": "service.name", "value": { "stringValue": "web" } });
    assert!(collector.resource().contains(&name), "{:?}", collector.resource());

    // Of a trace that is not recorded, and of checks, nothing is told.
    let unsampled = SAMPLED.replace("319c-", "319d-").replace("-01", "-00");
    assert_eq!(
        http.send("GET", "/products", &[("traceparent", &unsampled)], "").await.unwrap().status,
        200
    );
    http.get("/products").await;
    let later = SAMPLED.replace("319c-", "319e-");
    http.send("GET", "/products/1", &[("traceparent", &later)], "").await.unwrap();
    collector.trace("0af7651916cd43dd8448eb211c80319e", "GET /products/{id}").await;
    let strange: Vec<Value> = collector
        .spans()
        .into_iter()
        .filter(|span| {
            !span["traceId"].as_str().unwrap().starts_with("0af7651916cd43dd8448eb211c80319")
        })
        .collect();
    assert_eq!(strange, Vec::<Value>::new());
    let told = collector.spans();
    assert!(
        told.iter().all(|span| span["traceId"] != "0af7651916cd43dd8448eb211c80319d"),
        "{told:?}"
    );
    assert!(app.metric("shop_trace_spans_sent_total").await >= 4.0);
    assert_eq!(app.metric("shop_trace_spans_dropped_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told_though_it_was_not_to_be_recorded() {
    let (mut db, collector) = (Postgres::start(&[]).await, Collector::start().await);
    let set = settings(&collector.endpoint);
    let app = App::start(&[&db], &[&set[..], &[("RETRY_BUDGET_MS", "50")]].concat()).await;
    db.kill();
    let unsampled = SAMPLED.replace("-01", "-00");
    let answer =
        app.http().send("GET", "/products", &[("traceparent", &unsampled)], "").await.unwrap();
    assert_eq!(answer.status, 503);
    let spans = collector.trace(TRACE, "GET /products").await;
    let [request] = &spans[..] else { panic!("only the request itself: {spans:?}") };
    assert_eq!((&request["flags"], &request["status"]["code"]), (&json!(0), &json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_answer_of_the_collector_requests_are_served_and_spans_counted() {
    let db = Postgres::start(&[]).await;
    // Nobody listens there.
    let nobody = format!("http://127.0.0.1:{}", support::free_port());
    let set = settings(&nobody);
    let more = [("OTEL_TRACES_SAMPLER_ARG", "1"), ("OTEL_BSP_MAX_QUEUE_SIZE", "2")];
    let app = App::start(&[&db], &[&set[..], &more[..]].concat()).await;
    for _ in 0..20 {
        assert_eq!(app.http().get("/products").await.status, 200);
    }
    until("spans are counted as lost", || async {
        let dropped = app.metric("shop_trace_spans_dropped_total").await;
        (dropped >= 40.0).then_some(())
    })
    .await;
    assert_eq!(app.metric("shop_trace_spans_sent_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_goes_on_with_the_trace_of_the_order() {
    let (site, collector) = (Site::start().await, Collector::start().await);
    let set = settings(&collector.endpoint);
    let web = site.web(&set).await;
    let _worker = site.worker(&[&set[..], &[("OTEL_SERVICE_NAME", "mailer")]].concat()).await;
    let token = web.http().guest().await;
    let bearer = format!("Bearer {token}");
    let headers = [
        ("traceparent", SAMPLED),
        ("authorization", bearer.as_str()),
        ("idempotency-key", "w-1"),
        ("content-type", "application/json"),
    ];
    let body = json!({ "items": [{ "product": 7, "quantity": 1 }] }).to_string();
    let answer = web.http().send("POST", "/orders", &headers, &body).await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");

    let handled = collector.trace(TRACE, "process order-events").await;
    let spans = [collector.trace(TRACE, "send order-events").await, handled].concat();
    let named = |name: &str| spans.iter().find(|span| span["name"] == name).expect(name);
    let request = named("POST /orders");
    for (name, kind) in [("send order-events", 4), ("process order-events", 5)] {
        let span = named(name);
        assert_eq!((&span["kind"], &span["parentSpanId"]), (&json!(kind), &request["spanId"]));
        assert_eq!(attribute(span, "peer.service").as_deref(), Some("sqs"));
    }
    let mail = named("Recorded");
    assert_eq!(mail["parentSpanId"], named("process order-events")["spanId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_tier_apart_stands_between_its_caller_and_the_application_tier() {
    let (db, collector) = (Postgres::start(&[]).await, Collector::start().await);
    let set = settings(&collector.endpoint);
    let api = App::start(&[&db], &set).await;
    let own = [("OTEL_SERVICE_NAME", "front"), ("OTEL_PEER_SERVICES", "api=api-lb")];
    let front = App::front(&[api.port], &[&set[..], &own[..]].concat());
    front.ready().await;
    let traced = [("traceparent", SAMPLED)];
    assert_eq!(front.http().send("GET", "/", &traced, "").await.unwrap().status, 200);

    // Two processes tell of it, each in its own time.
    let spans = until("all parts were told", || async {
        let spans = collector.trace(TRACE, "GET /").await;
        let lists = spans.iter().filter(|span| span["name"] == "GET /products").count();
        (lists == 2).then_some(spans)
    })
    .await;
    let page = spans.iter().find(|span| span["name"] == "GET /").expect("the page");
    assert_eq!((&page["parentSpanId"], &page["kind"]), (&json!("b7ad6b7169203331"), &json!(2)));
    let call = spans.iter().find(|span| span["kind"] == 3 && span["name"] == "GET /products");
    let call = call.expect("the call");
    assert_eq!(call["parentSpanId"], page["spanId"]);
    assert_eq!(attribute(call, "peer.service").as_deref(), Some("api-lb"));
    let list = spans.iter().find(|span| span["kind"] == 2 && span["name"] == "GET /products");
    assert_eq!(list.expect("the application's part")["parentSpanId"], call["spanId"]);
}
