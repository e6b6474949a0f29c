//! `lab list`.

use serde_json::json;

use super::args::FormatArgs;
use super::{CliError, Format};
use crate::report::Ui;
use crate::report::listing::Column::{Prose, Value};
use crate::report::listing::plain;
use crate::spec;
use crate::spec::model::Stage;
use crate::spec::slots::all_slots;

/// Lists the built-in stages in order of growth.
pub fn run(args: &FormatArgs, ui: &Ui) -> Result<u8, CliError> {
    let rows = rows()?;
    if args.format == Format::Json {
        let list: Vec<_> = rows
            .iter()
            .map(|(s, nodes)| {
                json!({"stage": s.stage, "users": s.users, "nodes": nodes, "title": s.title})
            })
            .collect();
        ui.json(&json!({ "stages": list }));
        return Ok(0);
    }
    ui.result(&text(&rows, ui.width()));
    Ok(0)
}

/// Every built-in stage with the number of its nodes.
pub(super) fn rows() -> Result<Vec<(Stage, usize)>, CliError> {
    let loaded = spec::builtin().into_iter().map(|built_in| {
        let (stage, _) = spec::load(built_in.name)?;
        let nodes = all_slots(&stage).len();
        Ok((stage, nodes))
    });
    loaded.collect()
}

/// The same as a table.
pub(super) fn text(rows: &[(Stage, usize)], width: usize) -> String {
    plain(
        &[Value("STAGE"), Value("USERS"), Value("NODES"), Prose("WHAT IT IS")],
        rows.iter().map(|(s, nodes)| {
            vec![s.stage.clone(), s.users.to_string(), nodes.to_string(), s.title.clone()]
        }),
        width,
    )
}
