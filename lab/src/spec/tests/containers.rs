//! What is wrong with a container is said with its line.

use super::errors_of;
use crate::spec::parse;

const STAGE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mariadb/notes.yaml"));

fn errors(from: &str, to: &str) -> String {
    assert!(STAGE.contains(from), "{from}");
    errors_of(&STAGE.replacen(from, to, 1))
}

#[test]
fn the_examples_are_valid() {
    parse(STAGE, "s.yaml").unwrap();
}

#[test]
fn mistakes_of_a_container() {
    for (from, to, told) in [
        ("health: /count", "health: count", "the path of the health check cannot be asked for"),
        ("ports: [3306]", "ports: []", "ports"),
        ("ports: [3306]", "ports: [0]", "ports"),
        ("volumes: [/var/lib/mysql]", "volumes: [var/lib]", "this is no folder to keep"),
        ("volumes: [/var/lib/mysql]", "volumes: [/var/../etc]", "this is no folder to keep"),
        ("volumes: [/var/lib/mysql]", "volumes: [/a, /a/]", "keeps this folder twice"),
        ("volumes: [/var/lib/mysql]", "files: {etc/a: b}", "this is no place for a file"),
        ("primary: ^0$", "primary: (0", "this is no regular expression: unclosed group"),
        (
            "exec: [mariadb, --batch, --skip-column-names, --execute=select @@read_only]",
            "exec: []",
            "exec",
        ),
        ("image: lab-test-mariadb:1", "imag: x", "did you mean `image`"),
        (
            "{fault: kill-primary, for_ms: 5000}",
            "{fault: kill-primary, mode: terminated}",
            "cannot be taken away",
        ),
        (
            "{fault: kill-primary, for_ms: 5000}",
            "{fault: kill-primary, tier: page}",
            "nothing says how to find out",
        ),
        (
            "{fault: kill-primary, for_ms: 5000}",
            "{fault: kill-task, tier: db, mode: terminated}",
            "cannot be taken away",
        ),
        (
            "{from: page, to: db}",
            "{from: page, to: db, faultable: true}",
            "cannot be faultable: a container calls others by name",
        ),
    ] {
        let errors = errors(from, to);
        assert!(errors.contains(told), "{to}: {errors}");
    }
}

/// Two tiers could have a primary, and neither is a database of ours.
#[test]
fn a_primary_of_several_is_named() {
    let errors = errors("ports: [8080]", "ports: [8080]\n    roles: {exec: [x], primary: y}");
    assert!(errors.contains("`kill-primary` could hit more than one tier"), "{errors}");
}

#[test]
fn names_of_a_database_that_cannot_be() {
    const KINTO: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/kinto/kinto.yaml"));
    parse(KINTO, "s.yaml").unwrap();
    for (from, to, told) in [
        ("name: kinto\n", "name: Kinto\n", "`Kinto` cannot be the `name` of a database"),
        ("name: kinto\n", "name: template1\n", "`template1` cannot be the `name`"),
        ("user: kinto_app", "user: postgres", "`postgres` cannot be the `user`"),
        ("user: kinto_app", "user: \"a b\"", "`a b` cannot be the `user`"),
        ("[pg_trgm]", "[\"x\\\"y\"]", "this is no name of an extension"),
    ] {
        assert!(KINTO.contains(from), "{from}");
        let errors = errors_of(&KINTO.replacen(from, to, 1));
        assert!(errors.contains(told), "{to}: {errors}");
    }
}
