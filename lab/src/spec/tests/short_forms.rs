//! The short forms mean exactly what the long forms say.

use super::{BASE, spoilt};
use crate::spec::model::{Fault, KillPrimary, Stage};
use crate::spec::{definition_hash, parse};

fn stage(changes: &[(&str, &str)]) -> Stage {
    parse(&spoilt(changes), "s.yaml").unwrap()
}

#[test]
fn zones_may_be_a_list() {
    let list = stage(&[("{a: 1, b: 1}", "[a, b]")]);
    let map = parse(BASE, "s.yaml").unwrap();
    assert_eq!(list, map);
    assert_eq!(list.tiers["db"].zones.get("b"), Some(&1));
}

#[test]
fn a_fault_may_stand_alone_and_bare() {
    let primary = Fault::KillPrimary(KillPrimary::default());
    let long = "    faults:\n      - {fault: kill-primary, mode: crash}\n";
    for short in [
        "    fault: kill-primary\n",
        "    fault: {fault: kill-primary}\n",
        "    faults: [kill-primary]\n",
        "    faults: [{fault: kill-primary, at_ms: 0}]\n",
    ] {
        let faults = &stage(&[(long, short)]).experiments["kill-db"].faults;
        assert_eq!(faults.len(), 1, "{short}");
        assert_eq!((faults[0].at_ms, &faults[0].fault), (0, &primary), "{short}");
    }
}

#[test]
fn aliases_are_followed() {
    let anchors = [("zones: [a, b]\n", "zones: &two [a, b]\n"), ("{a: 1, b: 1}", "*two")];
    assert_eq!(stage(&anchors), parse(BASE, "s.yaml").unwrap());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let text = format!("\u{feff}{}", BASE.replace('\n', "\r\n"));
    assert_eq!(parse(&text, "s.yaml").unwrap(), parse(BASE, "s.yaml").unwrap());
}

#[test]
fn the_hash_is_of_the_meaning() {
    let base = definition_hash(&parse(BASE, "s.yaml").unwrap());
    assert_eq!(base.len(), 64);
    assert_eq!(
        base,
        definition_hash(&stage(&[("{a: 1, b: 1}", "[b, a]"), ("users: 1000", "users: 0x3e8")]))
    );
    assert_eq!(base, definition_hash(&stage(&[("    replication: synchronous\n", "")])));
    assert_ne!(base, definition_hash(&stage(&[("synchronous", "asynchronous")])));
    assert_ne!(base, definition_hash(&stage(&[("{a: 1, b: 1}", "{a: 1, b: 2}")])));
}

#[test]
fn a_cluster_may_have_two_nodes_in_one_zone_and_one_node_may_have_coordination() {
    stage(&[("{a: 1, b: 1}", "{a: 2, b: 1}")]);
    stage(&[("{a: 1, b: 1}", "[a]")]);
}
