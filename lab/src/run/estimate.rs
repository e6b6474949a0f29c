//! How long experiments will take, said before they begin. Pure: from the stage alone.

use std::time::Duration;

use super::Pace;
use crate::chaos::{Role, Roles, resolve};
use crate::plan::layout::{Place, Subnet, places};
use crate::spec::model::{Experiment, Fault, Kind, Stage, TimedFault};
use crate::spec::slots::Duty;

/// From the first request until service is seen to be good.
const WARM: [Duration; 2] = [Duration::from_millis(1200), Duration::from_secs(5)];
/// Finding the nodes, injecting, confirming and healing one fault.
const FAULT: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];
/// Until the lab is whole again and every promise has been read back.
const READ_BACK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(15)];
/// How long mails and messages of the last orders may be under way.
const EFFECTS: Duration = Duration::from_secs(10);
/// How long a release may take to be deployed, or to be rolled back.
const RELEASE: Duration = Duration::from_secs(40);
/// Of a fault of which nobody knows how long it lasts.
const UNKNOWN: Duration = Duration::from_secs(15);

/// The shortest and the longest time that experiments usually take, without the tries of those that
/// prove nothing at first. What goes wrong may take longer: waiting has limits of its own.
pub fn estimate<'a>(
    stage: &Stage,
    experiments: impl IntoIterator<Item = &'a Experiment>,
    pace: Pace,
) -> (Duration, Duration) {
    let places = places(stage, Subnet(10, 0));
    let roles = at_first(stage, &places);
    let lasts = |fault: &Fault| {
        let injection = resolve(fault, stage, &places, &places, &roles, 0);
        injection.map_or(UNKNOWN, |injection| injection.duration)
    };
    let one = |experiment: &Experiment| {
        let ends = |timed: &TimedFault| Duration::from_millis(timed.at_ms) + lasts(&timed.fault);
        let faults = experiment.faults.iter().map(ends).max().unwrap_or_default();
        let settle = Duration::from_millis(experiment.settle_ms).min(pace.settle);
        let fixed = pace.steady + faults + settle;
        let number = u32::try_from(experiment.faults.len()).unwrap_or(u32::MAX);
        let effects = if stage.mails() { EFFECTS } else { Duration::ZERO };
        let least = WARM[0] + FAULT[0] * number + READ_BACK[0];
        let most = WARM[1] + FAULT[1] * number + READ_BACK[1] + effects;
        let deploys =
            |timed: &&TimedFault| matches!(timed.fault, Fault::Deploy(_) | Fault::BadDeploy(_));
        let releases = experiment.faults.iter().filter(deploys).count();
        let most = most + RELEASE * u32::try_from(releases).unwrap_or(u32::MAX);
        let shrinks = if is_a_spike(experiment) { shrinks(stage) } else { Duration::ZERO };
        (fixed + least, fixed + most + pace.extension + shrinks)
    };
    experiments.into_iter().map(one).fold(Default::default(), |(least, most), (l, m)| {
        let sum: (Duration, Duration) = (least + l, most + m);
        sum
    })
}

/// `about 3 to 5 minutes`
pub fn in_words((least, most): (Duration, Duration)) -> String {
    let seconds = |time: Duration, up: bool| {
        let tens = time.as_secs_f64() / 10.0;
        10 * (if up { tens.ceil() } else { tens.floor() }) as u64
    };
    if most < Duration::from_secs(120) {
        return format!("{} to {} seconds", seconds(least, false).max(5), seconds(most, true));
    }
    let least = (least.as_secs() / 60).max(1);
    format!("{least} to {} minutes", most.as_secs().div_ceil(60))
}

/// Who is who after a start: the first node of each database and cache is its primary.
fn at_first(stage: &Stage, places: &[Place]) -> Roles {
    let mut roles = Roles::new();
    for (name, tier) in &stage.tiers {
        if !matches!(tier.kind, Kind::Postgres(_) | Kind::Redis(_) | Kind::Container(_)) {
            continue;
        }
        let nodes = places.iter().filter(|p| &p.tier == name);
        let mut members = 0;
        for place in nodes {
            let role = match place.duty {
                Duty::Replica => Role::Replica,
                Duty::Member if members == 0 => Role::Primary,
                Duty::Member => Role::SyncStandby,
                _ => continue,
            };
            members += usize::from(place.duty == Duty::Member);
            roles.insert(place.name.clone(), role);
        }
    }
    roles
}

fn is_a_spike(experiment: &Experiment) -> bool {
    experiment.faults.iter().any(|timed| matches!(timed.fault, Fault::Spike(_)))
}

/// How long scaling groups may take to become small again after a spike.
fn shrinks(stage: &Stage) -> Duration {
    let groups = stage.tiers.values().filter_map(|tier| match &tier.kind {
        Kind::Service(service) => service.scaling.as_ref(),
        _ => None,
    });
    groups.map(|group| group.shrinks_within(stage.time_scale)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    fn of(name: &str, quick: bool) -> (u64, u64) {
        let (stage, _) = spec::load(name).unwrap();
        let (least, most) = estimate(&stage, stage.experiments.values(), Pace::new(quick));
        (least.as_secs(), most.as_secs())
    }

    /// What ARCHITECTURE.md says was measured, with the starting of the lab. A tenth is for experiments that
    /// stages have got since.
    #[test]
    fn what_was_measured_lies_within_the_estimate() {
        let mut wrong = Vec::new();
        for (name, quick, measured) in [
            ("stage-1", true, 91),
            ("stage-100", true, 100),
            ("stage-1k", true, 193),
            ("stage-10k", true, 230),
            ("stage-100k", true, 427),
            ("stage-500k", true, 398),
            ("stage-1m", true, 233),
            ("stage-10k", false, 240),
            ("stage-100k", false, 480),
            ("stage-500k", false, 420),
        ] {
            let (least, most) = of(name, quick);
            let (about, clear) = (10 * least <= 11 * measured, most < 4 * least);
            if !(about && measured <= most && clear) {
                wrong.push(format!("{name}: {measured} s, and not {least} to {most} s"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_built_in_fault_lasts_as_long_as_is_known() {
        for built_in in spec::builtin() {
            let (stage, _) = spec::load(built_in.name).unwrap();
            let places = places(&stage, Subnet(10, 0));
            let roles = at_first(&stage, &places);
            for (name, experiment) in &stage.experiments {
                for timed in &experiment.faults {
                    let hit = resolve(&timed.fault, &stage, &places, &places, &roles, 0);
                    assert!(hit.is_ok(), "{} {name}: {hit:?}", stage.stage);
                }
            }
        }
    }

    #[test]
    fn fewer_and_quicker_experiments_take_less() {
        let (stage, _) = spec::load("stage-1k").unwrap();
        let one = stage.experiments.values().take(1);
        let (least, most) = estimate(&stage, one, Pace::new(true));
        let all = of("stage-1k", true);
        assert!(least.as_secs() < all.0 && most.as_secs() < all.1);
        assert!(all.0 < of("stage-1k", false).0);
        assert_eq!(estimate(&stage, [], Pace::new(true)), Default::default());
    }

    #[test]
    fn a_range_is_said_in_round_numbers() {
        let said = |least, most| in_words((Duration::from_secs(least), Duration::from_secs(most)));
        assert_eq!(said(14, 52), "10 to 60 seconds");
        assert_eq!(said(170, 301), "2 to 6 minutes");
        assert_eq!(said(30, 130), "1 to 3 minutes");
    }
}
