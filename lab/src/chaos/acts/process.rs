//! Processes that are killed or frozen.

use super::{Before, Effect, Proof};
use crate::engine::EngineError;
use crate::spec::model::BoxProcess;

pub(super) async fn before_kill(e: &Effect<'_>) -> Result<Before, EngineError> {
    let started_at = e.injector.engine.started_at(&e.container()).await?;
    Ok(Before { started_at, ..Before::default() })
}

pub(super) async fn confirm_kill(e: &Effect<'_>, before: &Before) -> Result<Proof, EngineError> {
    let (node, container) = (e.act.node(), e.container());
    let engine = e.injector.engine;
    let state = engine.state_in_words(&container).await?;
    Ok(if state.starts_with("exited") {
        Ok(format!("{node}: {state}"))
    } else if !e.hold && engine.started_at(&container).await? != before.started_at {
        Ok(format!("{node}: killed, and already started again"))
    } else {
        Err(format!("{node} is {state}"))
    })
}

pub(super) async fn confirm_freeze(e: &Effect<'_>) -> Result<Proof, EngineError> {
    let node = e.act.node();
    Ok(match e.injector.engine.state_in_words(&e.container()).await?.as_str() {
        "paused" => Ok(format!("{node}: paused")),
        other => Err(format!("{node} is {other}")),
    })
}

pub(super) async fn before_kill_process(
    e: &Effect<'_>,
    process: BoxProcess,
) -> Result<Before, EngineError> {
    Ok(Before { pid: pid(e, process).await?, ..Before::default() })
}

pub(super) async fn kill(e: &Effect<'_>, process: BoxProcess) -> Result<(), EngineError> {
    let script = format!("kill -9 \"$({})\"", read_pid(process));
    e.injector.engine.exec_ok(&e.container(), &["sh", "-c", &script]).await.map(drop)
}

pub(super) async fn confirm_kill_process(
    e: &Effect<'_>,
    process: BoxProcess,
    before: &Before,
) -> Result<Proof, EngineError> {
    let node = e.act.node();
    let pid = pid(e, process).await?;
    Ok(if before.pid.is_empty() {
        Err(format!("{node}: no such process before the fault"))
    } else if pid == before.pid && lives(e, &pid).await? {
        Err(format!("{node}: process {pid} still runs"))
    } else {
        Ok(format!("{node}: process {} is gone", before.pid))
    })
}

async fn pid(e: &Effect<'_>, process: BoxProcess) -> Result<String, EngineError> {
    let read = e.injector.engine.exec(&e.container(), &["sh", "-c", read_pid(process)]).await?;
    Ok(read.output.trim().to_owned())
}

async fn lives(e: &Effect<'_>, pid: &str) -> Result<bool, EngineError> {
    let asked = format!("kill -0 {pid}");
    Ok(e.injector.engine.exec(&e.container(), &["sh", "-c", &asked]).await?.code == 0)
}

/// Shell command that prints the id of a supervised process in a box.
fn read_pid(process: BoxProcess) -> &'static str {
    match process {
        BoxProcess::Nginx => "cat /tmp/service/nginx/supervise/pid",
        BoxProcess::App => "cat /tmp/service/app/supervise/pid",
        BoxProcess::Postgres => "cat /tmp/service/postgres/supervise/pid",
    }
}
