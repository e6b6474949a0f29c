//! Architectures that show users old states, or what never was.

use crate::journal::{Caches, EdgeUse, Entry, Listed, OpKind, Outcome, ShopUse, Showed, ShownItem};
use crate::spec::model::Stage;
use crate::verify::testing::forum::{Shop, judge_in};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, Verdict};

/// The cached stage without its caches.
fn uncached_stage() -> Stage {
    Stage { objectives: cached_stage().objectives, ..stage() }
}

fn cached(shop: Shop) -> ExperimentFindings {
    judge_in(cached_stage(), shop.serve(Scenario::new("kill").entries()))
}

fn has(found: &ExperimentFindings, check: Check) -> bool {
    found.findings.iter().any(|f| f.check == check)
}

/// Changes the list of every read of the forum that was due from this moment on.
fn each_list(entries: &mut [Entry], from_ms: i64, mut change: impl FnMut(&mut Showed)) {
    each_op(entries, |op| match &mut op.listed {
        Some(Listed::Showed(list)) if op.intended >= ms(from_ms) => change(list),
        _ => {}
    });
}

#[test]
fn a_good_shop_behind_caches_survives() {
    let found = cached(Shop::good());
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    says(&found, Check::Staleness, Part::Pass, "41 reads; states up to 1.9 s old (p99 ");
    says(&found, Check::Staleness, Part::Pass, ", 5 s allowed");
    says(&found, Check::CacheCoherence, Part::Pass, "answers from a cache (");
    says(&found, Check::CacheCoherence, Part::Pass, "no phantom; states up to 1.9 s");
    says(&found, Check::CacheCoherence, Part::Pass, " old, 7 s allowed");
    let details = &of(&found, Check::CacheCoherence).details;
    assert!(details[0].starts_with("edge cache: ") && details[0].ends_with(" hit"), "{details:?}");
    assert!(details.iter().any(|d| d.starts_with("made for the request: ")), "{details:?}");
}

#[test]
fn a_good_shop_without_caches_survives_and_its_caches_are_not_judged() {
    let entries = Shop::uncached().serve(Scenario::new("kill").entries());
    let found = judge_in(uncached_stage(), entries);
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    says(&found, Check::Staleness, Part::Pass, "41 reads; states up to ");
    assert!(!has(&found, Check::CacheCoherence));
}

#[test]
fn where_nothing_is_promised_nobody_is_held_to_it() {
    let late = Shop { lag: 60_000, ..Shop::uncached() };
    let found = judge_in(stage(), late.serve(Scenario::new("kill").entries()));
    assert!(!has(&found, Check::Staleness) && found.verdict == Verdict::Survived);
}

/// A cache that never lets go of what it has.
#[test]
fn an_edge_cache_without_expiry_is_caught() {
    let found = cached(Shop { edge_ttl: 600_000, ..Shop::good() });
    says(&found, Check::CacheCoherence, Part::Fail, "0 phantoms and ");
    says(&found, Check::CacheCoherence, Part::Fail, " answers past their time");
    says(&found, Check::Staleness, Part::Fail, " reads showed states that were too old; up to 9.");
    let details = &of(&found, Check::CacheCoherence).details;
    let old = "list news from the edge cache ";
    let line = details.iter().find(|d| d.starts_with(old)).unwrap();
    assert!(line.contains("showed a state 7.") && line.ends_with(", 7 s allowed"), "{line}");
    assert_eq!(found.verdict, Verdict::Broke);
}

/// The same in the shop, which says how old its values are.
#[test]
fn a_cache_of_the_shop_without_expiry_is_caught_by_its_own_words() {
    let found = cached(Shop { shop_ttl: 4500, edge_ttl: 0, ..Shop::good() });
    only(&found, Check::CacheCoherence, Part::Fail, " answers past their time");
    let details = &of(&found, Check::CacheCoherence).details;
    let words = "the application's cache called a value of ";
    assert!(details.iter().any(|d| d.contains(words) && d.ends_with("for 2 s")), "{details:?}");
}

/// A replica 10 s late that nobody leaves out.
#[test]
fn a_late_replica_that_is_read_all_the_same_is_caught() {
    let late = Shop { lag: 10_000, ..Shop::uncached() };
    let found = judge_in(uncached_stage(), late.serve(Scenario::new("kill").entries()));
    only(&found, Check::Staleness, Part::Fail, "41 of 41 reads showed states that were too old");
    let details = &of(&found, Check::Staleness).details;
    assert!(details[0].contains(" was not shown, acknowledged "), "{details:?}");
    assert!(details[0].starts_with("list ") && details[0].contains(": kill-"), "{details:?}");
}

