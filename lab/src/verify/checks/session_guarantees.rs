//! Was anybody shown less than they wrote (read your writes) or saw before (monotonic reads)?
//!
//! A user's register has versions that only grow. A read that was due after a write was acknowledged,
//! or after another read was answered, must show at least that version. What was under way at the
//! same time proves nothing in either direction.

use std::collections::BTreeMap;

use crate::journal::{Micros, Op, OpKind, Outcome, Session};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::{listed, plural};

/// Fewer reads than this that had something to show prove nothing.
pub const MIN_READS: usize = 10;

/// A version that a user must not be shown less than from some moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Floor {
    from: Micros,
    version: u64,
    written: bool,
}

/// A read that showed less than it had to.
#[derive(Clone, Copy, Debug)]
struct Violation<'a> {
    read: &'a Op,
    user: &'a str,
    shown: u64,
    floor: Floor,
}

/// `None` where the traffic does not ask for registers.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let class = |op: &Op| case.history.kinds.class(op.kind);
    if case.since_up || !case.history.ops.iter().any(|op| class(op).is_register) {
        return None;
    }
    let is_write = |op: &Op| class(op).is_write;
    let name = |op: &Op| register(op.kind, is_write(op));
    let (proving, violations) = examine(&case.history.ops, is_write, name);
    let about = Check::SessionGuarantees;
    if violations.is_empty() && proving < MIN_READS {
        let summary = format!(
            "{} of a user who had written or seen a version; {MIN_READS} are needed",
            plural(proving, "read")
        );
        return Some(Finding::new(about, Part::Inconclusive, summary));
    }
    if violations.is_empty() {
        let summary = format!("{proving} reads showed all that their users had written or seen");
        return Some(Finding::new(about, Part::Pass, summary));
    }
    let unread = violations.iter().filter(|v| v.floor.written).count();
    let worst = violations.iter().map(|v| v.floor.version - v.shown).max().unwrap_or(0);
    let summary = format!(
        "{} of {proving} showed users less than before: {unread} less than they wrote, {} less than \
         they saw; {} back at worst",
        plural(violations.len(), "read"),
        violations.len() - unread,
        plural(usize::try_from(worst).unwrap_or(usize::MAX), "version"),
    );
    let fault = case.history.first_fault();
    let mut finding = Finding::new(about, Part::Fail, summary);
    finding.predates_fault =
        fault.is_some_and(|fault| violations.iter().all(|v| v.read.done < fault));
    let lines = violations.iter().map(|v| line(case, v)).collect();
    Some(finding.with(listed(lines)))
}

fn line(case: &Case<'_>, v: &Violation<'_>) -> String {
    let how = if v.floor.written { "written" } else { "seen" };
    format!(
        "user {}: version {} {}, version {} was {how} {:.3} s earlier",
        v.user,
        v.shown,
        case.moment(v.read.intended),
        v.floor.version,
        (v.read.intended - v.floor.from) as f64 / 1e6
    )
}

/// The register's own name in those of its operations, `write-NAME` and `read-NAME`.
fn register(kind: OpKind, is_write: bool) -> &'static str {
    let word = if is_write { "write-" } else { "read-" };
    kind.as_str().strip_prefix(word).unwrap_or(kind.as_str())
}

