//! A disk that is lost with its host.
//!
//! A volume cannot be emptied while something runs on it, and taking it away would take the container
//! with it. So our own images find a mark on it, and whatever starts there next begins with an empty disk. The
//! folders of somebody else's image are emptied: it has ended by then.

use super::{Effect, Proof};
use crate::engine::EngineError;
use crate::plan::node::ConfigFile;

/// The mark, in the folder that every node of ours with a disk has it at.
const DISK: &str = "/data";
const MARK: &str = ".lost";

/// Whether it is of kind `container`.
async fn is_theirs(e: &Effect<'_>) -> Result<bool, EngineError> {
    let kind = e.injector.engine.label_of(&e.container(), "lab.kind").await?;
    Ok(kind.as_deref() == Some("container"))
}

pub(super) async fn erase(e: &Effect<'_>) -> Result<(), EngineError> {
    let (engine, container) = (e.injector.engine, e.container());
    if is_theirs(e).await? {
        return engine.renew_volumes(&container, e.injector.image).await.map(drop);
    }
    if !engine.has_volume(&container, DISK).await? {
        return Ok(());
    }
    let mark = ConfigFile { path: format!("{DISK}/{MARK}"), content: String::new() };
    engine.upload(&container, &[mark]).await
}

pub(super) async fn confirm(e: &Effect<'_>) -> Result<Proof, EngineError> {
    let (engine, container, node) = (e.injector.engine, e.container(), e.act.node());
    if is_theirs(e).await? {
        // Whoever emptied them has looked.
        return Ok(Ok(format!("{node}: what it kept is gone")));
    }
    if !engine.has_volume(&container, DISK).await? {
        return Ok(Ok(format!("{node}: has no disk")));
    }
    Ok(match engine.has_file(&container, &format!("{DISK}/{MARK}")).await? {
        true => Ok(format!("{node}: its disk is gone")),
        false => Err(format!("{node} still has its disk")),
    })
}
