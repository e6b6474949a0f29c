//! Packet-filter rules inside a node's own network namespace: one table per fault, so that healing
//! one fault leaves the others alone.

use std::net::Ipv4Addr;

use crate::engine::{Engine, EngineError};
use crate::plan::holder_name;

/// Any port: a living host refuses it at once, one with a filter says nothing.
pub const KNOCK_PORT: u16 = 9;
/// What the names of our tables begin with.
const PREFIX: &str = "lab_";

/// Name of a fault's table.
pub fn table(id: &str) -> String {
    format!("{PREFIX}{}", id.replace('-', "_"))
}

/// Rules that drop everything but loopback, or everything from and to `peers`. Counters are the
/// proof that they took effect. The hook comes before every other filter (priority -400). A knock is dropped
/// by all of them, so that it shows from outside where there is one.
fn rules(id: &str, peers: Option<&[Ipv4Addr]>) -> String {
    let set = |p: &[Ipv4Addr]| p.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
    let (input, output) = match peers {
        None => ("iif != \"lo\"".to_owned(), "oif != \"lo\"".to_owned()),
        Some(p) => (format!("ip saddr {{ {} }}", set(p)), format!("ip daddr {{ {} }}", set(p))),
    };
    let knock = match peers {
        None => String::new(),
        Some(_) => format!("add rule inet {} in tcp dport {KNOCK_PORT} drop\n", table(id)),
    };
    format!(
        "add table inet {t}\n\
         add chain inet {t} in {{ type filter hook input priority -400; policy accept; }}\n\
         add chain inet {t} out {{ type filter hook output priority -400; policy accept; }}\n\
         add rule inet {t} in {input} counter drop\n\
         add rule inet {t} out {output} counter drop\n\
         {knock}",
        t = table(id)
    )
}

/// Cuts a node off from everybody, or from `peers` only.
pub async fn drop_packets(
    engine: &Engine,
    node: &str,
    id: &str,
    peers: Option<&[Ipv4Addr]>,
) -> Result<(), EngineError> {
    let script = format!("nft -f - <<'EOF'\n{}EOF\n", rules(id, peers));
    engine.exec_ok(&holder_name(engine.lab(), node), &["sh", "-c", &script]).await.map(drop)
}

/// Packets that a fault's rules have dropped so far in a node's namespace; `None` without rules.
pub async fn dropped(engine: &Engine, node: &str, id: &str) -> Result<Option<u64>, EngineError> {
    let holder = holder_name(engine.lab(), node);
    let listed = engine.exec(&holder, &["nft", "list", "table", "inet", &table(id)]).await?;
    Ok((listed.code == 0).then(|| packets(&listed.output)))
}

/// The tables of faults in a node's namespace, whoever wrote them.
pub async fn tables(engine: &Engine, node: &str) -> Result<Vec<String>, EngineError> {
    let holder = holder_name(engine.lab(), node);
    Ok(ours(&engine.exec_ok(&holder, &["nft", "list", "tables", "inet"]).await?))
}

/// Names of our tables in a listing.
fn ours(listing: &str) -> Vec<String> {
    let names = listing.lines().filter_map(|line| line.trim().strip_prefix("table inet "));
    names.filter(|name| name.starts_with(PREFIX)).map(str::to_owned).collect()
}

/// Removes a fault's rules; none there is fine.
pub async fn remove(engine: &Engine, node: &str, id: &str) -> Result<(), EngineError> {
    remove_table(engine, node, &table(id)).await
}

/// Removes a table; none there is fine.
pub async fn remove_table(engine: &Engine, node: &str, t: &str) -> Result<(), EngineError> {
    let script =
        format!("nft list table inet {t} >/dev/null 2>&1 || exit 0; nft delete table inet {t}");
    engine.exec_ok(&holder_name(engine.lab(), node), &["sh", "-c", &script]).await.map(drop)
}

/// Sum of all `counter packets N` in a listing.
fn packets(listing: &str) -> u64 {
    listing
        .split("counter packets ")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_both_directions_are_summed() {
        let listing = "chain in { iif != \"lo\" counter packets 3 bytes 180 drop }\n\
                       chain out { oif != \"lo\" counter packets 4 bytes 240 drop }";
        assert_eq!(packets(listing), 7);
        assert_eq!(packets("table inet x { }"), 0);
    }

    #[test]
    fn rules_name_the_peers_in_both_directions() {
        let text = rules("f-1", Some(&[Ipv4Addr::new(10, 77, 2, 10)]));
        assert!(text.contains("add rule inet lab_f_1 in ip saddr { 10.77.2.10 } counter drop"));
        assert!(text.contains("add rule inet lab_f_1 out ip daddr { 10.77.2.10 } counter drop"));
        assert!(!rules("f-1", None).contains("saddr"));
        assert!(text.contains("add rule inet lab_f_1 in tcp dport 9 drop"), "seen from outside");
    }

    #[test]
    fn only_our_tables_are_ours() {
        let listing = "table ip nat\ntable inet filter\ntable inet lab_3a508d42\n";
        assert_eq!(ours(listing), ["lab_3a508d42"]);
    }
}