#[test]
fn a_replica_that_is_a_little_late_is_not() {
    let late = Shop { lag: 900, ..Shop::uncached() };
    let found = judge_in(uncached_stage(), late.serve(Scenario::new("kill").entries()));
    assert_eq!(found.verdict, Verdict::Survived);
    says(&found, Check::Staleness, Part::Pass, "states up to ");
}

/// A single post missing in a single list is enough.
#[test]
fn one_post_that_is_missing_in_one_list_is_found() {
    // So few posts that a full list reaches back further than the promise.
    let scenario = Scenario { every: 30, ..Scenario::new("kill") };
    let mut entries = Shop::uncached().serve(scenario.entries());
    let mut hidden = None;
    each_list(&mut entries, 9800, |list| {
        // The last of a full list could have been pushed out.
        if hidden.is_none() {
            hidden = Some(list.items.remove(list.items.len() - 2));
        }
    });
    let found = judge_in(uncached_stage(), entries);
    only(&found, Check::Staleness, Part::Fail, "1 of 26 reads showed states that were too old");
    let id = format!("(number {})", hidden.unwrap().id());
    assert!(of(&found, Check::Staleness).details[0].contains(&id));
}

#[test]
fn a_post_that_was_pushed_out_of_a_full_list_is_not_missing() {
    let mut entries = Shop::uncached().serve(Scenario::new("kill").entries());
    each_list(&mut entries, 0, |list| {
        if list.full {
            list.items.truncate(3);
        }
    });
    assert_eq!(judge_in(uncached_stage(), entries).verdict, Verdict::Survived);
}

/// A value is put in the cache before its commit, and the commit fails.
#[test]
fn a_cache_that_is_filled_before_the_commit_is_caught() {
    let mut scenario = Scenario::new("kill");
    scenario.bad = Outcome::Fail;
    let early = Shop { caches_early: true, ..Shop::good() };
    let found = judge_in(cached_stage(), early.serve(scenario.entries()));
    says(&found, Check::CacheCoherence, Part::Fail, "phantoms and 0 answers past their time");
    let details = &of(&found, Check::CacheCoherence).details;
    let line = details.iter().find(|d| d.starts_with("phantom kill-")).unwrap();
    assert!(line.contains(", which certainly failed: list ") && line.ends_with(" in all"));
    assert_eq!(found.verdict, Verdict::Broke);

    // When it is not known that they failed, they may be shown.
    scenario.bad = Outcome::Unknown;
    let found = judge_in(cached_stage(), early.serve(scenario.entries()));
    says(&found, Check::CacheCoherence, Part::Pass, "no phantom");
}

#[test]
fn a_post_that_nobody_wrote_is_a_phantom_except_in_the_canarys_history() {
    for (name, part) in [("kill", Part::Fail), ("since-up", Part::Pass)] {
        let mut entries = Shop::good().serve(Scenario::new(name).entries());
        let mut added = false;
        each_op(&mut entries, |op| {
            let hit = op.caches.is_some_and(|c| c.kept_by().is_some());
            if let (true, Some(Listed::Showed(list))) = (hit && !added, &mut op.listed) {
                list.prefix = name.into();
                list.items.insert(0, ShownItem::Own(999, 777_777));
                added = true;
            }
        });
        let found = judge_in(cached_stage(), entries);
        assert_eq!(of(&found, Check::CacheCoherence).part, part, "{name}");
        let details = &of(&found, Check::CacheCoherence).details;
        let named = details.iter().any(|d| {
            d.starts_with("phantom kill-777777, which nobody wrote: list ")
                && d.ends_with("; 1 answer in all")
        });
        assert_eq!(named, part == Part::Fail, "{details:?}");
    }
}

#[test]
fn posts_of_others_are_no_phantoms() {
    let mut entries = Shop::good().serve(Scenario::new("kill").entries());
    each_list(&mut entries, 0, |list| {
        list.items.insert(0, ShownItem::Other(10_000));
        if !list.full {
            list.prefix = "canary".into();
        }
    });
    says(&judge_in(cached_stage(), entries), Check::CacheCoherence, Part::Pass, "no phantom");
}

/// The origin is down, and the edge serves what it has and says so.
#[test]
fn what_is_served_stale_on_purpose_is_counted_and_allowed() {
    let shop = Shop { origin_down: (1000, 9900), edge_ttl: 1000, ..Shop::good() };
    let mut entries = shop.serve(Scenario::new("kill").entries());
    let found = judge_in(cached_stage(), entries.clone());
    says(&found, Check::CacheCoherence, Part::Pass, "served stale on purpose, up to 9.");
    says(&found, Check::Staleness, Part::Inconclusive, "served stale on purpose, up to 9.");

    // The same without saying so.
    each_op(&mut entries, |op| {
        if let Some(caches) = &mut op.caches {
            caches.edge = Some(EdgeUse::Hit);
        }
    });
    let found = judge_in(cached_stage(), entries);
    says(&found, Check::CacheCoherence, Part::Fail, "past their time");
    says(&found, Check::Staleness, Part::Fail, "too old");
}

