//! The rules of releases and of the faults that deploy them.

use super::{BASE, errors_of};
use crate::spec::model::{Kind, Strategy};
use crate::spec::parse;

/// The base with releases in its web tier, and these further lines there.
fn with(more: &str) -> String {
    let web = format!(
        "    zones: [a, b]\n    scaling: {{max: 4, target_per_s: 20}}\n    release: v1\n    \
         releases: {{v1: {{}}, v2: {{defect: slow}}}}\n{more}  db:"
    );
    let text = BASE.replacen("    zones: [a, b]\n  db:", &web, 1);
    assert_ne!(text, BASE);
    text
}

#[track_caller]
fn says(errors: &str, words: &[&str]) {
    for words in words {
        assert!(errors.contains(words), "`{words}` is not in {errors}");
    }
    assert_eq!(errors.matches("s.yaml:").count(), 1, "one mistake, one message: {errors}");
}

fn changed(old: &str, new: &str) -> String {
    let text = with("").replacen(old, new, 1);
    assert_ne!(text, with(""));
    errors_of(&text)
}

#[test]
fn a_tier_with_releases_is_deployed_blue_green_unless_it_says_otherwise() {
    let service = |text: &str| match parse(text, "s.yaml").unwrap().tiers["web"].kind.clone() {
        Kind::Service(service) => service.deploying(),
        other => panic!("{other:?}"),
    };
    let default = service(&with(""));
    let percents: Vec<u8> = default.steps.iter().map(|s| s.percent).collect();
    assert_eq!((default.strategy, percents), (Strategy::BlueGreen, vec![10, 50, 100]));
    let own =
        service(&with("    deploy: {steps: [{percent: 100, bake_s: 5}], error_percent: 1}\n"));
    assert_eq!((own.steps[0].bake_s, own.error_percent, own.p99_ceiling_ms), (5, 1, 1000));
}

#[test]
fn the_first_release_is_one_of_them() {
    let unknown = changed("release: v1\n", "release: v3\n");
    says(&unknown, &["tier `web` has no release `v3`", "allowed: v1, v2"]);
    let none = changed("    release: v1\n", "");
    says(&none, &["does not say which release runs first", "allowed: v1, v2"]);
}

#[test]
fn blue_green_needs_room_and_a_load_balancer() {
    let narrow = changed("max: 4", "max: 3");
    says(&narrow, &["cannot be deployed blue/green", "`max` of at least 4", "all-at-once"]);
    let text = with("    deploy: {strategy: all-at-once}\n").replacen("max: 4", "max: 3", 1);
    assert!(parse(&text, "s.yaml").is_ok(), "all at once needs no room");
}

#[test]
fn shares_grow_to_everything() {
    let with_steps = |steps: &str| with(&format!("    deploy: {{steps: {steps}}}\n"));
    for steps in
        ["[{percent: 50}, {percent: 10}]", "[{percent: 10}]", "[{percent: 100}, {percent: 100}]"]
    {
        says(&errors_of(&with_steps(steps)), &["must grow, and end with 100"]);
    }
}

#[test]
fn a_release_has_only_what_its_image_understands() {
    let other = changed("{defect: slow}", "{image: other}");
    says(&other, &["release `v2` of tier `web` has `image`", "allowed: env, habits, defect"]);
}

#[test]
fn settings_without_releases_are_a_mistake() {
    let text = with("    deploy: {error_percent: 1}\n")
        .replacen("    release: v1\n", "", 1)
        .replacen("    releases: {v1: {}, v2: {defect: slow}}\n", "", 1);
    says(&errors_of(&text), &["tier `web` has nothing to deploy"]);
}

#[test]
fn a_fault_deploys_another_release_that_exists() {
    let deploys = |fault: &str| {
        let text = with("").replacen("fault: kill-task", &format!("fault: {fault}"), 1);
        assert_ne!(text, with(""));
        text
    };
    assert!(parse(&deploys("{fault: bad-deploy, release: v2}"), "s.yaml").is_ok());
    let unknown = errors_of(&deploys("{fault: bad-deploy, release: v3}"));
    says(&unknown, &["tier `web` has no release `v3`", "allowed: v2"]);
    let first = errors_of(&deploys("{fault: deploy, tier: web, release: v1}"));
    says(&first, &["runs release `v1` from the start"]);
    let missing = errors_of(&deploys("deploy"));
    says(&missing, &["`deploy` is not a value of `experiments.kill-web.fault`"]);
}
