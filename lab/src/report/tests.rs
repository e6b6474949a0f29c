//! Snapshots of every report of one run that has everything in it.

use crate::journal::{Calls, Entry, Event, Mapped, OpKind, Outcome, Phase, ServiceMap, Traffic};
use crate::verify::recovery::Recovery;
use crate::verify::testing::forum::{Shop, run_in};
use crate::verify::testing::*;
use crate::verify::{EarlierTry, RunFindings, judge};

use super::{html, junit, results_json, table};

/// A quiet start, a survival, a control that broke, the same control surviving, a lost write, and a
/// fault without evidence.
fn journal() -> Vec<Entry> {
    let at = |n: i64, scenario: Scenario| Scenario { start: n * 60_000, ..scenario };
    let mut broken = Scenario::new("control").outages(&[(3000, 18_000)]);
    (broken.heal, broken.end) = (18_000, 25_000);
    let mut lossy = at(4, Scenario::new("kill")).entries();
    each_key(&mut lossy, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "kill-000145"));
    let mut unconfirmed = at(5, Scenario::new("kill")).entries();
    for entry in &mut unconfirmed {
        if let Event::FaultConfirmed { id, .. } = &entry.event {
            let (id, reason) = (id.clone(), "<b>\"db-a1\"</b> & co\x1b[31m still answer".into());
            entry.event = Event::FaultUnconfirmed { id, reason };
        }
    }
    run([
        Scenario::quiet().entries(),
        at(1, Scenario::new("kill")).entries(),
        at(2, broken).entries(),
        at(3, Scenario::new("control")).entries(),
        lossy,
        unconfirmed,
    ])
}

fn findings() -> RunFindings {
    judge(&journal()).unwrap()
}

fn green() -> RunFindings {
    let kill = Scenario { start: 60_000, ..Scenario::new("kill") };
    judge(&run([Scenario::quiet().entries(), kill.entries()])).unwrap()
}

/// What no fault explains is told whatever the verdict is.
#[test]
fn what_no_fault_explains_is_told() {
    // The experiment ran at the same time, and since-up has no fault of its own.
    let both = run([Scenario::quiet().entries(), Scenario::new("kill").entries()]);
    let found = judge(&both).unwrap();
    let told = "\nsince-up: promotion of db-b1, 4.200 s after the start; users noticed nothing\n";
    let text = table(&found, 1000, false);
    assert!(text.contains(told), "{text}");
    assert!(junit(&found).contains("promotion of db-b1 that no fault explains"));
    assert!(html(&found, &both).contains("promotion of db-b1 that no fault explains"));
}

#[test]
fn table_of_a_mixed_run() {
    insta::assert_snapshot!(table(&findings(), 80, false));
}

/// Each report says that the verdict is that of a later try, and why.
#[test]
fn an_experiment_that_was_tried_once_more_is_told_in_every_report() {
    let mut run = green();
    let reasons = vec!["recovery: the machine <b>itself</b> was not able".to_owned()];
    run.experiments[1].earlier = vec![EarlierTry { reasons, started_at: 1, ended_at: 2 }];
    let text = table(&run, 1000, false);
    let told = "try 1 of 2 proved nothing, so it was tried once more: recovery: the machine";
    assert!(text.contains(&format!("\nkill: {told} <b>itself</b> was not able\n")), "{text}");
    assert!(junit(&run).contains(told));
    assert!(html(&run, &[]).contains(&format!("{told} &lt;b&gt;itself")));
    let json = results_json(&run);
    assert_eq!(json["experiments"][1]["earlier_tries"][0]["ended_at_us"], 2);
}

#[test]
fn table_of_a_green_run() {
    insta::assert_snapshot!(table(&green(), 80, false));
}

#[test]
fn a_recovery_that_is_not_certain_is_explained() {
    let mut run = green();
    let explained =
        |run: &RunFindings| table(run, 1000, false).contains("\n?: it looked back by then");
    assert!(!explained(&run));
    let rto = run.experiments.iter_mut().find_map(|e| e.measured.rto.as_mut()).unwrap();
    rto.worst = Recovery::Unproven(4_000_000);
    assert!(
        explained(&run) && table(&run, 1000, false).contains("4.0 s?"),
        "{}",
        table(&run, 1000, false)
    );
    run.quick = !run.quick;
    assert_eq!(table(&run, 1000, false).contains("; a quick run"), run.quick);
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    let coloured = table(&findings(), 80, true);
    assert!(coloured.matches("\x1b[").count() > 10, "{coloured:?}");
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some(at) = rest.find('\x1b') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
    }
    plain.push_str(rest);
    let words = |s: &str| s.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&plain), words(&table(&findings(), 80, false)));
}

#[test]
fn no_text_of_a_container_moves_the_cursor() {
    assert!(!table(&findings(), 80, false).contains('\x1b'));
}

#[test]
fn results_of_a_green_run() {
    insta::assert_json_snapshot!(results_json(&green()));
}

