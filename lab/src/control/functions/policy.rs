//! How many functions run. Pure: time is an argument.
//!
//! As many tasks run as the messages need that wait or are in hand, and at most `max`. More are
//! started at once; fewer are enough only after a time in which fewer always were, as a provider
//! keeps what it has started warm for a while.

use std::time::Duration;

/// The rules of a tier of functions, with its times already divided by the stage's `time_scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The most tasks.
    pub max: u16,
    /// Messages that one task has in hand at the same time.
    pub each: u16,
    /// How long a task that is not needed is kept.
    pub idle: Duration,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// So many messages.
    Messages {
        /// Not given out.
        waiting: u64,
        /// Given out, and not acknowledged.
        in_hand: u64,
    },
    /// There is no queue yet: the first task makes it, and subscribes it.
    NoQueue,
    /// The queue does not answer, which is no reason to do anything.
    Unknown,
}

/// What is remembered from look to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Since when fewer tasks than run are enough, and the most that were needed since.
    spare: Option<(Duration, u16)>,
}

/// A change of the number of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of tasks that there shall be.
    pub to: u16,
    /// Why, in words.
    pub why: String,
}

impl Policy {
    /// Takes in one look at the queue while there are `size` tasks.
    pub fn decide(
        &self,
        memory: &mut Memory,
        now: Duration,
        size: u16,
        work: Work,
    ) -> Option<Change> {
        let (needed, what) = match work {
            Work::Unknown => return None,
            Work::NoQueue => (1, "its queue is not there yet".to_owned()),
            Work::Messages { waiting, in_hand } => (
                self.needed(waiting.saturating_add(in_hand)),
                format!("{waiting} messages wait and {in_hand} are in hand"),
            ),
        };
        if needed >= size {
            memory.spare = None;
            return (needed > size).then_some(Change { to: needed, why: what });
        }
        let (since, most) = memory.spare.unwrap_or((now, needed));
        let most = most.max(needed);
        if now.saturating_sub(since) < self.idle {
            memory.spare = Some((since, most));
            return None;
        }
        memory.spare = None;
        let why = match most {
            0 => format!("nothing to do for {} s", self.idle.as_secs_f64()),
            _ => format!("no more were needed for {} s", self.idle.as_secs_f64()),
        };
        Some(Change { to: most, why })
    }

    fn needed(&self, messages: u64) -> u16 {
        let tasks = messages.div_ceil(u64::from(self.each.max(1)));
        u16::try_from(tasks).unwrap_or(u16::MAX).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy { max: 3, each: 10, idle: Duration::from_secs(5) };

    /// The size after each look, one a second.
    fn sizes(begin: u16, looks: &[Work]) -> Vec<u16> {
        let mut memory = Memory::default();
        let mut size = begin;
        let look = |(n, work): (usize, &Work)| {
            let change = POLICY.decide(&mut memory, Duration::from_secs(n as u64), size, *work);
            size = change.map_or(size, |change| change.to);
            size
        };
        looks.iter().enumerate().map(look).collect()
    }

    fn messages(waiting: u64) -> Work {
        Work::Messages { waiting, in_hand: 0 }
    }

    #[test]
    fn one_event_starts_one_task_and_idleness_ends_it() {
        let mut looks = vec![messages(0), messages(1)];
        looks.extend([messages(0); 6]);
        assert_eq!(sizes(0, &looks), [0, 1, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn as_many_run_as_the_messages_need_and_no_more_than_allowed() {
        let looks = [messages(10), messages(11), messages(500)];
        assert_eq!(sizes(0, &looks), [1, 2, 3]);
        let held = Work::Messages { waiting: 5, in_hand: 10 };
        assert_eq!(sizes(0, &[held]), [2], "what is in hand counts");
    }

    #[test]
    fn what_was_needed_meanwhile_stays() {
        let mut looks = vec![messages(30), messages(0), messages(15)];
        looks.extend([messages(0); 4]);
        assert_eq!(sizes(0, &looks), [3, 3, 3, 3, 3, 3, 2]);
        let busy = [messages(30), messages(0), messages(0), messages(0), messages(30), messages(0)];
        assert_eq!(sizes(3, &busy), [3; 6], "being needed again begins the time anew");
    }

    #[test]
    fn a_queue_that_is_not_there_is_made_by_the_first_and_silence_changes_nothing() {
        assert_eq!(sizes(0, &[Work::Unknown, Work::NoQueue, Work::Unknown]), [0, 1, 1]);
        assert_eq!(sizes(2, &[Work::Unknown; 20]), [2; 20]);
    }

    proptest! {
        #[test]
        fn never_more_than_allowed_and_never_none_while_there_is_something_to_do(
            loads in prop::collection::vec(0u64..100, 1..60),
        ) {
            let looks: Vec<Work> = loads.iter().map(|n| messages(*n)).collect();
            for (load, size) in loads.iter().zip(sizes(0, &looks)) {
                prop_assert!(size <= POLICY.max);
                prop_assert!(*load == 0 || size > 0);
                prop_assert!(u64::from(size) * 10 >= *load.min(&30));
            }
        }
    }
}
