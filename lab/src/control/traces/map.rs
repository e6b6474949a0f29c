//! From spans to the map of services. Pure.

use std::collections::{BTreeMap, HashMap};

use super::span::{Kind, Span};
use crate::journal::{Calls, Micros, Service, ServiceMap, Traffic};

/// Who sends requests that nobody else in the lab caused.
const USERS: &str = "users";
/// Who is called where nobody says who it is.
const UNKNOWN: &str = "unknown";

/// The map of what began between `from` and `to`. Spans that are not part of the sample do not count.
/// Users call `entry`; who else says that somebody called it who has told nothing (an edge cache that
/// fetches a page again in the background) was called by no user.
pub fn service_map<'a>(
    spans: impl Iterator<Item = &'a Span> + Clone,
    (from, to): (Micros, Micros),
    sample_percent: f64,
    entry: &str,
) -> ServiceMap {
    // Who did which span, and who served the span that another one caused: across the whole time,
    // because a call and its service may lie on both sides of an end.
    let all = spans.clone().filter(|span| span.sampled);
    let mut doers: HashMap<&str, &str> = HashMap::new();
    let mut served_by: HashMap<&str, &str> = HashMap::new();
    for span in all {
        doers.insert(&span.id, &span.service);
        if let (Kind::Server, Some(parent)) = (span.kind, &span.parent) {
            served_by.insert(parent, &span.service);
        }
    }
    let mut services: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut calls: BTreeMap<(&str, &str), Tally> = BTreeMap::new();
    let mut count = 0;
    for span in spans.filter(|span| span.sampled && (from..to).contains(&span.start)) {
        count += 1;
        let own: &str = &span.service;
        let peer = span.peer.as_deref();
        match span.kind {
            Kind::Internal => {}
            Kind::Client | Kind::Producer => {
                let called = peer.or_else(|| served_by.get(span.id.as_str()).copied());
                calls.entry((own, called.unwrap_or(UNKNOWN))).or_default().add(span);
            }
            Kind::Consumer => {
                services.entry(own).or_default().add(span);
                if let Some(queue) = peer {
                    calls.entry((queue, own)).or_default().add(span);
                }
            }
            Kind::Server => {
                services.entry(own).or_default().add(span);
                let of_users = match span.parent.as_deref() {
                    None => true,
                    Some(id) => own == entry && !doers.contains_key(id),
                };
                if of_users {
                    calls.entry((USERS, own)).or_default().add(span);
                }
            }
        }
    }
    silent(&mut services, &calls);
    let services = services
        .into_iter()
        .map(|(name, tally)| Service { name: name.to_owned(), traffic: tally.traffic() });
    let calls = calls.into_iter().map(|((from, to), tally)| Calls {
        from: from.to_owned(),
        to: to.to_owned(),
        traffic: tally.traffic(),
    });
    let (services, calls) = (services.collect(), calls.collect());
    ServiceMap { from, to, sample_percent, spans: count, services, calls }
}

/// Of those that say nothing themselves (a database, a managed service) their callers tell.
fn silent<'a>(
    services: &mut BTreeMap<&'a str, Tally>,
    calls: &BTreeMap<(&'a str, &'a str), Tally>,
) {
    let mut told: BTreeMap<&str, Tally> = BTreeMap::new();
    for ((_, called), tally) in calls {
        if !services.contains_key(called) {
            told.entry(called).or_default().extend(tally);
        }
    }
    services.extend(told);
}

#[derive(Clone, Debug, Default)]
struct Tally {
    errors: u64,
    took: Vec<u64>,
}

impl Tally {
    fn add(&mut self, span: &Span) {
        self.errors += u64::from(span.error.is_some());
        self.took.push(span.took_us);
    }

    fn extend(&mut self, other: &Self) {
        self.errors += other.errors;
        self.took.extend(&other.took);
    }

