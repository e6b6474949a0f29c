//! What a read lacks, by example and against a slow reading of the definition.

use proptest::prelude::*;

use super::*;
use crate::journal::OpKind;

/// A post with key `run-<number>` and its number, acknowledged at `done`.
pub fn wrote(topic: &str, id: i64, number: u64, done: Micros) -> Op {
    let listed = Listed::Wrote { list: topic.into(), id };
    Op { key: Some(format!("run-{number}")), ..op(OpKind::POST, done - 1, done, listed) }
}

/// A read that was due at `due`.
pub fn showed(topic: &str, due: Micros, full: bool, posts: &[ShownItem]) -> Op {
    let list = Showed { list: topic.into(), full, prefix: "run".into(), items: posts.to_vec() };
    op(OpKind::READ_FORUM, due, due + 1, Listed::Showed(list))
}

fn op(kind: OpKind, intended: Micros, done: Micros, listed: Listed) -> Op {
    let (outcome, detail) = (Outcome::Ok, String::new());
    Op {
        kind,
        key: None,
        intended,
        done,
        outcome,
        detail,
        session: None,
        values: Default::default(),
        listed: Some(listed),
        caches: None,
    }
}

/// The ages of all reads.
fn ages(ops: &[Op]) -> Vec<Micros> {
    reads(&ops.iter().collect::<Vec<_>>()).iter().map(Read::age).collect()
}

const OWN: fn(i64, u64) -> ShownItem = ShownItem::Own;

#[test]
fn a_list_with_everything_is_new() {
    let ops = [
        wrote("a", 1, 1, 10),
        wrote("a", 2, 2, 20),
        showed("a", 30, false, &[OWN(2, 2), ShownItem::Other(1)]),
    ];
    assert_eq!(ages(&ops), [0]);
}

#[test]
fn a_list_is_as_old_as_the_first_acknowledgement_that_it_lacks() {
    let ops = [
        wrote("a", 1, 1, 10),
        wrote("a", 2, 2, 25),
        wrote("a", 3, 3, 20),
        showed("a", 30, false, &[OWN(1, 1)]),
        showed("a", 31, false, &[OWN(3, 3), OWN(1, 1)]),
        showed("a", 32, false, &[]),
    ];
    assert_eq!(ages(&ops), [10, 6, 22]);
}

#[test]
fn what_was_under_way_or_came_later_or_belongs_elsewhere_is_not_missed() {
    let ops = [
        wrote("a", 1, 1, 31),
        wrote("a", 2, 2, 40),
        wrote("b", 3, 3, 5),
        showed("a", 30, false, &[]),
    ];
    assert_eq!(ages(&ops), [0]);
    let all: Vec<&Op> = ops.iter().collect();
    assert!(!reads(&all)[0].is_held_to(0), "there was nothing to show");
}

#[test]
fn a_full_list_has_no_place_for_older_posts_and_another_one_has() {
    let ops =
        |full| [wrote("a", 1, 1, 10), wrote("a", 5, 5, 20), showed("a", 30, full, &[OWN(5, 5)])];
    assert_eq!((ages(&ops(true)), ages(&ops(false))), (vec![0], vec![20]));
    // What lies between two that are shown has a place.
    let gap = [wrote("a", 3, 3, 10), showed("a", 30, true, &[OWN(5, 5), OWN(2, 2)])];
    assert_eq!(ages(&gap), [20]);
}

#[test]
fn a_number_that_was_given_twice_does_not_hide_the_first_post() {
    let ops = [wrote("a", 7, 1, 10), wrote("a", 7, 2, 20), showed("a", 30, true, &[OWN(7, 2)])];
    assert_eq!(ages(&ops), [20]);
}

#[test]
fn writes_without_acknowledgement_and_reads_without_answer_count_for_nothing() {
    let mut unknown = wrote("a", 1, 1, 10);
    unknown.outcome = Outcome::Unknown;
    let mut failed = showed("a", 40, false, &[]);
    failed.outcome = Outcome::Fail;
    assert_eq!(ages(&[unknown, showed("a", 30, false, &[]), failed]), [0]);
}

#[test]
fn a_read_is_held_to_what_was_acknowledged_long_enough_before() {
    let ops = [wrote("a", 1, 1, 10), showed("a", 30, false, &[OWN(1, 1)])];
    let all: Vec<&Op> = ops.iter().collect();
    let read = reads(&all)[0];
    assert!(read.is_held_to(20) && !read.is_held_to(21));
}

/// Looking at every post for every read would take minutes here.
#[test]
fn a_long_history_of_one_topic_is_judged_in_no_time() {
    let n = 50_000;
    let writes = (1..=n).map(|id| wrote("a", id, id.unsigned_abs(), id));
    let reads = (1..=n).map(|due| showed("a", due, false, &[OWN(1, 1)]));
    let ages = ages(&writes.chain(reads).collect::<Vec<_>>());
    assert_eq!((ages.len(), ages.last()), (50_000, Some(&(n - 2))));
}

/// Posts in any order of numbers and times, with some numbers given twice; reads of any of them.
fn history() -> impl Strategy<Value = Vec<Op>> {
    let topic = prop_oneof![Just("a"), Just("b")];
    let write = (topic.clone(), 0i64..12, 0u64..12, 1i64..60);
    let shown = (0i64..12, prop_oneof![Just(None), (0u64..12).prop_map(Some)]);
    let read = (topic, 0i64..70, any::<bool>(), prop::collection::vec(shown, 0..6));
    let writes = prop::collection::vec(write, 0..14);
    (writes, prop::collection::vec(read, 0..6)).prop_map(|(writes, reads)| {
        let post = |(id, own): &(i64, Option<u64>)| match own {
            Some(number) => OWN(*id, *number),
            None => ShownItem::Other(*id),
        };
        let writes =
            writes.into_iter().map(|(topic, id, number, done)| wrote(topic, id, number, done));
        let reads = reads.into_iter().map(|(topic, due, full, posts)| {
            showed(topic, due, full, &posts.iter().map(post).collect::<Vec<_>>())
        });
        writes.chain(reads).collect()
    })
}

/// Word by word: every post is looked at for every read.
fn oracle(ops: &[Op]) -> Vec<Micros> {
    let lists = ops.iter().filter_map(|read| match &read.listed {
        Some(Listed::Showed(list)) => Some((read, list)),
        _ => None,
    });
    let age = |(read, list): (&Op, &Showed)| {
        let cut = list.items.iter().map(|p| p.id()).min().filter(|_| list.full);
        let lacks = |post: &&Op| {
            let Some(Listed::Wrote { list: of, id }) = &post.listed else { return false };
            let there = list
                .items
                .iter()
                .any(|p| p.id() == *id && list.key(*p).is_none_or(|key| Some(key) == post.key));
            *of == list.list
                && post.done <= read.intended
                && !there
                && cut.is_none_or(|oldest| oldest <= *id)
        };
        ops.iter().filter(lacks).map(|post| read.intended - post.done).max().unwrap_or(0)
    };
    lists.map(age).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn ages_are_those_found_by_looking_at_every_post(ops in history()) {
        prop_assert_eq!(ages(&ops), oracle(&ops));
    }
}
