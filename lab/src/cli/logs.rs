//! `lab logs`.

use super::args::LogsArgs;
use super::{CliError, Format, Global};
use crate::engine::Engine;
use crate::plan::main_name;
use crate::plan::observed::Part;
use crate::report::{LogLine, Ui};
use crate::run::RunningLab;

/// Prints the log of nodes, each line with the node's name when there are several.
pub async fn run(global: &Global, args: &LogsArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    RunningLab::require(&engine).await?;
    let nodes = chosen(&engine, &args.nodes).await?;
    if args.follow && nodes.len() != 1 {
        return Err(CliError::usage("`--follow` needs exactly one node"));
    }
    for node in &nodes {
        let prefix = if nodes.len() > 1 { format!("{node} | ") } else { String::new() };
        let container = main_name(&global.lab, node);
        let as_json = args.json || args.format == Format::Json;
        engine
            .follow_log(&container, &args.tail, args.follow, |chunk| {
                for line in chunk.lines() {
                    let line = LogLine::read(line);
                    ui.result(&match as_json {
                        true => line.json(node).to_string(),
                        false => format!("{prefix}{}", line.readable()),
                    });
                }
                true
            })
            .await?;
    }
    Ok(0)
}

/// The named nodes, or all of the lab.
async fn chosen(engine: &Engine, named: &[String]) -> Result<Vec<String>, CliError> {
    let mut all: Vec<String> = engine
        .containers()
        .await?
        .into_values()
        .filter(|c| c.part == Part::Main)
        .map(|c| c.node)
        .collect();
    all.sort();
    if let Some(unknown) = named.iter().find(|n| !all.contains(n)) {
        return Err(unknown_node(unknown, &all));
    }
    Ok(if named.is_empty() { all } else { named.to_vec() })
}

/// A node that the lab does not have.
pub fn unknown_node(name: &str, all: &[String]) -> CliError {
    let close = all
        .iter()
        .map(|n| (strsim::damerau_levenshtein(n, name), n))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, n)| format!("did you mean `{n}`?"));
    let known = if all.is_empty() { "the lab has none".into() } else { all.join(", ") };
    let error = CliError::usage(format!("no node is named `{name}`; there are: {known}"));
    match close {
        Some(hint) => error.hint(hint),
        None => error.hint("`lab status` lists the nodes"),
    }
}