#[test]
fn a_stale_value_of_the_shop_is_counted_with_the_age_that_it_says() {
    let mut entries = Shop::good().serve(Scenario::new("kill").entries());
    each_op(&mut entries, |op| {
        if op.kind == OpKind::PRODUCT && op.intended >= ms(9800) {
            let shop = Some(ShopUse::Stale);
            op.caches = Some(Caches { edge: Some(EdgeUse::Miss), shop, age_ms: Some(33_000) });
        }
    });
    let found = judge_in(cached_stage(), entries);
    says(&found, Check::CacheCoherence, Part::Pass, "1 served stale on purpose, up to 33 s old");
}

#[test]
fn caches_that_had_nothing_prove_nothing() {
    let mut entries = Shop::good().serve(Scenario::new("kill").entries());
    each_op(&mut entries, |op| op.caches = None);
    let found = judge_in(cached_stage(), entries);
    only(
        &found,
        Check::CacheCoherence,
        Part::Inconclusive,
        "no answer came from a cache, of 212 reads",
    );
}

#[test]
fn too_few_reads_prove_nothing() {
    let mut scenario = Scenario::new("kill");
    scenario.end = 6000;
    let found = judge_in(uncached_stage(), Shop::uncached().serve(scenario.entries()));
    says(&found, Check::Staleness, Part::Inconclusive, "8 reads of a list to which a write had");
}

#[test]
fn in_the_canarys_history_little_is_no_lack() {
    let mut scenario = Scenario::quiet();
    scenario.end = 4000;
    let found = judge_in(cached_stage(), Shop::uncached().serve(scenario.entries()));
    assert!(!has(&found, Check::Staleness) && !has(&found, Check::CacheCoherence));
    let late = Shop { lag: 10_000, ..Shop::good() };
    let found = judge_in(cached_stage(), late.serve(Scenario::quiet().entries()));
    says(&found, Check::Staleness, Part::Fail, "too old");
}

/// What was so before the fault is not what the fault broke.
#[test]
fn old_states_before_the_fault_are_not_its_doing() {
    let mut scenario = Scenario::new("control");
    (scenario.fault, scenario.heal, scenario.outage) = (Some(8500), 9500, vec![(8500, 9000)]);
    let late = Shop { lag: 60_000, ..Shop::uncached() };
    let entries = late.serve(scenario.entries());
    let mut early = entries.clone();
    // Those that were due later show all.
    let good = Shop::uncached().serve(scenario.entries());
    for (entry, good) in early.iter_mut().zip(good) {
        if entry.at >= ms(8400) {
            *entry = good;
        }
    }
    let stage = uncached_stage;
    assert!(of(&judge_in(stage(), early), Check::Staleness).predates_fault);
    assert!(!of(&judge_in(stage(), entries), Check::Staleness).predates_fault);
}

#[test]
fn an_experiment_may_promise_another_age() {
    let late = Shop { lag: 6000, ..Shop::uncached() };
    let entries = || late.serve(Scenario::new("kill").entries());
    let mut stage = uncached_stage();
    says(&judge_in(stage.clone(), entries()), Check::Staleness, Part::Fail, "5 s allowed");
    stage.experiments["kill"].objectives.staleness_ms = Some(8000);
    says(&judge_in(stage, entries()), Check::Staleness, Part::Pass, "8 s allowed");
}

/// By hand, a fault is judged by the experiments that declare it.
#[test]
fn of_several_promises_the_most_lenient_counts() {
    let mut stage = uncached_stage();
    let late = Shop { lag: 6000, ..Shop::uncached() };
    let mut scenario = Scenario::new("since-up");
    scenario.end = 15_000;
    let entries = || late.serve(scenario.entries());
    says(&judge_in(stage.clone(), entries()), Check::Staleness, Part::Fail, "5 s allowed");
    stage.experiments["control"].objectives.staleness_ms = Some(8000);
    says(&judge_in(stage.clone(), entries()), Check::Staleness, Part::Pass, "8 s allowed");
    stage.objectives.staleness_ms = None;
    let found = judge_in(stage, entries());
    assert!(!has(&found, Check::Staleness), "to promise nothing is the most lenient");
}
