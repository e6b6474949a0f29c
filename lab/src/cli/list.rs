//! `lab list`.

use serde_json::json;

use super::args::FormatArgs;
use super::{CliError, Format};
use crate::report::Ui;
use crate::spec;
use crate::spec::slots::all_slots;

/// Lists the built-in stages in order of growth.
pub fn run(args: &FormatArgs, ui: &Ui) -> Result<u8, CliError> {
    let mut rows = Vec::new();
    for built_in in spec::builtin() {
        let (stage, _) = spec::load(built_in.name)?;
        let nodes = all_slots(&stage).len();
        rows.push((stage, nodes));
    }
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
    let table = super::show::table(
        &["STAGE", "USERS", "NODES", "WHAT IT IS"],
        rows.iter().map(|(s, nodes)| {
            vec![s.stage.clone(), s.users.to_string(), nodes.to_string(), s.title.clone()]
        }),
    );
    ui.result(&table);
    Ok(0)
}
