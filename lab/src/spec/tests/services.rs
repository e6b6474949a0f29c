//! The rules of web tiers, API gateways and mail: one mistake in each test.

use super::errors_of;
use crate::spec::model::{Bucket, Kind, Mail};
use crate::spec::parse;

/// A valid stage with a web tier apart from the application tier, and a gateway.
const SERVICES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/stages/services.yaml"));

fn errors(from: &str, to: &str) -> String {
    assert_eq!(SERVICES.matches(from).count(), 1, "`{from}` is not in the base exactly once");
    errors_of(&SERVICES.replace(from, to))
}

#[test]
fn it_is_valid_and_defaults_are_the_documented_ones() {
    let stage = parse(SERVICES, "s.yaml").unwrap();
    let Kind::Service(web) = &stage.tiers["web"].kind else { panic!("no service") };
    assert_eq!((web.mail, web.bulkhead, web.request_slots), (Mail::None, true, None));
    let Kind::ApiGateway(gateway) = &stage.tiers["gateway"].kind else { panic!("no gateway") };
    assert_eq!(gateway.timeout_ms, 29_000);
    let without = SERVICES.replace("    total: {rate_per_s: 400, burst: 200}\n", "");
    let stage = parse(&without, "s.yaml").unwrap();
    let Kind::ApiGateway(gateway) = &stage.tiers["gateway"].kind else { panic!("no gateway") };
    assert_eq!(gateway.total, Bucket { rate_per_s: 10_000, burst: 5000 });
}

#[test]
fn an_upstream_is_a_load_balancer() {
    let found = errors("    upstream: api-lb\n", "    upstream: api\n");
    assert!(
        found.contains("`tiers.web.upstream` names tier `api`, which is of kind service"),
        "{found}"
    );
    let found = errors("    upstream: lb\n", "    upstream: web\n");
    assert!(found.contains("`tiers.gateway.upstream` names tier `web`"), "{found}");
    let found = errors("    upstream: api-lb\n", "    upstream: ap-lb\n");
    assert!(found.contains("did you mean `api-lb`?"), "{found}");
}

#[test]
fn a_web_tier_has_no_data() {
    for own in ["database: db", "aws: aws\n    mail: inline"] {
        let found = errors("    upstream: api-lb\n", &format!("    upstream: api-lb\n    {own}\n"));
        assert!(found.contains("tier `web` has `upstream` and `"), "{found}");
    }
}

#[test]
fn nobody_calls_itself_in_the_end() {
    let found = errors("    targets: api\n", "    targets: web\n");
    assert!(found.contains("tier `web` calls itself: web -> api-lb -> web"), "{found}");
    let found = errors("    upstream: api-lb\n", "    upstream: gateway\n");
    assert!(found.contains("web -> gateway -> lb -> web"), "{found}");
}

#[test]
fn an_edge_to_an_upstream_is_allowed_and_its_opposite_is_not() {
    let found = errors("{from: web, to: api-lb, faultable: true}", "{from: api-lb, to: web}");
    assert!(found.contains("tier `web` calls `api-lb` (its `upstream` says so)"), "{found}");
    let found = errors("{from: gateway, to: lb}", "{from: gateway, to: web}");
    assert!(found.contains("tier `gateway` does not call tier `web`"), "{found}");
}

#[test]
fn mail_needs_a_mail_service_and_slots_need_mail() {
    let found = errors("{ses: ministack, sqs: ministack}", "{sqs: ministack}");
    assert!(
        found.contains("`mail: inline` needs `ses`, which tier `aws` does not have"),
        "{found}"
    );
    let found = errors("    mail: inline\n    bulkhead: true\n", "");
    assert!(found.contains("`request_slots` is of no use without `mail: inline`"), "{found}");
}

#[test]
fn no_client_may_send_more_than_all_together() {
    let found = errors("client: {rate_per_s: 20,", "client: {rate_per_s: 401,");
    assert!(found.contains("may send 401 requests a second, and all together 400"), "{found}");
    let found = errors("partner: {rate_per_s: 100,", "partner: {rate_per_s: 500,");
    assert!(found.contains("may send 500 requests a second, and all together 400"), "{found}");
}

#[test]
fn an_api_key_can_be_sent_and_is_in_one_plan() {
    let found = errors("keys: [partner-1]", "keys: [\"a b\"]");
    assert!(found.contains("`a b` cannot be an API key"), "{found}");
    let found = errors("keys: [partner-1]", "keys: [k-1, k-1]");
    assert!(found.contains("the API key `k-1` is in plan `partner` already"), "{found}");
}

#[test]
fn a_dependency_is_slow_where_a_network_proxy_leads_to_it() {
    let found = errors("service: ses, latency_ms: 5000", "service: s3, latency_ms: 5000");
    assert!(found.contains("no network proxy has a route to the service `s3`"), "{found}");
    let found = errors("{from: api, to: aws, faultable: true}", "{from: api, to: aws}");
    assert!(found.contains("no network proxy has a route to the service `ses`"), "{found}");
}

#[test]
fn a_flood_asks_for_what_can_be_asked_for() {
    let found = errors("{fault: flood, per_s: 300,", "{fault: flood, path: cart,");
    assert!(found.contains("`cart` is not what one can ask a web server for"), "{found}");
}

#[test]
fn crowds_and_floods_ask_for_operations_of_the_workload() {
    const FLOOD: &str = "{fault: flood, per_s: 300, for_ms: 15000}";
    let with = |fault: &str| errors(FLOOD, fault);
    let found = with("{fault: flood, operation: ordr}");
    assert!(found.contains("the workload has no operation `ordr`"), "{found}");
    assert!(found.contains("did you mean `order`?"), "{found}");
    let found = with("{fault: flood, operation: profile}");
    assert!(found.contains("`profile` is not one that they can ask for"), "{found}");
    let found = with("{fault: flash-crowd, operation: order}");
    assert!(found.contains("`order` is not one that they can ask for"), "{found}");
    let found = with("{fault: flood, operation: order, path: /a}");
    assert!(found.contains("they ask for one thing"), "{found}");
    for good in ["{fault: flood, operation: order}", "{fault: flash-crowd, operation: browse}"] {
        let text = SERVICES.replacen(FLOOD, good, 1);
        assert!(parse(&text, "s.yaml").is_ok(), "{good}");
    }
}

#[test]
fn a_health_check_asks_for_a_path() {
    let web = "  web:\n    kind: service\n";
    for bad in ["healthz", "/a b", "/a#b"] {
        let found = errors(web, &format!("{web}    health: \"{bad}\"\n"));
        assert!(found.contains("the path of the health check cannot be asked for"), "{found}");
        assert!(found.contains("allowed: `/`, then what may stand in a URL"), "{found}");
    }
    let good = SERVICES.replacen(web, &format!("{web}    health: /healthz?deep=1\n"), 1);
    assert!(parse(&good, "s.yaml").is_ok());
}

#[test]
fn an_experiment_is_not_called_what_reports_call_the_time_before_it() {
    let found = errors("  kill-web:\n    fault", "  since-up:\n    fault");
    assert!(found.contains("`since-up` is what reports call the time before"), "{found}");
    assert!(found.contains("allowed: another name"), "{found}");
}
