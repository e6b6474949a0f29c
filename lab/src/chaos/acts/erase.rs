//! A disk that is lost with its host.
//!
//! A volume cannot be emptied while nothing runs on it, and taking it away would take the container
//! with it. So a mark is left on it, and whatever starts there next begins with an empty disk.

use super::{Effect, Proof};
use crate::engine::EngineError;
use crate::plan::node::ConfigFile;

/// The mark, in the folder that every node with a disk has it at.
const DISK: &str = "/data";
const MARK: &str = ".lost";

pub(super) async fn erase(e: &Effect<'_>) -> Result<(), EngineError> {
    let (engine, container) = (e.injector.engine, e.container());
    if !engine.has_volume(&container, DISK).await? {
        return Ok(());
    }
    let mark = ConfigFile { path: format!("{DISK}/{MARK}"), content: String::new() };
    engine.upload(&container, &[mark]).await
}

pub(super) async fn confirm(e: &Effect<'_>) -> Result<Proof, EngineError> {
    let (engine, container, node) = (e.injector.engine, e.container(), e.act.node());
    if !engine.has_volume(&container, DISK).await? {
        return Ok(Ok(format!("{node}: has no disk")));
    }
    Ok(match engine.has_file(&container, &format!("{DISK}/{MARK}")).await? {
        true => Ok(format!("{node}: its disk is gone")),
        false => Err(format!("{node} still has its disk")),
    })
}
