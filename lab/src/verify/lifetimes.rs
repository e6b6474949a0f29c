//! How old what lists show may be by the time it reaches users, as the stage says it: the sum of
//! what each part on the way may keep.
//!
//! The shop says of its pages how long they may be kept (`Cache-Control: max-age`), and nginx prefers
//! that to the rule of the stage. What an edge serves past that time is marked (`STALE`, `UPDATING`)
//! and no matter of this sum.

use crate::journal::Micros;
use crate::spec::model::{Cdn, Kind, Service, Stage, Tier};

/// nginx counts the life of an answer in whole seconds and serves it until the last of them is over
/// (`valid_sec < now`): up to this much longer than it was told.
const EDGE_GRAIN_MS: u64 = 1000;

/// The demo application's own settings where the stage does not set them (`images/app/src/config`):
/// how long pages may be kept, in seconds; how long its cache keeps a value; and how late a replica
/// may be before it is left out.
const PAGE_TTL_S: u64 = 2;
const CACHE_TTL_MS: u64 = 2000;
const REPLICA_MAX_LAG_MS: u64 = 1000;

/// What each part may add to the age of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// The edge cache; `None` when it keeps no such pages.
    pub edge: Option<Micros>,
    /// The shop's cache; `None` when there is none.
    pub shop: Option<Micros>,
    /// A read replica that is just not left out; 0 without replicas.
    pub replica: Micros,
    /// The answer itself: it shows the state at the beginning of a statement, which may take as long
    /// as the shop lets it. Usually it takes milliseconds, and the rest is room for what a busy
    /// machine adds between reading a clock and answering.
    pub slack: Micros,
}

impl Lifetimes {
    /// Of the pages with these paths, such as `/posts`.
    pub fn of(stage: &Stage, paths: &[String]) -> Self {
        let services: Vec<&Service> = services(stage).collect();
        let longest =
            |of: &dyn Fn(&Service) -> Option<u64>| services.iter().filter_map(|s| of(s)).max();
        let shop = longest(&|s| caches(s).then(|| number(s, "CACHE_TTL_MS", CACHE_TTL_MS)));
        let splits = |s: &Service| {
            s.habits.read_split.then(|| number(s, "REPLICA_MAX_LAG_MS", REPLICA_MAX_LAG_MS))
        };
        let replica = if has_replicas(stage) { longest(&splits) } else { None };
        Self {
            edge: paths.iter().filter_map(|path| edge_ms(stage, path, &services)).max().map(micros),
            shop: shop.map(micros),
            replica: replica.map_or(0, micros),
            slack: longest(&|s| Some(s.habits.statement_timeout_ms)).map_or(0, micros),
        }
    }

    /// All together.
    pub fn total(&self) -> Micros {
        [self.edge.unwrap_or(0), self.shop.unwrap_or(0), self.replica, self.slack]
            .into_iter()
            .fold(0, Micros::saturating_add)
    }
}

/// Whether anything in the stage keeps answers: an edge cache without rules keeps none.
pub fn has_cache(stage: &Stage) -> bool {
    let keeps = |tier: &Tier| matches!(&tier.kind, Kind::Cdn(cdn) if !cdn.rules.is_empty());
    stage.tiers.values().any(keeps) || services(stage).any(caches)
}

fn services(stage: &Stage) -> impl Iterator<Item = &Service> {
    stage.tiers.values().filter_map(|tier| match &tier.kind {
        Kind::Service(service) => Some(service),
        _ => None,
    })
}

fn caches(service: &Service) -> bool {
    service.cache.is_some() && service.habits.cache
}

fn has_replicas(stage: &Stage) -> bool {
    stage.tiers.values().any(|tier| match &tier.kind {
        Kind::Postgres(postgres) => postgres.replicas.values().any(|count| *count > 0),
        _ => false,
    })
}

/// How long the edge serves a page as new: what the shop says, or for another image the rule.
fn edge_ms(stage: &Stage, path: &str, services: &[&Service]) -> Option<u64> {
    let Kind::Cdn(cdn) = &stage.tiers.get(&stage.traffic.entry)?.kind else { return None };
    let rule_s = rule_ttl_s(cdn, path)?;
    let shops = services.iter().filter(|service| service.is_ours());
    let page_s = shops.map(|shop| number(shop, "PAGE_TTL_S", PAGE_TTL_S)).max().unwrap_or(rule_s);
    // What may be kept for no time at all is not kept.
    (page_s > 0).then(|| page_s.saturating_mul(1000).saturating_add(EDGE_GRAIN_MS))
}

