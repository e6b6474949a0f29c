//! `lab chaos list`: the faults that a stage knows.

use std::collections::BTreeSet;

use serde_json::json;

use crate::chaos::{Offer, offers};
use crate::cli::args::ChaosArgs;
use crate::cli::{CliError, Format, Global};
use crate::report::Ui;
use crate::report::listing::Column::{Prose, Value};
use crate::report::listing::{plain, wrapped};
use crate::run::RunningLab;
use crate::spec;
use crate::spec::model::Stage;

/// Lists the faults of the stage that was named, of the one that runs, or of all built-in ones.
pub async fn run(global: &Global, args: &ChaosArgs, ui: &Ui) -> Result<u8, CliError> {
    let one = match &args.target {
        Some(name) => Some(spec::load(name)?.0),
        None => match global.engine().await {
            Ok(engine) => RunningLab::find(&engine).await?.map(|lab| lab.stage),
            Err(_) => None,
        },
    };
    let stages = match &one {
        Some(stage) => vec![stage.clone()],
        None => {
            let names = spec::builtin();
            names.iter().map(|b| spec::load(b.name).map(|(s, _)| s)).collect::<Result<_, _>>()?
        }
    };
    match args.format {
        Format::Json => ui.json(&as_json(&stages)),
        Format::Text => ui.result(&match &one {
            Some(stage) => of_one(stage, ui.width()),
            None => of_all(&stages, ui.width()),
        }),
    }
    Ok(0)
}

fn as_json(stages: &[Stage]) -> serde_json::Value {
    let rows = stages.iter().flat_map(|s| offers(s).into_iter().map(|o| (s.stage.clone(), o)));
    let faults: Vec<_> = rows
        .map(
            |(stage, o)| json!({"stage": stage, "fault": o.name, "what": o.what, "flags": o.flags}),
        )
        .collect();
    json!({ "faults": faults })
}

/// Every fault of a stage.
pub fn of_one(stage: &Stage, width: usize) -> String {
    let row = |o: Offer| vec![o.name, o.flags.to_owned(), o.what];
    let columns = [Value("FAULT"), Prose("FLAGS"), Prose("WHAT IT DOES")];
    let table = plain(&columns, offers(stage).into_iter().map(row), width);
    let head = format!("{} knows these faults (`lab chaos FAULT FLAGS`):", stage.stage);
    format!("{}\n\n{table}", wrapped(&head, width, 0))
}

/// Each fault of several stages once, where it comes first.
pub fn of_all(stages: &[Stage], width: usize) -> String {
    let mut known = BTreeSet::new();
    let mut rows = Vec::new();
    for stage in stages {
        let new = offers(stage).into_iter().filter(|o| known.insert(o.name.clone()));
        rows.extend(new.map(|o| vec![o.name, stage.stage.clone(), o.what]));
    }
    let columns = [Value("FAULT"), Value("FIRST IN"), Prose("WHAT IT DOES")];
    let head = "No lab runs: each fault once, with the first stage that knows it. \
                `lab chaos list STAGE` shows those of one stage, with their flags.";
    format!("{}\n\n{}", wrapped(head, width, 0), plain(&columns, rows, width))
}
