//! The names that `lab chaos` offers, and what the flags make of them.

use super::{boxed, places, roles, zoned};
use crate::chaos::{Adjust, Offer, adjusted, offers, resolve};
use crate::spec::model::{Fault, FlashCrowd, KillPrimary, KillTask, Mode, Stage};

fn names(stage: &Stage) -> Vec<String> {
    offers(stage).into_iter().map(|o| o.name).collect()
}

fn offer(stage: &Stage, name: &str) -> Offer {
    offers(stage).into_iter().find(|o| o.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_stage_offers_what_fits_it() {
    assert_eq!(
        names(&boxed()),
        [
            "kill-box",
            "kill-nginx",
            "kill-app",
            "kill-postgres",
            "flash-crowd",
            "flood",
            "stop-control-plane",
            "spike",
            "lose-zone"
        ]
    );
    assert_eq!(
        names(&zoned()),
        [
            "kill-web",
            "kill-batch",
            "kill-primary",
            "pause-primary",
            "cut-replication",
            "kill-db-etcd",
            "kill-log",
            "flash-crowd",
            "flood",
            "kill-share",
            "stop-control-plane",
            "spike",
            "lose-zone"
        ]
    );
}

#[test]
fn a_box_whose_database_is_elsewhere_has_no_postgres_to_kill() {
    let mut stage = zoned();
    let mut boxes = boxed();
    let Some(tier) = boxes.tiers.get_mut("box") else { panic!("no box") };
    if let crate::spec::model::Kind::Box(kind) = &mut tier.kind {
        kind.database = Some("db".into());
    }
    stage.tiers.extend(boxes.tiers);
    assert!(names(&stage).contains(&"kill-app".into()));
    assert!(!names(&stage).contains(&"kill-postgres".into()));
}

#[test]
fn every_offer_is_a_fault_that_can_be_carried_out_as_it_is() {
    for stage in [boxed(), zoned()] {
        for offer in offers(&stage) {
            let resolved =
                resolve(&offer.fault, &stage, &places(&stage), &places(&stage), &roles(), 1);
            assert!(resolved.is_ok(), "{}: {resolved:?}", offer.name);
            assert!(!offer.what.is_empty());
        }
    }
}

#[test]
fn a_name_that_two_tiers_want_means_the_first() {
    let mut stage = zoned();
    let web = stage.tiers["web"].clone();
    stage.tiers.insert("primary".into(), web);
    let kept = offer(&stage, "kill-primary");
    assert!(matches!(kept.fault, Fault::KillPrimary(_)), "{kept:?}");
    assert_eq!(names(&stage).iter().filter(|n| *n == "kill-primary").count(), 1);
}

/// One flag each.
fn flags() -> [(&'static str, Adjust); 11] {
    [
        ("--zone", Adjust { zone: Some("a".into()), ..Adjust::default() }),
        ("--mode", Adjust { mode: Some(Mode::Silent), ..Adjust::default() }),
        ("--for", Adjust { for_ms: Some(1), ..Adjust::default() }),
        ("--latency", Adjust { latency_ms: Some(1), ..Adjust::default() }),
        ("--jitter", Adjust { jitter_ms: Some(1), ..Adjust::default() }),
        ("--lag", Adjust { lag_ms: Some(1), ..Adjust::default() }),
        ("--connections", Adjust { connections: Some(1), ..Adjust::default() }),
        ("--requests", Adjust { requests: Some(1), ..Adjust::default() }),
        ("--release", Adjust { release: Some("v1".into()), ..Adjust::default() }),
        ("--path", Adjust { path: Some("/".into()), ..Adjust::default() }),
        ("--signed-in", Adjust { signed_in: Some(true), ..Adjust::default() }),
    ]
}

#[test]
fn exactly_the_flags_that_an_offer_names_are_understood() {
    for stage in [boxed(), zoned()] {
        for offer in offers(&stage) {
            for (flag, adjust) in flags() {
                let understood = offer.flags.split(' ').any(|f| f == flag);
                let result = adjusted(&offer.fault, adjust);
                match result {
                    Ok(_) => assert!(understood, "{} takes {flag} and does not say so", offer.name),
                    Err(refused) => {
                        assert!(!understood, "{} says {flag} and refuses it", offer.name);
                        assert_eq!(refused, flag);
                    }
                }
            }
        }
    }
    let target = Adjust { tier: Some("web".into()), ..Adjust::default() };
    assert_eq!(adjusted(&offer(&zoned(), "lose-zone").fault, target), Err("TARGET"));
}

#[test]
fn flags_and_target_change_the_fault_and_nothing_given_changes_nothing() {
    let stage = zoned();
    let web = offer(&stage, "kill-web").fault;
    assert_eq!(adjusted(&web, Adjust::default()), Ok(web.clone()));
    let given = Adjust {
        tier: Some("batch".into()),
        zone: Some("b".into()),
        mode: Some(Mode::Silent),
        for_ms: Some(7),
        ..Adjust::default()
    };
    let wanted = KillTask {
        tier: Some("batch".into()),
        zone: Some("b".into()),
        mode: Mode::Silent,
        for_ms: Some(7),
    };
    assert_eq!(adjusted(&web, given), Ok(Fault::KillTask(wanted)));

    let log = Adjust { tier: Some("log".into()), for_ms: Some(9), ..Adjust::default() };
    let wanted = KillPrimary { tier: Some("log".into()), mode: Mode::Crash, for_ms: Some(9) };
    let primary = offer(&stage, "kill-primary").fault;
    assert_eq!(adjusted(&primary, log), Ok(Fault::KillPrimary(wanted)));

    let crowd = Adjust {
        requests: Some(500),
        path: Some("/posts".into()),
        signed_in: Some(true),
        ..Adjust::default()
    };
    let wanted = FlashCrowd {
        requests: Some(500),
        path: Some("/posts".into()),
        signed_in: true,
        ..FlashCrowd::default()
    };
    let offered = offer(&stage, "flash-crowd").fault;
    assert_eq!(adjusted(&offered, crowd), Ok(Fault::FlashCrowd(wanted)));
}

/// The built-in stages with data stores of every kind, each with its first node as the primary.
#[test]
fn the_offers_of_the_upper_stages_fit_them_and_say_their_flags() {
    use crate::chaos::{Role, Roles};
    for name in ["stage-10k", "stage-100k", "stage-1m"] {
        let stage = crate::spec::load(name).unwrap().0;
        let primary = |node: &str| (node.to_owned(), Role::Primary);
        let roles: Roles = [primary("db-a1"), primary("cache-a1")].into();
        let all = offers(&stage);
        for wanted in ["kill-replica", "replica-lag", "connection-storm"] {
            assert!(all.iter().any(|o| o.name == wanted), "{name} lacks {wanted}");
        }
        for offer in all {
            let resolved =
                resolve(&offer.fault, &stage, &places(&stage), &places(&stage), &roles, 1);
            let hit = resolved.unwrap_or_else(|e| panic!("{name} {}: {e}", offer.name)).nodes;
            assert!(!hit.is_empty(), "{name} {}", offer.name);
            if offer.name == "kill-replica" {
                assert!(hit.iter().all(|n| n.starts_with("db-replica-")), "{hit:?}");
            }
            if offer.name == "kill-cache" {
                assert_eq!(hit, ["cache-a1"]);
            }
            for (flag, adjust) in flags() {
                let understood = offer.flags.split(' ').any(|f| f == flag);
                assert_eq!(
                    adjusted(&offer.fault, adjust).is_ok(),
                    understood,
                    "{} {flag}",
                    offer.name
                );
            }
        }
    }
}