/// The rule of the longest path that fits, as nginx chooses it: an exact one before all others.
fn rule_ttl_s(cdn: &Cdn, path: &str) -> Option<u64> {
    let length = |rule: &str| match rule.strip_suffix('*') {
        Some(stem) => path.starts_with(stem).then_some(stem.len()),
        None => (rule == path).then_some(usize::MAX),
    };
    let fitting = cdn.rules.iter().filter_map(|rule| Some((length(&rule.path)?, rule.ttl_s)));
    fitting.max_by_key(|(length, _)| *length).map(|(_, ttl_s)| ttl_s.into())
}

fn number(service: &Service, name: &str, default: u64) -> u64 {
    service.env.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn micros(ms: u64) -> Micros {
    i64::try_from(ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Micros = 1000;

    fn stage(name: &str, change: impl Fn(&str) -> String) -> Stage {
        let built_in = crate::spec::builtin().into_iter().find(|s| s.name == name).unwrap();
        serde_yaml::from_str(&change(built_in.text)).unwrap()
    }

    /// Of the built-in stage with some text in it replaced.
    fn of(name: &str, from: &str, to: &str) -> Lifetimes {
        let stage = stage(name, |text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        Lifetimes::of(&stage, &["/posts".to_owned()])
    }

    #[test]
    fn without_caches_there_are_replicas_and_statements() {
        let plain = of("stage-1k", "", "");
        assert_eq!(plain, Lifetimes { slack: 1000 * MS, ..Lifetimes::default() });
        assert_eq!(of("stage-10k", "", ""), Lifetimes { replica: 1000 * MS, ..plain });
        let primary_only = "    database: db\n    habits: {read_split: false}\n";
        assert_eq!(of("stage-10k", "    database: db\n", primary_only), plain);
    }

    #[test]
    fn each_part_on_the_way_adds_to_the_sum() {
        let all = of("stage-100k", "", "");
        assert_eq!((all.edge, all.shop), (Some(3000 * MS), Some(2000 * MS)));
        assert_eq!((all.replica, all.slack, all.total()), (1000 * MS, 1000 * MS, 7000 * MS));
        assert!(has_cache(&stage("stage-100k", str::to_owned)));
        assert!(!has_cache(&stage("stage-10k", str::to_owned)));
    }

    #[test]
    fn what_the_stage_says_of_a_part_counts() {
        let cache = "    cache: cache\n";
        let with = |line: &str| of("stage-100k", cache, &format!("{cache}    {line}\n"));
        assert_eq!(with("env: {CACHE_TTL_MS: \"9000\"}").shop, Some(9000 * MS));
        assert_eq!(with("env: {PAGE_TTL_S: \"7\"}").edge, Some(8000 * MS));
        assert_eq!(with("env: {PAGE_TTL_S: \"0\"}").edge, None);
        assert_eq!(with("env: {REPLICA_MAX_LAG_MS: \"5\"}").replica, 5 * MS);
        assert_eq!(with("habits: {cache: false}").shop, None);
        assert_eq!(with("habits: {statement_timeout_ms: 300}").slack, 300 * MS);
        let no_rule = of("stage-100k", "      - {path: /posts*, ttl_s: 1}\n", "");
        assert_eq!(no_rule.edge, None);
    }

    #[test]
    fn of_an_image_that_is_not_ours_the_rule_is_known() {
        assert_eq!(of("stage-100k", "    image: app\n", "    image: mine\n").edge, Some(2000 * MS));
    }

    #[test]
    fn the_longest_path_decides_and_an_exact_one_before_all() {
        let rules = |more: &str| {
            let rule = "      - {path: /posts*, ttl_s: 1}\n";
            let stage = stage("stage-100k", |text| text.replace(rule, &format!("{rule}{more}")));
            let Kind::Cdn(cdn) = &stage.tiers["cdn"].kind else { panic!() };
            rule_ttl_s(cdn, "/posts")
        };
        assert_eq!(rules(""), Some(1));
        assert_eq!(rules("      - {path: /pos*, ttl_s: 9}\n"), Some(1));
        assert_eq!(rules("      - {path: /posts, ttl_s: 8}\n"), Some(8));
    }

    /// The application's defaults stand in its own crate.
    #[test]
    fn the_defaults_are_those_of_the_application() {
        let read = |path: &str| {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../images/app/src/config/");
            std::fs::read_to_string(format!("{root}{path}")).unwrap()
        };
        let has = |text: String, words: String| assert!(text.contains(&words), "{words}");
        has(read("mod.rs"), format!("\"PAGE_TTL_S\", {PAGE_TTL_S},"));
        has(read("cache.rs"), format!("\"CACHE_TTL_MS\", {CACHE_TTL_MS})"));
        has(read("replicas.rs"), format!("\"REPLICA_MAX_LAG_MS\", {REPLICA_MAX_LAG_MS})"));
    }
}
