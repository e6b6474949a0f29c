//! One test for each fault: which nodes it hits, how, for how long, and when it means nothing.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{boxed, places, roles, zoned};
use crate::chaos::{Act, Injection, ResolveError, Roles, resolve};
use crate::spec::model::{
    BoxProcess, CutReplication, Fault, KillPrimary, KillProcess, KillShare, KillTask, LoseZone,
    Mode, PausePrimary, Spike, Stage, StopControlPlane,
};

fn on(stage: &Stage, fault: &Fault, roles: &Roles, seed: u64) -> Result<Injection, ResolveError> {
    resolve(fault, stage, &places(stage), &places(stage), roles, seed)
}

fn zoned_injection(fault: &Fault) -> Injection {
    on(&zoned(), fault, &roles(), 1).unwrap()
}

fn zoned_error(fault: &Fault) -> String {
    on(&zoned(), fault, &roles(), 1).unwrap_err().to_string()
}

fn named(tier: &str) -> Option<String> {
    Some(tier.into())
}

fn kill(node: &str) -> Act {
    Act::Kill { node: node.into() }
}

fn silence(node: &str) -> Act {
    Act::Silence { node: node.into() }
}

#[test]
fn kill_process_hits_one_process_and_is_not_held() {
    let fault = |tier| Fault::KillProcess(KillProcess { tier, process: BoxProcess::App });
    let injection = on(&boxed(), &fault(None), &Roles::new(), 1).unwrap();
    let act = Act::KillProcess { node: "box-a1".into(), process: BoxProcess::App };
    assert_eq!(injection.acts, [act]);
    assert_eq!(injection.nodes, ["box-a1"]);
    assert!(!injection.hold, "the box starts it again");

    assert_eq!(
        zoned_error(&fault(None)),
        "kill-process needs a tier of kind box: the stage has none"
    );
    assert_eq!(
        zoned_error(&fault(named("web"))),
        "kill-process needs a tier of kind box: `web` is not one, and the stage has none"
    );
}

#[test]
fn kill_task_hits_one_node_of_its_tier_and_zone_chosen_by_the_seed() {
    let fault = |zone: Option<&str>| {
        Fault::KillTask(KillTask {
            tier: named("web"),
            zone: zone.map(str::to_owned),
            ..KillTask::default()
        })
    };
    let chosen = |zone, seed| {
        let injection = on(&zoned(), &fault(zone), &roles(), seed).unwrap();
        assert_eq!(injection.acts, [kill(&injection.nodes[0])]);
        injection.nodes.concat()
    };
    let of = |zone| (0..50).map(|seed| chosen(zone, seed)).collect::<BTreeSet<_>>();
    assert_eq!(of(None), ["web-a1", "web-a2", "web-b1", "web-b2"].map(Into::into).into());
    assert_eq!(of(Some("b")), ["web-b1", "web-b2"].map(Into::into).into());
    for seed in 0..50 {
        assert_eq!(chosen(None, seed), chosen(None, seed), "seed {seed}");
    }
    assert_eq!(zoned_error(&fault(Some("c"))), "tier web has no node in zone c");
}

#[test]
fn kill_task_holds_the_node_only_when_its_host_is_lost() {
    let task = |mode, for_ms| {
        zoned_injection(&Fault::KillTask(KillTask {
            tier: named("batch"),
            mode,
            for_ms,
            ..KillTask::default()
        }))
    };
    assert!(!task(Mode::Crash, None).hold, "the control plane may replace it at once");
    let lost = task(Mode::Crash, Some(7000));
    assert_eq!((lost.hold, lost.duration), (true, Duration::from_secs(7)));
    let silent = task(Mode::Silent, None);
    assert!(silent.hold);
    // Packets first: otherwise the resets of the dying process get out.
    assert_eq!(silent.acts, [silence("batch-b1"), kill("batch-b1")]);
    assert_eq!(silent.nodes, ["batch-b1"], "one node, although two acts");
}