/// How many reads had a floor, and those that showed less.
fn examine<'a>(
    ops: &[&'a Op],
    is_write: impl Fn(&Op) -> bool,
    name: impl Fn(&Op) -> &'static str,
) -> (usize, Vec<Violation<'a>>) {
    let mut users: BTreeMap<(&str, &str), Vec<(&'a Op, &'a Session)>> = BTreeMap::new();
    for op in ops.iter().filter(|op| op.outcome == Outcome::Ok) {
        if let Some(session) = &op.session {
            users.entry((name(op), session.user.as_str())).or_default().push((op, session));
        }
    }
    let (mut proving, mut violations) = (0, Vec::new());
    for ((_, user), mut acts) in users {
        let mut reads: Vec<_> = acts.iter().copied().filter(|(op, _)| !is_write(op)).collect();
        reads.sort_by_key(|(op, _)| op.intended);
        acts.sort_by_key(|(op, _)| op.done);
        let mut known = acts.into_iter().peekable();
        let mut floor: Option<Floor> = None;
        for (read, session) in reads {
            while let Some((op, seen)) = known.next_if(|(op, _)| op.done <= read.intended) {
                let written = is_write(op);
                let next = Floor { from: op.done, version: seen.version, written };
                floor = Some(floor.filter(|f| f.version >= next.version).unwrap_or(next));
            }
            // Version 0, none at all, holds nobody to anything.
            let Some(floor) = floor.filter(|f| f.version > 0) else { continue };
            proving += 1;
            if session.version < floor.version {
                violations.push(Violation { read, user, shown: session.version, floor });
            }
        }
    }
    (proving, violations)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn op(kind: OpKind, user: u8, version: u64, intended: Micros, done: Micros) -> Op {
        let session = Some(Session { user: format!("u{user}"), version });
        let (outcome, detail) = (Outcome::Ok, String::new());
        let (listed, caches, values) = (None, None, BTreeMap::new());
        Op { kind, key: None, intended, done, outcome, detail, session, listed, values, caches }
    }

    fn wrote(version: u64, intended: Micros, done: Micros) -> Op {
        op(OpKind::WRITE_PROFILE, 1, version, intended, done)
    }

    fn saw(version: u64, intended: Micros, done: Micros) -> Op {
        op(OpKind::READ_PROFILE, 1, version, intended, done)
    }

    fn examined(ops: &[Op]) -> (usize, Vec<(u64, u64, bool)>) {
        let (proving, violations) =
            examine(&ops.iter().collect::<Vec<_>>(), |op| op.kind.is_write(), |_| "profile");
        let seen = |v: &Violation<'_>| (v.shown, v.floor.version, v.floor.written);
        (proving, violations.iter().map(seen).collect())
    }

    #[test]
    fn who_reads_what_they_wrote_and_saw_is_content() {
        let ops =
            [wrote(1, 0, 10), saw(1, 20, 30), saw(2, 32, 50), wrote(2, 31, 60), saw(2, 70, 80)];
        assert_eq!(examined(&ops), (3, Vec::new()));
    }

    #[test]
    fn a_read_that_misses_the_own_write_is_found() {
        assert_eq!(examined(&[wrote(3, 0, 10), saw(2, 11, 12)]), (1, vec![(2, 3, true)]));
    }

    #[test]
    fn a_read_that_goes_back_is_found() {
        let ops = [saw(4, 0, 10), saw(0, 11, 12), saw(4, 13, 14)];
        assert_eq!(examined(&ops), (2, vec![(0, 4, false)]));
    }

    #[test]
    fn what_was_under_way_at_the_same_time_proves_nothing() {
        assert_eq!(examined(&[wrote(3, 0, 20), saw(2, 19, 40)]), (0, Vec::new()));
        assert_eq!(examined(&[saw(3, 0, 20), saw(2, 19, 40)]), (0, Vec::new()));
    }

    #[test]
    fn an_unknown_write_holds_nobody_to_anything_and_users_do_not_mix() {
        let mut unknown = wrote(3, 0, 10);
        unknown.outcome = Outcome::Unknown;
        assert_eq!(examined(&[unknown, saw(2, 11, 12)]), (0, Vec::new()));
        let other = op(OpKind::WRITE_PROFILE, 2, 9, 0, 10);
        assert_eq!(examined(&[other, saw(2, 11, 12)]), (0, Vec::new()));
    }

    /// Word by word what the guarantee says: every pair is looked at.
    fn oracle(ops: &[Op]) -> usize {
        let acts = || ops.iter().filter_map(|o| Some((o, o.session.as_ref()?)));
        let less = |(read, shown): &(&Op, &Session)| {
            acts().any(|(before, known)| {
                known.user == shown.user
                    && before.done <= read.intended
                    && known.version > shown.version
            })
        };
        acts().filter(|(o, _)| o.kind == OpKind::READ_PROFILE).filter(less).count()
    }

    proptest! {
        #[test]
        fn the_same_reads_are_found_as_by_looking_at_every_pair(
            acts in prop::collection::vec((any::<bool>(), 0u8..3, 0u64..6, 0i64..60, 1i64..25), 0..40)
        ) {
            let ops: Vec<Op> = acts
                .into_iter()
                .map(|(writes, user, version, at, took)| {
                    let kind = if writes { OpKind::WRITE_PROFILE } else { OpKind::READ_PROFILE };
                    op(kind, user, version, at, at + took)
                })
                .collect();
            prop_assert_eq!(examined(&ops).1.len(), oracle(&ops));
        }
    }
}
