//! What PowerDNS is told: its remote backend asks in JSON, one line for each question.

use serde_json::{Value, json};

use super::answer::answer;
use super::config::DnsConfig;

/// The answer to one question, with the targets that are healthy; `draw` decides where there is a
/// choice. What is not known is answered with `false`, which PowerDNS takes for "nothing".
pub fn reply(config: &DnsConfig, healthy: &[bool], draw: u64, question: &Value) -> Value {
    match question["method"].as_str() {
        Some("initialize") => json!({ "result": true }),
        Some("lookup") => {
            let parameters = &question["parameters"];
            let (name, kind) = (parameters["qname"].as_str(), parameters["qtype"].as_str());
            let records =
                lookup(config, healthy, draw, name.unwrap_or_default(), kind.unwrap_or_default());
            if records.is_empty() {
                json!({ "result": false })
            } else {
                json!({ "result": records })
            }
        }
        _ => json!({ "result": false }),
    }
}

/// The records of a name that are of a kind, or of any.
fn lookup(config: &DnsConfig, healthy: &[bool], draw: u64, name: &str, kind: &str) -> Vec<Value> {
    let name = name.trim_end_matches('.').to_lowercase();
    let is = |wanted: &str| name == wanted.to_lowercase();
    let mut records: Vec<(&str, String, u32)> = Vec::new();
    if is(&config.domain) {
        let first = config.servers.first().map_or("", |s| s.name.as_str());
        // Serial, refresh, retry, expiry, and how long a "no such name" may be kept.
        let soa =
            format!("{first}. hostmaster.{}. 1 3600 600 86400 {}", config.domain, config.ttl_s);
        records.push(("SOA", soa, config.ttl_s));
        let servers = config.servers.iter();
        records.extend(servers.map(|s| ("NS", format!("{}.", s.name), 3600)));
    }
    if is(&config.name) {
        let addresses = answer(config.policy, &config.targets, healthy, draw);
        records.extend(addresses.iter().map(|a| ("A", a.to_string(), config.ttl_s)));
    }
    let servers = config.servers.iter().filter(|s| is(&s.name));
    records.extend(servers.map(|s| ("A", s.address.to_string(), 3600)));
    records
        .into_iter()
        .filter(|(k, ..)| kind == "ANY" || *k == kind)
        .map(|(k, content, ttl)| json!({ "qtype": k, "qname": name, "content": content, "ttl": ttl }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    fn asked(name: &str, kind: &str, healthy: &[bool]) -> Value {
        let parameters = json!({ "qname": name, "qtype": kind, "remote": "10.0.0.1" });
        let question = json!({ "method": "lookup", "parameters": parameters });
        reply(&config(&[1, 2]), healthy, 0, &question)
    }

    fn contents(reply: &Value) -> Vec<&str> {
        let records = reply["result"].as_array().map(Vec::as_slice).unwrap_or_default();
        records.iter().filter_map(|r| r["content"].as_str()).collect()
    }

    #[test]
    fn the_name_has_the_addresses_of_what_is_healthy() {
        let both = asked("shop.lab.", "ANY", &[true, true]);
        assert_eq!(contents(&both), ["127.0.0.1", "127.0.0.2"]);
        assert_eq!(both["result"][0]["ttl"], 3);
        assert_eq!(both["result"][0]["qname"], "shop.lab");
        assert_eq!(contents(&asked("SHOP.lab.", "A", &[false, true])), ["127.0.0.2"]);
    }

    #[test]
    fn the_zone_has_its_authority_and_its_servers() {
        let soa = asked("lab.", "SOA", &[]);
        assert_eq!(contents(&soa), ["dns-a1.lab. hostmaster.lab. 1 3600 600 86400 3"]);
        assert_eq!(contents(&asked("lab.", "NS", &[])), ["dns-a1.lab.", "dns-b1.lab."]);
        assert_eq!(contents(&asked("dns-b1.lab.", "A", &[])), ["10.0.2.10"]);
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        for (name, kind) in [("other.lab.", "ANY"), ("shop.lab.", "AAAA"), ("shop.lab.", "SOA")] {
            assert_eq!(asked(name, kind, &[])["result"], false, "{name} {kind}");
        }
        let of = |method: &str| {
            reply(&config(&[1]), &[], 0, &json!({ "method": method, "parameters": {} }))
        };
        assert_eq!(of("initialize")["result"], true);
        assert_eq!(of("getDomainMetadata")["result"], false);
    }
}
