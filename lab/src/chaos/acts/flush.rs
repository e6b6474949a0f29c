//! A cache that is emptied.

use super::{Before, Effect, Proof};
use crate::engine::EngineError;

/// The password stands in the node's own configuration.
const CLI: &str =
    "export REDISCLI_AUTH=\"$(sed -n 's/^requirepass //p' /etc/lab/redis.conf)\"; redis-cli";

/// How often the cache was emptied, and how many keys it holds.
pub(super) async fn before(e: &Effect<'_>) -> Result<Before, EngineError> {
    let (flushes, keys) = counts(e).await?;
    Ok(Before { flushes, keys, ..Before::default() })
}

pub(super) async fn flush(e: &Effect<'_>) -> Result<(), EngineError> {
    run(e, "flushall").await.map(drop)
}

pub(super) async fn confirm(e: &Effect<'_>, before: &Before) -> Result<Proof, EngineError> {
    let node = e.act.node();
    let (flushes, _) = counts(e).await?;
    Ok(if flushes > before.flushes {
        Ok(format!("{node}: emptied, it held {} keys", before.keys))
    } else {
        Err(format!("{node} was not emptied"))
    })
}

async fn counts(e: &Effect<'_>) -> Result<(u64, u64), EngineError> {
    Ok((flushes(&run(e, "info commandstats").await?), keys(&run(e, "dbsize").await?)))
}

/// `cmdstat_flushall:calls=2,usec=…`
fn flushes(stats: &str) -> u64 {
    stats
        .lines()
        .find_map(|l| l.strip_prefix("cmdstat_flushall:calls=")?.split(',').next()?.parse().ok())
        .unwrap_or(0)
}

fn keys(size: &str) -> u64 {
    size.trim().trim_start_matches("(integer) ").parse().unwrap_or(0)
}

async fn run(e: &Effect<'_>, command: &str) -> Result<String, EngineError> {
    let script = format!("{CLI} {command}");
    e.injector.engine.exec_ok(&e.container(), &["sh", "-c", &script]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_is_read() {
        let stats = "# Commandstats\r\ncmdstat_get:calls=9,usec=1\r\n\
                     cmdstat_flushall:calls=2,usec=40,usec_per_call=20\r\n";
        assert_eq!(flushes(stats), 2);
        assert_eq!(flushes("cmdstat_get:calls=9,usec=1"), 0);
        assert_eq!(keys("17\n"), 17);
        assert_eq!(keys("(integer) 17\n"), 17);
    }
}
