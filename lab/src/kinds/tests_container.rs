//! Anybody's containers, and databases that are called something.

use super::tests_growth::{env as variable, node, nodes_of};
use super::{database_names, probe};
use crate::plan::layout::{self, Subnet};
use crate::plan::node::Probe;
use crate::spec::model::{Kind, Stage};
use crate::spec::parse;

const MARIADB: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mariadb/notes.yaml"));
const KINTO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/kinto/kinto.yaml"));

fn stage(text: &str) -> Stage {
    parse(text, "stage.yaml").unwrap()
}

#[test]
fn a_container_is_what_its_fields_say_and_nothing_else() {
    let text = MARIADB
        .replace("image: lab-test-mariadb:1", "image: redis\n    entrypoint: [tini, --]")
        .replace("volumes: [/var/lib/mysql]", "volumes: [/var/lib/mysql, /var/log]\n    command: [serve]\n    files: {/etc/a.cnf: \"[a]\"}");
    let all = nodes_of(&stage(&text));
    let db = node(&all, "db-b1");
    assert_eq!(db.image, "redis", "and not ours of that name");
    assert_eq!(
        (&*db.entrypoint, &*db.command),
        (&["tini".into(), "--".into()][..], &["serve".into()][..])
    );
    assert_eq!((db.files[0].path.as_str(), db.files[0].content.as_str()), ("/etc/a.cnf", "[a]"));
    assert_eq!(db.kept().collect::<Vec<_>>(), [(0, "/var/lib/mysql"), (1, "/var/log")]);
    assert_eq!(
        (variable(db, "PRIMARY"), variable(db, "NODE_NAME")),
        (Some("db-a1"), Some("db-b1"))
    );
    assert_eq!(db.capabilities(), (vec![], vec![]), "what Docker gives");
    assert_eq!(db.probe, Probe::Tcp { port: 3306 });
    let page = node(&all, "page-a1");
    assert_eq!(page.probe, Probe::Http { port: 8080, path: "/count".into() });
}

#[test]
fn names_are_addresses_those_of_the_own_zone_first() {
    let all = nodes_of(&stage(MARIADB));
    let at = |name: &str| node(&all, name).address;
    let page = node(&all, "page-b1");
    assert_eq!(page.hosts["db-a1"], [at("db-a1")]);
    assert_eq!(page.hosts["db"], [at("db-b1"), at("db-a1")]);
    assert_eq!(page.hosts["lb"], [at("lb-a1")]);
    assert_eq!(node(&all, "page-a1").hosts["db"], [at("db-a1"), at("db-b1")]);
    assert!(node(&all, "lb-a1").hosts.is_empty(), "ours call addresses");
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
