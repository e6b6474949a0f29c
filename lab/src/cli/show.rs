//! `lab show`.

use indexmap::IndexMap;

use super::args::ShowArgs;
use super::{CliError, Format};
use crate::report::Ui;
use crate::report::listing::Column::{Prose, Value};
use crate::report::listing::{plain, wrapped};
use crate::report::units::{clean, sent};
use crate::spec;
use crate::spec::model::{Expectation, Experiment, Stage, Tier};
use crate::spec::releases::released;
use crate::spec::slots::{Duty, Ground, slots};

/// Shows one stage in detail.
pub fn run(args: &ShowArgs, ui: &Ui) -> Result<u8, CliError> {
    let (stage, _) = spec::load(&args.stage)?;
    if args.format == Format::Json {
        let value = serde_json::to_value(&stage)
            .map_err(|e| CliError::environment(format!("cannot write the stage: {e}")))?;
        ui.json(&value);
        return Ok(0);
    }
    // A stage file may come from anywhere: no text of it moves the cursor.
    let shown: Vec<String> = text(&stage, ui.width()).lines().map(clean).collect();
    ui.result(&shown.join("\n"));
    Ok(0)
}

/// All of it in lines of at most so many characters.
pub fn text(stage: &Stage, width: usize) -> String {
    let peak = stage.traffic.derived_peak_per_s(stage.users);
    let objectives = &stage.objectives;
    let intent = stage.intent.trim();
    let mut out = wrapped(&format!("{}: {}\n\n{intent}\n", stage.stage, stage.title), width, 0);
    if let Some(before) = &stage.before {
        let lack = format!("\nWhat the stage before could not do: {}\n", before.trim());
        out += &wrapped(&lack, width, 0);
    }
    let figures = format!(
        "\n{} users; derived peak {peak:.3} requests/s, sent here {}; {}% reads\n\
         objectives: availability {}%, p99 {} ms, RTO {} ms, RPO {} writes{}\n\n",
        stage.users,
        sent(stage.traffic.rate_per_s, peak),
        stage.traffic.read_percent,
        objectives.availability_percent,
        objectives.p99_ms,
        objectives.rto_ms,
        objectives.rpo_writes,
        objectives.staleness_ms.map(|ms| format!(", staleness {ms} ms")).unwrap_or_default()
    );
    out += &wrapped(&figures, width, 2);
    out += &plain(
        &[Value("TIER"), Value("KIND"), Prose("NODES"), Prose("NOTE")],
        stage.tiers.iter().map(|(name, tier)| {
            let note = tier.note.clone().unwrap_or_default();
            vec![name.clone(), kind_name(tier), nodes(name, tier), note.trim().to_owned()]
        }),
        width,
    );
    for (name, service) in released(stage) {
        let others: Vec<&str> = service.releases.keys().map(String::as_str).collect();
        let first = service.release.as_deref().unwrap_or_default();
        let releases =
            format!("\n\nreleases of {name}: {} (begins with {first})", others.join(", "));
        out += &wrapped(&releases, width, 2);
    }
    if stage.experiments.is_empty() {
        return out + "\n\nno experiments: `lab verify` has nothing to run";
    }
    out += "\n\n";
    out += &plain(
        &[Value("EXPERIMENT"), Value("MUST"), Prose("ITS OWN OBJECTIVES"), Prose("WHY")],
        stage.experiments.iter().map(|(name, e)| {
            let must = match e.expect {
                Expectation::Survives => "survive",
                Expectation::Breaks => "break",
            };
            let why = e.why.clone().unwrap_or_default();
            vec![name.clone(), must.into(), own_objectives(e), why.trim().to_owned()]
        }),
        width,
    );
    out
}

/// Where how many nodes of a tier are, those that are in reserve or have a duty of their own apart.
fn nodes(name: &str, tier: &Tier) -> String {
    let mut counts: IndexMap<Duty, IndexMap<String, usize>> = IndexMap::new();
    for slot in slots(name, tier) {
        let place = match slot.ground {
            Ground::Zone(zone) => zone,
            Ground::Region(_) | Ground::Global => String::new(),
        };
        *counts.entry(slot.duty).or_default().entry(place).or_default() += 1;
    }
    let part = |(duty, places): (&Duty, &IndexMap<String, usize>)| {
        let word = match duty {
            Duty::Member | Duty::NetworkProxy => "",
            Duty::Replica => "replicas ",
            Duty::Sentinel => "Sentinels ",
            Duty::Reserve => "in reserve ",
            Duty::Job => "runs once ",
            Duty::Emulator(emulator) => return emulator.as_str().to_owned(),
        };
        let counts = places.iter().map(|(zone, n)| match zone.as_str() {
            "" => n.to_string(),
            zone => format!("{zone}:{n}"),
        });
        format!("{word}{}", counts.collect::<Vec<_>>().join(" "))
    };
    counts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// What an experiment is held to instead of the stage's objectives.
fn own_objectives(experiment: &Experiment) -> String {
    let own = &experiment.objectives;
    let all = [
        own.availability_percent.map(|percent| format!("availability {percent}%")),
        own.p99_ms.map(|ms| format!("p99 {ms} ms")),
        own.rto_ms.map(|ms| format!("RTO {ms} ms")),
        own.rpo_writes.map(|writes| format!("RPO {writes} writes")),
        own.staleness_ms.map(|ms| format!("staleness {ms} ms")),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The kind as stage files spell it.
pub fn kind_name(tier: &Tier) -> String {
    serde_json::to_value(&tier.kind)
        .ok()
        .and_then(|v| v.get("kind")?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_age_is_shown_where_there_is_one() {
        let shown = |name: &str| text(&spec::load(name).unwrap().0, 200);
        assert!(shown("stage-10k").contains("RPO 0 writes, staleness 5000 ms\n"));
        assert!(shown("stage-1k").contains("RPO 0 writes\n"));
    }

    #[test]
    fn nodes_are_counted_by_duty_and_zone() {
        let shown = |stage: &str, tier: &str| {
            nodes(tier, spec::load(stage).unwrap().0.tiers.get(tier).unwrap())
        };
        assert_eq!(shown("stage-500k", "web"), "a:3 b:3, in reserve a:5 b:5");
        assert_eq!(shown("stage-1m", "feed"), "in reserve a:2 b:2");
        assert_eq!(shown("stage-10k", "db"), "a:1 b:1, replicas b:1 c:1");
        assert_eq!(shown("stage-100k", "cache"), "a:1 b:1, Sentinels a:1 b:1 c:1");
        assert_eq!(shown("stage-1m", "queues"), "ministack");
    }

    #[test]
    fn an_experiment_shows_what_it_is_held_to_by_itself() {
        let (stage, _) = spec::load("stage-10k").unwrap();
        let mut experiment = stage.experiments["kill-primary"].clone();
        experiment.objectives = Default::default();
        assert_eq!(own_objectives(&experiment), "");
        let own = &mut experiment.objectives;
        (own.availability_percent, own.p99_ms, own.rto_ms) = (Some(99.5), Some(300), Some(5000));
        (own.rpo_writes, own.staleness_ms) = (Some(2), Some(700));
        let all = "availability 99.5%, p99 300 ms, RTO 5000 ms, RPO 2 writes, staleness 700 ms";
        assert_eq!(own_objectives(&experiment), all);
    }
}
