//! What the answers of a crowd say, counted.

use std::time::Duration;

use super::{Order, Reply};
use crate::journal::CrowdAnswered;

/// Sums up.
pub(super) fn tally(
    order: &Order,
    target: String,
    in_flight: u32,
    replies: &[Reply],
) -> CrowdAnswered {
    let count = |fits: &dyn Fn(&Reply) -> bool| {
        u32::try_from(replies.iter().filter(|r| fits(r)).count()).unwrap_or(u32::MAX)
    };
    let fetched = |r: &Reply| is_fetch(r.answer.edge.as_deref());
    let mut times: Vec<Duration> = replies.iter().map(|r| r.took).collect();
    times.sort_unstable();
    let p99 = (times.len() * 99).div_ceil(100).saturating_sub(1);
    let micros = |time: Option<&Duration>| {
        time.map_or(0, |t| u64::try_from(t.as_micros()).unwrap_or(u64::MAX))
    };
    CrowdAnswered {
        id: order.id.clone(),
        path: target,
        asked: order.clients.into(),
        in_flight,
        answered: count(&|_| true),
        good: count(&|r| r.answer.is_good()),
        origin_fetches: count(&fetched),
        // What an edge cache kept says what became of the request that brought it, not of this one.
        loads: count(&|r| fetched(r) && r.answer.is_good() && is_load(r.answer.shop.as_deref())),
        p99_us: micros(times.get(p99)),
        max_us: micros(times.last()),
    }
}

/// Whether an edge cache asked its origin, by nginx's words. Without any there is no edge cache.
fn is_fetch(status: Option<&str>) -> bool {
    !matches!(status, Some("HIT" | "STALE" | "UPDATING"))
}

/// Whether the application read its database, by its own words. Without any it has no cache.
fn is_load(cache: Option<&str>) -> bool {
    !matches!(cache, Some("hit" | "joined" | "stale"))
}

#[cfg(test)]
mod tests {
    use super::super::answer::Answer;
    use super::*;

    fn order() -> Order {
        Order {
            id: "f1".into(),
            site: crate::load::Site::default(),
            clients: 300,
            asked: crate::spec::workload::Asked::literally("/p"),
            workload: std::sync::Arc::default(),
            signed_in: false,
            cold: false,
            patience: Duration::ZERO,
        }
    }

    fn reply(status: u16, edge: Option<&str>, shop: Option<&str>, ms: u64) -> Reply {
        let (edge, shop) = (edge.map(str::to_owned), shop.map(str::to_owned));
        let answer = Answer { status, edge, shop, body: Vec::new() };
        Reply { answer, took: Duration::from_millis(ms) }
    }

    #[test]
    fn every_word_of_an_edge_cache_is_a_fetch_or_none() {
        for (word, fetch) in [
            ("MISS", true),
            ("EXPIRED", true),
            ("BYPASS", true),
            ("PASS", true),
            ("REVALIDATED", true),
            ("HIT", false),
            ("STALE", false),
            ("UPDATING", false),
        ] {
            let found = tally(&order(), "/p".into(), 1, &[reply(200, Some(word), Some("miss"), 1)]);
            assert_eq!((found.origin_fetches, found.loads), (fetch.into(), fetch.into()), "{word}");
        }
    }

    #[test]
    fn every_word_of_the_shop_is_a_load_or_none() {
        for (word, load) in [("miss", 1), ("off", 1), ("hit", 0), ("joined", 0), ("stale", 0)] {
            let found = tally(&order(), "/p".into(), 1, &[reply(200, None, Some(word), 1)]);
            assert_eq!((found.origin_fetches, found.loads), (1, load), "{word}");
        }
    }

    #[test]
    fn without_caches_every_answer_is_both_and_a_failure_is_no_load() {
        let replies = [reply(200, None, None, 1), reply(503, None, None, 1)];
        let found = tally(&order(), "/p".into(), 2, &replies);
        assert_eq!((found.answered, found.good, found.origin_fetches, found.loads), (2, 1, 2, 1));
        assert_eq!((found.asked, found.in_flight, &*found.id, &*found.path), (300, 2, "f1", "/p"));
    }

    #[test]
    fn of_two_hundred_times_the_third_longest_is_the_99th_percentile() {
        let replies: Vec<Reply> = (1..=200).rev().map(|ms| reply(200, None, None, ms)).collect();
        let found = tally(&order(), "/p".into(), 0, &replies);
        assert_eq!((found.p99_us, found.max_us), (198_000, 200_000));
        let none = tally(&order(), "/p".into(), 0, &[]);
        assert_eq!((none.answered, none.p99_us, none.max_us), (0, 0, 0));
        assert_eq!(tally(&order(), "/p".into(), 0, &replies[..1]).p99_us, 200_000);
    }
}
