//! Anybody's containers, and databases that are called something.

use super::tests_growth::{env as variable, node, nodes_of};
use super::{database_names, probe};
use crate::control::ControlConfig;
use crate::plan::layout::{self, Subnet};
use crate::plan::node::{Probe, Volume};
use crate::spec::model::{Kind, Stage};
use crate::spec::parse;

const MARIADB: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mariadb/notes.yaml"));
const KINTO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/kinto/kinto.yaml"));

fn stage(text: &str) -> Stage {
    // Folders are seen from a file.
    let text = text.replace("build: page", "image: page").replace("build: db", "image: db");
    parse(&text, "stage.yaml").unwrap()
}

#[test]
fn a_container_is_what_its_fields_say_and_nothing_else() {
    let text = MARIADB
        .replace("build: db", "image: redis\n    entrypoint: [tini, --]")
        .replace("volumes: [/var/lib/mysql]", "volumes: [/var/lib/mysql, 'logs:/var/log']\n    command: [serve]\n    files: {/etc/a.cnf: \"[a]\"}");
    let all = nodes_of(&stage(&text));
    let db = node(&all, "db-b1");
    assert_eq!(db.image, "redis", "and not ours of that name");
    assert_eq!(
        (&*db.entrypoint, &*db.command),
        (&["tini".into(), "--".into()][..], &["serve".into()][..])
    );
    assert_eq!((db.files[0].path.as_str(), db.files[0].content.as_str()), ("/etc/a.cnf", "[a]"));
    assert_eq!(
        db.kept().collect::<Vec<_>>(),
        [(Volume::Own(0), "/var/lib/mysql"), (Volume::Shared("logs"), "/var/log")]
    );
    assert_eq!(
        (variable(db, "PRIMARY"), variable(db, "NODE_NAME")),
        (Some("db-a1"), Some("db-b1"))
    );
    assert_eq!(db.capabilities(), (vec![], vec![]), "what Docker gives");
    assert!(matches!(&db.probe, Probe::Command { command } if command[0] == "mariadb"));
    let schema = node(&all, "schema-a1");
    assert_eq!((&schema.probe, &*schema.needs), (&Probe::Done, &["db".to_owned()][..]));
    let bare = MARIADB.replace("health_command: [mariadb, --execute=select 1]", "");
    assert_eq!(node(&nodes_of(&stage(&bare)), "db-a1").probe, Probe::OfImage { port: Some(3306) });
    let silent = bare.replace("ports: [3306]", "").replace(", faultable: true", "");
    let silent = silent.split("  slow-database:").next().unwrap();
    assert_eq!(node(&nodes_of(&stage(silent)), "db-a1").probe, Probe::OfImage { port: None });
    let page = node(&all, "page-a1");
    assert_eq!(page.probe, Probe::Http { port: 8080, path: "/count".into() });
}

#[test]
fn what_never_changes_is_in_the_hosts_file_and_the_rest_is_asked() {
    let all = nodes_of(&stage(MARIADB));
    let at = |name: &str| node(&all, name).address;
    let page = node(&all, "page-b1");
    assert_eq!(page.hosts["db-a1"], at("db-a1"));
    assert_eq!(page.hosts["lb"], at("lb-a1"), "a tier with one node");
    assert!(!page.hosts.contains_key("db"), "two nodes, of which one may be dead");
    let control = node(&all, "control");
    assert_eq!(page.dns, [control.address]);
    assert!(node(&all, "lb-a1").hosts.is_empty(), "ours call addresses");
    let config: ControlConfig = serde_json::from_str(&control.files[0].content).unwrap();
    let named: Vec<_> = config.names.iter().map(|t| (t.tier.as_str(), t.nodes.len())).collect();
    assert_eq!(named, [("page", 2), ("db", 2)]);
    let db = &config.names[1].nodes[0];
    assert_eq!(db.probe, Probe::Tcp { port: 3306 }, "no process for each look");
    let ours = nodes_of(&crate::spec::load("stage-1k").unwrap().0);
    let config: ControlConfig =
        serde_json::from_str(&node(&ours, "control").files[0].content).unwrap();
    assert!(config.names.is_empty() && ours.iter().all(|n| n.dns.is_empty()));
}

/// Whatever a container was told, or asks for: what it opens leads through the proxy.
#[test]
fn along_a_faultable_edge_the_callers_own_network_leads_to_the_proxy() {
    let text = MARIADB
        .replace("{from: page, to: db}", "{from: page, to: db, faultable: true}")
        .replace("ports: [3306]", "ports: [3306, 4567]");
    let all = nodes_of(&stage(&text));
    let (page, proxy) = (node(&all, "page-b1"), node(&all, "page-net-b1").address);
    let shown: Vec<_> = page.redirects.iter().map(|r| format!("{} {}", r.to, r.via)).collect();
    let (a, b) = (node(&all, "db-a1").address, node(&all, "db-b1").address);
    let expected = [
        format!("{a}:3306 {proxy}:20000"),
        format!("{a}:4567 {proxy}:20001"),
        format!("{b}:3306 {proxy}:20002"),
        format!("{b}:4567 {proxy}:20003"),
    ];
    assert_eq!(shown, expected);
    assert!(node(&all, "schema-a1").redirects.is_empty(), "its edge is not faultable");
    assert!(node(&all, "lb-a1").redirects.is_empty());
}

/// The control plane and the planner ask the same of a node.
#[test]
fn the_probe_of_a_place_is_that_of_its_node() {
    let stage = stage(MARIADB);
    let places = layout::places(&stage, Subnet(10, 77));
    let all = nodes_of(&stage);
    for place in places.iter().filter(|p| p.tier != "lb") {
        assert_eq!(
            probe(&stage, &places, place, "secret"),
            node(&all, &place.name).probe,
            "{}",
            place.name
        );
    }
}

#[test]
fn a_database_is_called_what_the_stage_says_everywhere() {
    let stage = stage(KINTO);
    assert_eq!(database_names(&stage, "db"), ("kinto_app", "kinto"));
    let all = nodes_of(&stage);
    let db = node(&all, "db-a1");
    assert_eq!(
        (variable(db, "DATABASE_USER"), variable(db, "DATABASE_NAME")),
        (Some("kinto_app"), Some("kinto"))
    );
    let first = db.files.iter().find(|f| f.path == "/etc/lab/first.sql").unwrap();
    assert!(first.content.starts_with("CREATE EXTENSION IF NOT EXISTS \"pg_trgm\" CASCADE;\nSET ROLE \"kinto_app\";\nCREATE TABLE hello"));
    let web = node(&all, "web-b1");
    assert_eq!(
        (variable(web, "DATABASE_USER"), variable(web, "DATABASE_NAME")),
        (Some("kinto_app"), Some("kinto"))
    );
    let url = variable(web, "DATABASE_URL").unwrap();
    assert!(
        url.starts_with("postgresql://kinto_app:")
            && url.contains("/kinto?target_session_attrs=read-write"),
        "{url}"
    );
    assert_eq!(variable(web, "PORT"), Some("8080"));
    let mut usual = stage;
    let Some(Kind::Postgres(kind)) = usual.tiers.get_mut("db").map(|t| &mut t.kind) else {
        panic!()
    };
    *kind.database = Default::default();
    let all = nodes_of(&usual);
    assert_eq!(variable(node(&all, "db-a1"), "DATABASE_NAME"), None, "as the image has it");
    assert_eq!(variable(node(&all, "web-a1"), "DATABASE_NAME"), Some("shop"));
}
