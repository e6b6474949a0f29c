//! `lab exec`: hands the terminal over to the Docker client, which knows terminals best.

use super::args::ExecArgs;
use super::logs::unknown_node;
use super::{CliError, Global};
use crate::engine::Host;
use crate::plan::main_name;
use crate::plan::observed::{Part, State};
use crate::report;
use crate::run::RunningLab;

/// Runs a command in a node and returns its exit code.
pub async fn run(global: &Global, args: &ExecArgs) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let container = main_name(&global.lab, &args.node);
    RunningLab::require(&engine).await?;
    let containers = engine.containers().await?;
    let Some(found) = containers.get(&container) else {
        let mains = containers.into_values().filter(|c| c.part == Part::Main);
        return Err(unknown_node(&args.node, &mains.map(|c| c.node).collect::<Vec<_>>()));
    };
    must_run(&args.node, found.state)?;
    docker_exec(engine.host(), &container, &args.command, &[]).await
}

/// Nothing can be run in a node that has ended or is frozen.
pub fn must_run(node: &str, state: State) -> Result<(), CliError> {
    if state == State::Running {
        return Ok(());
    }
    let how = if state == State::Paused { "is frozen" } else { "does not run" };
    Err(CliError::environment(format!("{node} {how} at this moment"))
        .hint("`lab status` shows its state; `lab heal` undoes an active fault"))
}

/// `docker exec` with our own terminal, if we have one, on the engine that we talk to.
pub async fn docker_exec(
    host: &Host,
    container: &str,
    command: &[String],
    env: &[(&str, &str)],
) -> Result<u8, CliError> {
    let mut docker = tokio::process::Command::new("docker");
    // It refuses to be told both; TLS is not ours.
    docker.env_remove("DOCKER_CONTEXT").env_remove("DOCKER_TLS_VERIFY").env_remove("DOCKER_TLS");
    docker.args(["--host", &host.address, "exec", "-i"]);
    if report::is_interactive() {
        docker.arg("-t");
    }
    for (key, value) in env {
        // By name: what stands in the arguments can be read by everybody on this machine.
        docker.arg("-e").arg(key).env(key, value);
    }
    let status = docker.arg(container).args(command).status().await.map_err(|e| {
        CliError::environment(format!("cannot run the `docker` command: {e}"))
            .hint("install Docker's command-line client")
    })?;
    Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
