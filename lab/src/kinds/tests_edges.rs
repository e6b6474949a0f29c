//! What network proxies in the edges change.

use super::tests_growth::{env, file, node, nodes_of, stage};

#[test]
fn along_faultable_edges_callers_are_told_the_proxy_of_their_own_zone() {
    let mut stage = stage("stage-10k");
    let direct = nodes_of(&stage);
    for edge in stage.edges.iter_mut().filter(|e| e.to == "db" || e.to == "web") {
        edge.faultable = Some(true);
    }
    let nodes = nodes_of(&stage);
    let proxy = node(&nodes, "web-net-b1");
    assert_eq!((proxy.kind.as_str(), proxy.zone.as_str()), ("network-proxy", "b"));
    let hosts = env(node(&nodes, "web-b2"), "DATABASE_HOSTS").unwrap();
    assert_eq!(hosts, format!("{0}:20000,{0}:20001", proxy.address));
    insta::assert_snapshot!(file(proxy, "/etc/lab/netproxy.json"), @r#"
    [
      {
        "name": "web-to-db-a1",
        "listen": "0.0.0.0:20000",
        "upstream": "10.77.1.14:5432",
        "enabled": true
      },
      {
        "name": "web-to-db-b1",
        "listen": "0.0.0.0:20001",
        "upstream": "10.77.2.14:5432",
        "enabled": true
      },
      {
        "name": "web-to-db-replica-b1",
        "listen": "0.0.0.0:20002",
        "upstream": "10.77.2.15:5432",
        "enabled": true
      },
      {
        "name": "web-to-db-replica-c1",
        "listen": "0.0.0.0:20003",
        "upstream": "10.77.3.10:5432",
        "enabled": true
      }
    ]
    "#);
    // The load balancer's own proxies stand before the tasks.
    let balancer = file(node(&nodes, "lb-a1"), "/etc/lab/balancer.json");
    let before = node(&nodes, "lb-net-a1").address;
    assert!(balancer.contains(&format!("\"{before}:20000\"")), "{balancer}");
    // Nobody else moves, and the cluster among itself is called as before.
    for old in &direct {
        assert_eq!(node(&nodes, &old.name).address, old.address);
    }
    assert_eq!(node(&nodes, "db-a1"), node(&direct, "db-a1"));
}