#[test]
fn kill_task_must_know_which_tier() {
    let fault = |tier: Option<&str>| {
        Fault::KillTask(KillTask { tier: tier.map(str::to_owned), ..KillTask::default() })
    };
    let only = "kill-task needs a tier of kind service or box: name one of `web`, `batch`";
    assert_eq!(zoned_error(&fault(None)), only);
    let wants = "kill-task needs a tier of kind service, box";
    assert_eq!(
        zoned_error(&fault(Some("db"))),
        format!(
            "{wants}, container, cdn, dns or etcd: `db` is not one; there are `web`, `batch`, `db-etcd`"
        )
    );
    assert_eq!(on(&boxed(), &fault(None), &Roles::new(), 1).unwrap().nodes, ["box-a1"]);
}

#[test]
fn kill_primary_hits_whoever_is_primary_now_and_holds_it() {
    let fault = |mode, for_ms| Fault::KillPrimary(KillPrimary { tier: named("db"), mode, for_ms });
    let crash = zoned_injection(&fault(Mode::Crash, None));
    assert_eq!(crash.acts, [kill("db-b1")]);
    assert_eq!((crash.hold, crash.duration), (true, Duration::from_secs(10)));
    let silent = zoned_injection(&fault(Mode::Silent, Some(1500)));
    assert_eq!(silent.acts, [silence("db-b1"), kill("db-b1")]);
    assert_eq!(silent.duration, Duration::from_millis(1500));

    let nobody = on(&zoned(), &fault(Mode::Crash, None), &Roles::new(), 1);
    assert_eq!(nobody.unwrap_err().to_string(), "tier db has no primary at this moment");
    let unnamed = Fault::KillPrimary(KillPrimary::default());
    assert_eq!(
        zoned_error(&unnamed),
        "kill-primary needs a tier of kind postgres, or container with `roles`: name one of `db`, `log`"
    );
}

#[test]
fn kill_primary_of_a_lone_server_hits_that_server() {
    let fault = Fault::KillPrimary(KillPrimary { tier: named("log"), ..KillPrimary::default() });
    assert_eq!(zoned_injection(&fault).nodes, ["log-c1"]);
}

#[test]
fn a_host_that_is_terminated_is_silent_before_it_dies_and_loses_its_disk_after() {
    let mode = Mode::Terminated;
    let fault = Fault::KillPrimary(KillPrimary { tier: named("db"), mode, for_ms: None });
    let injection = zoned_injection(&fault);
    let erase = Act::Erase { node: "db-b1".into() };
    assert_eq!(injection.acts, [silence("db-b1"), kill("db-b1"), erase]);
    let mut task = KillTask { mode, ..KillTask::default() };
    task.tier = named("web");
    assert!(zoned_injection(&Fault::KillTask(task)).hold, "nobody may start it meanwhile");
}

#[test]
fn pause_primary_freezes_it_for_longer_than_its_lease() {
    let fault = |for_ms| Fault::PausePrimary(PausePrimary { tier: named("db"), for_ms });
    let injection = zoned_injection(&fault(None));
    assert_eq!(injection.acts, [Act::Freeze { node: "db-b1".into() }]);
    assert!(injection.hold, "nobody may start it meanwhile");
    assert!(injection.duration > Duration::from_secs(20), "it must wake as a zombie");
    assert_eq!(zoned_injection(&fault(Some(100))).duration, Duration::from_millis(100));
}

#[test]
fn cut_replication_cuts_the_primary_off_from_its_standbys_only() {
    let fault = |tier: &str| {
        Fault::CutReplication(CutReplication { tier: named(tier), for_ms: Some(4000) })
    };
    let injection = zoned_injection(&fault("db"));
    let standby = places(&zoned()).into_iter().find(|p| p.name == "db-a1").unwrap();
    let peers: Vec<Ipv4Addr> = vec![standby.address];
    assert_eq!(injection.acts, [Act::Cut { node: "db-b1".into(), peers }]);
    assert_eq!((injection.hold, injection.duration), (true, Duration::from_secs(4)));
    assert_eq!(zoned_error(&fault("log")), "log-c1 has no standby to cut off");
}

