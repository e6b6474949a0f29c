//! `lab psql`.

use super::args::PsqlArgs;
use super::exec::{docker_exec, must_run};
use super::{CliError, Global};
use crate::chaos::Role;
use crate::kinds::{self, DATABASE};
use crate::plan::main_name;
use crate::report::Ui;
use crate::run::RunningLab;
use crate::spec::model::{BoxKind, Kind};

/// Opens psql on the current primary.
pub async fn run(global: &Global, args: &PsqlArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let lab = RunningLab::require(&engine).await?;
    let tier = tier_of(&lab, args.tier.as_deref())?;
    let in_box = matches!(lab.stage.tiers.get(&tier).map(|t| &t.kind), Some(Kind::Box(_)));
    let roles = lab.roles().await;
    let node = lab
        .places
        .iter()
        .filter(|p| p.tier == tier)
        .find(|p| in_box || roles.get(&p.name) == Some(&Role::Primary))
        .ok_or_else(|| {
            CliError::environment(format!("tier {tier} has no primary at this moment"))
                .hint("`lab status`")
        })?;
    ui.detail(&format!("psql on {}", node.name));
    let (user, name) = kinds::database_names(&lab.stage, &tier);
    let mut command: Vec<String> =
        ["psql", "-h", "127.0.0.1", "-U", user, "-d", name].map(str::to_owned).into();
    if let Some(statement) = &args.command {
        command.extend(["-c".into(), statement.clone()]);
    }
    let password = kinds::password(&lab.network.secret, DATABASE);
    let container = main_name(&global.lab, &node.name);
    if let Some(found) = engine.containers().await?.get(&container) {
        must_run(&node.name, found.state)?;
    }
    docker_exec(engine.host(), &container, &command, &[("PGPASSWORD", &password)]).await
}

fn tier_of(lab: &RunningLab, named: Option<&str>) -> Result<String, CliError> {
    let has_database =
        |kind: &Kind| matches!(kind, Kind::Postgres(_) | Kind::Box(BoxKind { database: None, .. }));
    let all: Vec<&String> =
        lab.stage.tiers.iter().filter(|(_, t)| has_database(&t.kind)).map(|(n, _)| n).collect();
    match (named, all.as_slice()) {
        (Some(name), _) if all.iter().any(|t| *t == name) => Ok(name.to_owned()),
        (None, [only]) => Ok((*only).clone()),
        (Some(name), _) => {
            let named = all.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ");
            Err(CliError::usage(format!("`{name}` is not a database tier; there is {named}")))
        }
        (None, []) => Err(CliError::usage("this stage has no database tier")),
        (None, several) => {
            let named = several.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ");
            Err(CliError::usage(format!("name one of the database tiers: {named}")))
        }
    }
}