#[test]
fn results_of_a_mixed_run_carry_their_standing() {
    let results = results_json(&findings());
    assert_eq!(results["standing"], "mismatch");
    assert_eq!(results["exit_code"], 1);
    let standings: Vec<&str> = results["experiments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["standing"].as_str().unwrap())
        .collect();
    let (good, bad) = ("as-expected", "mismatch");
    assert_eq!(standings, [good, good, good, bad, bad, "inconclusive"]);
}

#[test]
fn junit_of_a_mixed_run() {
    insta::assert_snapshot!(junit(&findings()));
}

/// A good shop, one whose edge never lets go of anything, and one that shows what was never written.
fn cached() -> Vec<Entry> {
    let shops = [
        Shop::good(),
        Shop { edge_ttl: 600_000, ..Shop::good() },
        Shop { caches_early: true, ..Shop::good() },
    ];
    let experiments = (0..).zip(shops).map(|(n, shop)| {
        let bad = Outcome::Fail;
        let scenario = Scenario { start: n * 60_000, bad, ..Scenario::new("kill") };
        shop.serve(scenario.entries())
    });
    run_in(cached_stage(), experiments)
}

#[test]
fn junit_of_a_run_behind_caches() {
    insta::assert_snapshot!(junit(&judge(&cached()).unwrap()));
}

#[test]
fn the_promised_age_stands_in_every_report_of_it() {
    let entries = cached();
    let found = judge(&entries).unwrap();
    let results = results_json(&found);
    assert_eq!(results["experiments"][0]["objectives"]["staleness_ms"], 5000);
    let checks: Vec<&str> = results["experiments"][1]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["part"] == "fail")
        .map(|finding| finding["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["staleness", "cache-coherence"]);
    let page = html(&found, &entries);
    assert!(page.contains("at most 0 lost, what is shown at most 5.0 s old."), "{page}");
    assert!(page.contains("<td>cache-coherence</td><td class=\"fail\">fail</td>"), "{page}");
    let silent = html(&findings(), &journal());
    assert!(silent.contains("at most 0 lost.") && !silent.contains("what is shown"));
}

/// A run whose services were mapped before the fault and during it.
fn mapped() -> Vec<Entry> {
    let calls = |errors, p99_us| Calls {
        from: "web".into(),
        to: "db".into(),
        traffic: Traffic { count: 40, errors, p50_us: 900, p99_us },
    };
    let map = |calls: Calls| {
        let (to, sample_percent) = (4_000_000, 5.0);
        ServiceMap { to, sample_percent, spans: 40, calls: vec![calls], ..ServiceMap::default() }
    };
    let mut broken = Scenario::new("kill").outages(&[(3000, 18_000)]);
    (broken.heal, broken.end) = (18_000, 25_000);
    let mut entries = broken.entries();
    let phases = [(Phase::Steady, calls(0, 2000)), (Phase::Fault, calls(10, 900_000))];
    let last = entries.len() - 1;
    let at = entries[last].at;
    entries.splice(
        last..last,
        phases.map(|(phase, calls)| {
            let event = Event::ServiceMap(Mapped { phase, map: map(calls) });
            Entry { at, event }
        }),
    );
    run([entries])
}

#[test]
fn the_map_of_services_stands_in_the_reports() {
    let entries = mapped();
    let found = judge(&entries).unwrap();
    let maps = &results_json(&found)["experiments"][0]["service_maps"];
    assert_eq!((&maps[0]["phase"], &maps[1]["phase"]), (&"steady".into(), &"fault".into()));
    let calls = &maps[1]["calls"][0];
    assert_eq!((&calls["from"], &calls["per_s"]), (&"web".into(), &200.0.into()));
    assert_eq!((&calls["error_percent"], &calls["p99_ms"]), (&25.0.into(), &900.0.into()));
    let page = html(&found, &entries);
    assert_eq!(page.matches("<svg class=\"map\"").count(), 2);
    assert!(page.contains("web to db: 200/s, 25.00 % failed, median 0.9 ms, p99 900 ms"));
    let told = "suffered most: web -> db: p99 900 ms (before 2.0 ms), 25.00 % failed";
    assert!(table(&found, 1000, false).contains(told), "{}", table(&found, 1000, false));
    let without = table(&findings(), 80, false);
    assert!(!without.contains("suffered") && !html(&findings(), &journal()).contains("svg class"));
}

#[test]
fn junit_of_a_run_that_was_cut_short_is_an_error() {
    let mut entries = journal();
    entries.pop();
    let xml = junit(&judge(&entries).unwrap());
    assert!(xml.contains("<testcase name=\"run\""), "{xml}");
    assert!(xml.contains("the run was cut short"));
}

#[test]
fn html_escapes_everything_and_loads_nothing() {
    let page = html(&findings(), &journal());
    assert!(page.contains("&lt;b&gt;&quot;db-a1&quot;&lt;/b&gt; &amp; co [31m still answer"));
    assert!(!page.contains("<b>") && !page.contains('\x1b'));
    for outside in ["http:", "https:", "<script", "<link", "<img", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn html_has_charts_with_shaded_faults_for_each_experiment() {
    let page = html(&findings(), &journal());
    assert_eq!(page.matches("<svg").count(), 12);
    assert_eq!(page.matches("class=\"fault\"").count(), 10, "two charts of five experiments");
    assert!(page.contains("<title>kill-primary on db-a1</title>"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn html_elements_are_closed() {
    let page = html(&findings(), &journal());
    for tag in ["html", "body", "section", "table", "tr", "td", "ul", "li", "svg", "p", "details"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn reports_of_a_run_without_anything_are_still_reports() {
    let entries = run([]);
    let nothing = judge(&entries).unwrap();
    assert!(table(&nothing, 80, false).contains("inconclusive: nothing was judged"));
    assert!(junit(&nothing).contains("<error"));
    assert!(html(&nothing, &entries).contains("nothing was judged"));
    assert_eq!(results_json(&nothing)["exit_code"], 3);
}
