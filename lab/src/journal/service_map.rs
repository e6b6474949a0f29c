//! The map of services: who called whom in a stretch of time, how often, with how many errors, and
//! how long it took. Made from traces, so from a sample of all requests.

use serde::{Deserialize, Serialize};

use super::{Micros, Phase};

/// A map, as it stood in a phase of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapped {
    /// Which phase.
    pub phase: Phase,
    /// The map.
    pub map: ServiceMap,
}

/// Who called whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceMap {
    /// The stretch of time.
    pub from: Micros,
    /// Its end.
    pub to: Micros,
    /// Share of the requests that were traced, in percent: rates are multiplied accordingly.
    pub sample_percent: f64,
    /// Spans that it was made from.
    pub spans: u64,
    /// Who served, by name.
    pub services: Vec<Service>,
    /// Who called whom, by name.
    pub calls: Vec<Calls>,
}

/// What one service served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name: a tier, or a managed service.
    pub name: String,
    /// What it served; of one that says nothing itself, what its callers say.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// What one service asked of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// The caller.
    pub from: String,
    /// The called.
    pub to: String,
    /// The calls.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// How many, and how long they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Spans.
    pub count: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Median of what they took, in microseconds.
    pub p50_us: u64,
    /// 99th percentile of what they took, in microseconds.
    pub p99_us: u64,
}

impl Traffic {
    /// Share of errors, in percent.
    pub fn error_percent(&self) -> f64 {
        self.errors as f64 * 100.0 / self.count.max(1) as f64
    }
}

impl ServiceMap {
    /// Such traffic in a second, of all requests and not only those that were traced.
    pub fn per_s(&self, traffic: &Traffic) -> f64 {
        let seconds = (self.to - self.from).max(1) as f64 / 1e6;
        traffic.count as f64 * 100.0 / self.sample_percent.max(f64::MIN_POSITIVE) / seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Entry, Event};

    #[test]
    fn a_map_survives_the_journal() {
        let traffic = Traffic { count: 7, errors: 1, p50_us: 900, p99_us: 2000 };
        let (from, to) = ("web".to_owned(), "db".to_owned());
        let map = ServiceMap {
            sample_percent: 5.0,
            services: vec![Service { name: from.clone(), traffic }],
            calls: vec![Calls { from, to, traffic }],
            ..ServiceMap::default()
        };
        let event = Event::ServiceMap(Mapped { phase: Phase::Fault, map });
        let line = serde_json::to_string(&Entry { at: 3, event: event.clone() }).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), Entry { at: 3, event }, "{line}");
    }

    #[test]
    fn rates_are_those_of_all_requests() {
        let map = ServiceMap { to: 10_000_000, sample_percent: 5.0, ..ServiceMap::default() };
        let traffic = Traffic { count: 30, errors: 3, ..Traffic::default() };
        assert_eq!(map.per_s(&traffic), 60.0);
        assert_eq!(traffic.error_percent(), 10.0);
    }
}
