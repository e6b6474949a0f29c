use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::toxic::{Chunk, Ending, Kind};

const MS: Duration = Duration::from_millis(1);

fn toxic(id: u64, kind: &str, attributes: Value) -> Toxic {
    let kind = Kind::of_type(kind).unwrap().with(attributes.as_object().unwrap()).unwrap();
    let stream = Stream::Downstream;
    Toxic { id, revision: 0, name: id.to_string(), stream, toxicity: 1.0, kind }
}

fn latency(id: u64, ms: u64) -> Toxic {
    toxic(id, "latency", json!({"latency": ms}))
}

struct Chain {
    pipeline: Pipeline,
    start: Instant,
}

impl Chain {
    fn of(toxics: &[Toxic]) -> Self {
        let start = Instant::now();
        Self { pipeline: Pipeline::new(Stream::Downstream, toxics, start), start }
    }

    fn read(&mut self, text: &str, at: Duration) {
        assert!(self.pipeline.wants_input(), "no room for {text}");
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.pipeline.push(Item::Data(Chunk { bytes, since: self.start + at }));
        self.pipeline.advance(self.start + at);
    }

    /// Everything that is written at this time.
    fn written(&mut self, at: Duration) -> String {
        let mut all = String::new();
        loop {
            self.pipeline.advance(self.start + at);
            match self.pipeline.out().pop_front() {
                Some(Item::Data(chunk)) => all.push_str(std::str::from_utf8(&chunk.bytes).unwrap()),
                Some(Item::End(ending)) => all.push_str(&format!("<{ending:?}>")),
                None => return all,
            }
        }
    }

    fn apply(&mut self, toxics: &[Toxic], at: Duration) {
        self.pipeline.apply(toxics, self.start + at);
    }

    fn deadline(&self) -> Option<Duration> {
        self.pipeline.deadline().map(|d| d - self.start)
    }
}

#[test]
fn without_toxics_everything_passes_at_once_one_at_a_time() {
    let mut chain = Chain::of(&[]);
    chain.read("a", MS);
    assert!(!chain.pipeline.wants_input(), "what is not written holds up reading");
    assert_eq!(chain.written(MS), "a");
    assert!(chain.pipeline.wants_input());
}

#[test]
fn toxics_of_the_other_direction_do_nothing() {
    let chain = Chain::of(&[Toxic { stream: Stream::Upstream, ..latency(1, 100) }]);
    assert!(chain.pipeline.slots.is_empty());
}

#[test]
fn delays_in_a_row_add_up() {
    let mut chain = Chain::of(&[latency(1, 30), latency(2, 50)]);
    chain.read("a", Duration::ZERO);
    assert_eq!(chain.deadline(), Some(30 * MS));
    assert_eq!(chain.written(30 * MS), "");
    assert_eq!(chain.deadline(), Some(80 * MS));
    assert_eq!(chain.written(80 * MS), "a");
}

#[test]
fn a_toxic_added_later_acts_on_what_comes_later() {
    let mut chain = Chain::of(&[latency(1, 30)]);
    chain.read("a", Duration::ZERO);
    chain.apply(&[latency(1, 30), latency(2, 100)], 10 * MS);
    assert_eq!(chain.written(30 * MS), "");
    assert_eq!(chain.written(130 * MS), "a");
}

#[test]
fn what_a_removed_toxic_held_is_neither_lost_nor_out_of_order() {
    let mut chain = Chain::of(&[latency(1, 1000), latency(2, 10)]);
    chain.read("a", Duration::ZERO);
    chain.read("b", MS);
    chain.apply(&[latency(2, 10)], 2 * MS);
    chain.read("c", 3 * MS);
    assert_eq!(chain.written(20 * MS), "abc");
    chain.read("d", 30 * MS);
    chain.apply(&[], 30 * MS);
    assert_eq!(chain.written(30 * MS), "d");
}

#[test]
fn removing_a_timeout_closes_and_what_came_before_still_arrives() {
    let timeout = toxic(1, "timeout", json!({"timeout": 0}));
    let mut chain = Chain::of(&[timeout, latency(2, 10)]);
    chain.read("a", Duration::ZERO);
    assert_eq!(chain.deadline(), None);
    chain.apply(&[latency(2, 10)], MS);
    assert_eq!(chain.written(20 * MS), "<Close>");
}

#[test]
fn a_changed_toxic_keeps_what_it_holds() {
    let mut chain = Chain::of(&[latency(1, 1000)]);
    chain.read("a", Duration::ZERO);
    chain.apply(&[Toxic { revision: 1, ..latency(1, 20) }], 10 * MS);
    assert_eq!(chain.written(20 * MS), "a");
}

#[test]
fn a_toxicity_that_drops_to_none_lets_go_of_what_was_held() {
    let mut chain = Chain::of(&[latency(1, 1000)]);
    chain.read("a", Duration::ZERO);
    chain.apply(&[Toxic { revision: 1, toxicity: 0.0, ..latency(1, 1000) }], MS);
    assert_eq!(chain.written(MS), "a");
    chain.apply(&[Toxic { revision: 2, ..latency(1, 1000) }], 2 * MS);
    chain.read("b", 2 * MS);
    assert_eq!(chain.written(3 * MS), "");
}

#[test]
fn a_full_stage_stops_reading_and_silences_earlier_timers() {
    let stopped = toxic(2, "bandwidth", json!({"rate": 0}));
    let mut chain = Chain::of(&[latency(1, 10), stopped]);
    chain.read("a", Duration::ZERO);
    chain.read("b", Duration::ZERO);
    assert_eq!(chain.written(20 * MS), "");
    // "b" has been due for 10 ms, but there is no room for it: no reason to wake up.
    assert_eq!(chain.deadline(), None);
}

#[test]
fn a_reset_passes_the_toxics_behind_it() {
    let mut chain = Chain::of(&[toxic(1, "reset_peer", json!({})), latency(2, 10)]);
    chain.read("a", Duration::ZERO);
    assert_eq!(chain.written(MS), format!("<{:?}>", Ending::Reset));
}
