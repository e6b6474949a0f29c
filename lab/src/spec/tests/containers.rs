//! What is wrong with a container is said with its line.

use super::errors_of;
use crate::spec::parse;

const STAGE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mariadb/notes.yaml"));

/// Folders are seen from a file.
fn without_folders(text: &str) -> String {
    text.replace("build: page", "image: page").replace("build: db", "image: db")
}

fn errors(from: &str, to: &str) -> String {
    let stage = without_folders(STAGE);
    assert!(stage.contains(from), "{from}");
    errors_of(&stage.replacen(from, to, 1))
}

#[test]
fn the_examples_are_valid() {
    parse(&without_folders(STAGE), "s.yaml").unwrap();
}

/// Told once, wherever the round is entered.
#[test]
fn tiers_that_wait_for_each_other() {
    let both =
        without_folders(STAGE).replacen("ports: [3306]", "ports: [3306]\n    needs: [page]", 1);
    let errors = errors_of(&both);
    assert!(
        errors.contains("`page` needs `schema` needs `db` needs `page` wait for each other"),
        "{errors}"
    );
    assert_eq!(errors.matches("wait for each other").count(), 1, "{errors}");
}

#[test]
fn mistakes_of_a_container() {
    for (from, to, told) in [
        ("health: /count", "health: count", "the path of the health check cannot be asked for"),
        ("ports: [8080]", "ports: []", "tier `page` has no `ports`, and cannot be called"),
        ("ports: [8080]", "note: x", "on which this could be asked"),
        ("health: /count", "health: /count\n    health_command: [x]", "two health checks"),
        ("ports: [3306]", "ports: [3306]\n    job: true", "it ends, and serves nobody"),
        ("ports: [3306]", "job: true", "is a job, which runs once"),
        ("ports: [3306]", "ports: [3306]\n    needs: [dbs]", "unknown tier `dbs`"),
        (
            "ports: [3306]",
            "ports: [3306]\n    needs: [db]",
            "`db` needs `db` wait for each other: none would ever begin",
        ),
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
        ("image: db", "imag: x", "did you mean `image`"),
        ("image: db", "note: x", "tier `db` has no image"),
        ("image: db", "image: a\n    build: b", "tier `db` has two images"),
        (
            "{fault: kill-primary, for_ms: 5000}",
            "{fault: kill-primary, tier: page}",
            "nothing says how to find out",
        ),
        (
            "{fault: kill-primary, for_ms: 5000}",
            "{fault: kill-task, tier: schema}",
            "tier `schema` is a job, and has ended",
        ),
        ("volumes: [/var/lib/mysql]", "volumes: ['Media:/a']", "this is no folder to keep"),
        ("volumes: [/var/lib/mysql]", "volumes: ['m:/a:ro']", "this is no folder to keep"),
        ("volumes: [/var/lib/mysql]", "volumes: [/a, 'm:/a']", "keeps this folder twice"),
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

#[test]
fn a_command_of_the_workload_runs_in_a_tier_that_has_room_for_it() {
    for (tier, told) in [
        ("pages", "there is no tier `pages`"),
        ("lb", "no command can run in tier `lb`"),
        ("schema", "no command can run in tier `schema`"),
    ] {
        let errors = errors("exec: {tier: page,", &format!("exec: {{tier: {tier},"));
        assert!(errors.contains(told) && errors.contains("allowed: "), "{errors}");
        assert!(errors.contains("exec.tier") || errors.contains("s.yaml:"), "{errors}");
    }
}