    fn traffic(mut self) -> Traffic {
        self.took.sort_unstable();
        // The nearest rank: the smallest value that so many percent do not exceed.
        let quantile = |percent: usize| {
            let rank = (self.took.len() * percent).div_ceil(100).max(1);
            self.took.get(rank - 1).copied().unwrap_or_default()
        };
        let count = self.took.len() as u64;
        Traffic { count, errors: self.errors, p50_us: quantile(50), p99_us: quantile(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, kind: Kind, service: &str, took_us: u64) -> Span {
        Span {
            trace: "t".into(),
            id: id.into(),
            parent: (!parent.is_empty()).then(|| parent.into()),
            sampled: true,
            service: service.into(),
            node: format!("{service}-a1"),
            peer: None,
            kind,
            name: String::new(),
            start: 50,
            took_us,
            error: None,
        }
    }

    fn to(peer: &str, span: Span) -> Span {
        Span { peer: Some(peer.into()), ..span }
    }

    fn failed(span: Span) -> Span {
        Span { error: Some("503".into()), ..span }
    }

    fn map(spans: &[Span]) -> ServiceMap {
        service_map(spans.iter(), (0, 100), 10.0, "cdn")
    }

    fn told(map: &ServiceMap) -> Vec<String> {
        let line = |t: &Traffic| format!("{} {} {} {}", t.count, t.errors, t.p50_us, t.p99_us);
        let services = map.services.iter().map(|s| format!("{}: {}", s.name, line(&s.traffic)));
        let calls =
            map.calls.iter().map(|c| format!("{} -> {}: {}", c.from, c.to, line(&c.traffic)));
        services.chain(calls).collect()
    }

    #[test]
    fn who_was_called_by_somebody_who_says_nothing_was_called_by_no_user() {
        let spans = [
            span("1", "browser", Kind::Server, "cdn", 9),
            span("2", "refresh", Kind::Server, "lb", 7),
            span("3", "", Kind::Server, "lb", 7),
        ];
        let calls = map(&spans).calls;
        let users: Vec<_> = calls.iter().map(|c| (&*c.from, &*c.to, c.traffic.count)).collect();
        assert_eq!(users, [("users", "cdn", 1), ("users", "lb", 1)]);
    }

    #[test]
    fn a_request_on_its_way_from_the_edge_to_the_stores() {
        let spans = [
            span("1", "", Kind::Server, "cdn", 9),
            span("2", "1", Kind::Client, "cdn", 8),
            span("3", "2", Kind::Server, "web", 7),
            to("db", span("4", "3", Kind::Client, "web", 3)),
            failed(to("db", span("5", "3", Kind::Client, "web", 2))),
            span("6", "3", Kind::Internal, "web", 1),
        ];
        assert_eq!(
            told(&map(&spans)),
            [
                "cdn: 1 0 9 9",
                "db: 2 1 2 3",
                "web: 1 0 7 7",
                "cdn -> web: 1 0 8 8",
                "users -> cdn: 1 0 9 9",
                "web -> db: 2 1 2 3",
            ]
        );
    }

    #[test]
    fn messages_go_through_their_queue() {
        let spans = [
            to("sqs", span("2", "1", Kind::Producer, "web", 4)),
            failed(to("sqs", span("3", "1", Kind::Consumer, "mailer", 30))),
        ];
        assert_eq!(
            told(&map(&spans)),
            [
                "mailer: 1 1 30 30",
                "sqs: 1 0 4 4",
                "sqs -> mailer: 1 1 30 30",
                "web -> sqs: 1 0 4 4"
            ]
        );
    }

    #[test]
    fn a_call_to_nobody_known_is_still_a_call() {
        let spans = [span("2", "1", Kind::Client, "lb", 4)];
        assert_eq!(told(&map(&spans)), ["unknown: 1 0 4 4", "lb -> unknown: 1 0 4 4"]);
    }

    #[test]
    fn what_was_kept_because_it_failed_says_nothing_about_how_many_there_were() {
        let mut kept = failed(span("1", "", Kind::Server, "web", 9));
        kept.sampled = false;
        let map = map(&[kept, span("2", "", Kind::Server, "web", 5)]);
        assert_eq!(told(&map), ["web: 1 0 5 5", "users -> web: 1 0 5 5"]);
        assert_eq!(map.spans, 1);
    }

    #[test]
    fn only_what_began_in_time_counts_and_a_caller_before_it_is_known() {
        let early = Span { start: -5, ..span("1", "", Kind::Client, "cdn", 80) };
        let late = Span { start: 100, ..span("3", "", Kind::Server, "web", 9) };
        let spans = [early, span("2", "1", Kind::Server, "web", 5), late];
        assert_eq!(told(&map(&spans)), ["web: 1 0 5 5"]);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let spans: Vec<Span> =
            (1..=200).rev().map(|n| span("1", "", Kind::Server, "web", n)).collect();
        assert_eq!(told(&map(&spans))[0], "web: 200 0 100 198");
        assert_eq!(told(&map(&[])), Vec::<String>::new());
    }
}
