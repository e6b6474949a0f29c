//! A read replica that replays late: it has received everything, and shows what was true before.
//!
//! The setting goes into the file that Patroni's own configuration includes. Patroni takes a delay
//! out of its own file and out of what `ALTER SYSTEM` writes within one of its turns; one of an
//! included file is the owner's business (`check_recovery_conf` of Patroni 4).

use super::{Effect, Proof};
use crate::engine::{Engine, EngineError};
use crate::plan::main_name;

const FILE: &str = "/data/pgdata/postgresql.base.conf";
const FORGET: &str = "sed -i /^recovery_min_apply_delay/d /data/pgdata/postgresql.base.conf";

/// Lets the replica wait with each commit until it is so old.
pub(super) async fn delay(e: &Effect<'_>, by_ms: u64) -> Result<(), EngineError> {
    let set = format!("{FORGET} && echo \"recovery_min_apply_delay = '{by_ms}ms'\" >>{FILE}");
    change(e.injector.engine, e.act.node(), &set).await
}

/// The setting is there, and something was received that is not replayed yet.
pub(super) async fn confirm(e: &Effect<'_>, by_ms: u64) -> Result<Proof, EngineError> {
    let node = e.act.node();
    let (late_ms, behind) = state(e.injector.engine, node).await?;
    Ok(if late_ms != by_ms {
        Err(format!("{node} replays {late_ms} ms late instead of {by_ms}"))
    } else if behind == 0 {
        Err(format!("{node} is not behind yet"))
    } else {
        Ok(format!("{node}: replays {late_ms} ms late, {behind} bytes behind"))
    })
}

/// Lets a replica replay at once again.
pub(in crate::chaos) async fn catch_up(engine: &Engine, node: &str) -> Result<(), EngineError> {
    change(engine, node, FORGET).await
}

/// By how many milliseconds a replica replays late, on purpose.
pub(in crate::chaos) async fn late(engine: &Engine, node: &str) -> Result<u64, EngineError> {
    state(engine, node).await.map(|(late_ms, _)| late_ms)
}

async fn change(engine: &Engine, node: &str, script: &str) -> Result<(), EngineError> {
    let container = main_name(engine.lab(), node);
    engine.exec_ok(&container, &["sh", "-c", script]).await?;
    psql(engine, node, &["-c", "SELECT pg_reload_conf()"]).await.map(drop)
}

/// The delay in milliseconds, and the bytes that were received and are not replayed.
async fn state(engine: &Engine, node: &str) -> Result<(u64, u64), EngineError> {
    let question = "SELECT (SELECT setting FROM pg_settings \
                    WHERE name = 'recovery_min_apply_delay'), \
                    pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint";
    let answer = psql(engine, node, &["-c", question]).await?;
    let read = |text: &str| -> Option<(u64, u64)> {
        let (late, behind) = text.trim().split_once('|')?;
        Some((late.parse().ok()?, behind.parse().unwrap_or(0)))
    };
    read(&answer).ok_or_else(|| EngineError::Corrupt(format!("the state of {node}: {answer}")))
}

async fn psql(engine: &Engine, node: &str, arguments: &[&str]) -> Result<String, EngineError> {
    let container = main_name(engine.lab(), node);
    let mut command = vec!["psql", "-X", "-A", "-t", "-q", "-h", "/tmp", "-U", "postgres"];
    command.extend(["-v", "ON_ERROR_STOP=1"]);
    command.extend(arguments);
    engine.exec_ok(&container, &command).await
}