#[test]
fn lose_zone_hits_everything_in_the_zone_at_once_and_silently() {
    let fault = |zone: Option<&str>| {
        Fault::LoseZone(LoseZone { zone: zone.map(str::to_owned), for_ms: None })
    };
    let c = zoned_injection(&fault(Some("c")));
    let nodes = ["db-etcd-c1", "log-c1"];
    assert_eq!(c.nodes, nodes);
    // The whole zone is dark before the first process dies.
    let acts: Vec<Act> =
        nodes.iter().map(|n| silence(n)).chain(nodes.iter().map(|n| kill(n))).collect();
    assert_eq!(c.acts, acts);
    assert!(c.hold && c.duration == Duration::from_secs(20));

    let primary = zoned_injection(&fault(None));
    assert_eq!(primary.nodes, ["batch-b1", "db-b1", "db-etcd-b1", "web-b1", "web-b2"]);
    let first = on(&zoned(), &fault(None), &Roles::new(), 1).unwrap();
    assert!(first.nodes.iter().all(|n| n.contains("-a")), "{:?}", first.nodes);
    assert_eq!(zoned_error(&fault(Some("d"))), "no node is in zone d");
}

#[test]
fn the_fault_is_kept_as_it_was_asked_for_and_every_hit_node_is_named() {
    let faults = [
        Fault::KillPrimary(KillPrimary { tier: named("db"), ..KillPrimary::default() }),
        Fault::LoseZone(LoseZone::default()),
    ];
    for fault in faults {
        let injection = zoned_injection(&fault);
        assert_eq!(injection.fault, fault);
        let hit: BTreeSet<&String> = injection.acts.iter().map(Act::node).collect();
        assert_eq!(hit, injection.nodes.iter().collect::<BTreeSet<_>>());
        assert!(!injection.heal.is_empty());
    }
}

#[test]
fn kill_share_hits_so_many_tasks_rounded_up_chosen_by_the_seed() {
    let fault = |percent, for_ms| {
        let tier = named("web");
        Fault::KillShare(KillShare { tier, percent, for_ms, ..KillShare::default() })
    };
    let tasks = places(&zoned()).iter().filter(|p| p.tier == "web").count();
    let hit = |percent| zoned_injection(&fault(percent, None)).nodes.len();
    assert_eq!(hit(Some(100)), tasks);
    assert_eq!(hit(Some(1)), 1, "rounded up");
    assert_eq!(hit(None), (tasks * 33).div_ceil(100));
    assert!(!zoned_injection(&fault(None, None)).hold, "they are replaced");
    assert!(zoned_injection(&fault(None, Some(5000))).hold, "their hosts are lost");
    let nodes = |seed| on(&zoned(), &fault(Some(50), None), &roles(), seed).unwrap().nodes;
    assert_eq!(nodes(1), nodes(1));
    assert!((0..20).any(|seed| nodes(seed) != nodes(1)), "the seed decides");
}

#[test]
fn the_control_plane_stays_stopped_until_the_heal() {
    let fault = Fault::StopControlPlane(StopControlPlane { for_ms: Some(9000) });
    let injection = zoned_injection(&fault);
    assert_eq!((injection.acts.as_slice(), injection.hold), (&[kill("control")][..], true));
    assert_eq!(injection.duration, Duration::from_secs(9));
}

#[test]
fn a_spike_adds_what_is_missing_to_the_multiple() {
    let stage = zoned();
    let rate = stage.traffic.rate_per_s;
    let fault = Fault::Spike(Spike { factor: Some(5), ramp_ms: Some(1000), for_ms: None });
    let injection = on(&stage, &fault, &roles(), 1).unwrap();
    let [Act::Spike { extra_per_s, ramp, addresses, .. }] = injection.acts.as_slice() else {
        panic!("{:?}", injection.acts);
    };
    assert_eq!((*extra_per_s, *ramp), (4 * rate, Duration::from_secs(1)));
    assert!(!addresses.is_empty());
    assert_eq!(injection.duration, Duration::from_secs(31), "the ramp, and 30 s");
}
