//! What was read of queues, and of what follows from a write after it was acknowledged.

use serde::{Deserialize, Serialize};

/// A queue as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRead {
    /// Its name.
    pub queue: String,
    /// Messages that waited.
    pub visible: u64,
    /// Messages that were given out, and neither acknowledged nor taken back.
    pub in_flight: u64,
    /// Events that no queue had taken yet; absent when no worker said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<u64>,
    /// What the dead-letter queue held.
    pub dead: Vec<DeadLetter>,
    /// How often its workers had refused a message since each was started; absent when one did not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// For how long it was waited until nothing was left to do, in milliseconds.
    #[serde(default)]
    pub waited_ms: u64,
}

impl QueueRead {
    /// Whether nothing was left to do.
    pub fn is_drained(&self) -> bool {
        self.visible == 0 && self.in_flight == 0 && self.outbox.unwrap_or(0) == 0
    }
}

/// A message that nobody could handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: String,
    /// What it says, cut off.
    pub says: String,
    /// The fault that put it into the queue, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Longest text of a dead letter that is kept.
const KEPT: usize = 120;

impl DeadLetter {
    /// A dead letter as it was read.
    pub fn new(id: String, body: &str) -> Self {
        #[derive(Deserialize)]
        struct Bad {
            event: String,
            fault: String,
        }
        let bad = serde_json::from_str::<Bad>(body).ok().filter(|b| b.event == BAD_EVENT);
        let says = body.chars().take(KEPT).collect();
        Self { id, says, fault: bad.map(|b| b.fault) }
    }
}

/// How the lab's own bad messages call what they tell of: nothing that anybody knows.
const BAD_EVENT: &str = "lab-bad-message";

/// A message that can never be handled, sent by a fault.
pub fn bad_message(fault: &str, number: u16) -> String {
    serde_json::json!({ "event": BAD_EVENT, "fault": fault, "number": number }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_message_is_known_by_its_fault_and_others_are_not() {
        let bad = DeadLetter::new("m".into(), &bad_message("f1", 2));
        assert_eq!(bad.fault.as_deref(), Some("f1"));
        for body in ["", r#"{"event":"order-placed","fault":"f1"}"#, r#"{"fault":"f1"}"#] {
            assert_eq!(DeadLetter::new("m".into(), body).fault, None, "{body}");
        }
        assert_eq!(DeadLetter::new("m".into(), &"x".repeat(500)).says.len(), KEPT);
    }

    #[test]
    fn what_waits_anywhere_is_left_to_do() {
        let drained = QueueRead::default();
        assert!(drained.is_drained());
        assert!(!QueueRead { visible: 1, ..drained.clone() }.is_drained());
        assert!(!QueueRead { in_flight: 1, ..drained.clone() }.is_drained());
        assert!(!QueueRead { outbox: Some(1), ..drained }.is_drained());
    }
}
