//! Which of the servers that answer is the primary. Pure, so that every odd case has a test.

use std::net::SocketAddr;

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where it answers.
    pub addr: SocketAddr,
    /// Which history of data it holds: set once by `initdb`, shared with its standbys.
    pub system: String,
    /// `Some` when it accepts writes: which branch of that history it writes to. Every promotion
    /// begins the next timeline, so of two servers that both claim to be the primary, the one
    /// on the lower timeline was replaced and does not know it yet.
    pub writes_timeline: Option<u32>,
}

/// The newest branch of history that was ever seen as primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Of this database system.
    pub system: String,
    /// The highest timeline.
    pub timeline: u32,
}

/// What one server last answered, if anything yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has not answered yet, or not in time: it may be anything.
    Silent,
    /// It certainly serves nobody, because it refuses: and why.
    Unreachable(String),
    /// It was asked.
    Is(Identity),
}

/// Chooses the primary among `answers`.
///
/// A server on a newer timeline than `floor` is taken at once: a promotion took place. Otherwise
/// all servers are heard first, unless `heard_enough` says that the time for that is over, because
/// a replaced primary that woke up may simply be the first to answer. A server below the floor is
/// never taken.
pub fn choose(answers: &[Answer], floor: Option<&Floor>, heard_enough: bool) -> Option<Identity> {
    let best = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Is(identity) => identity.writes_timeline.map(|t| (identity, t)),
            _ => None,
        })
        .filter(|(identity, timeline)| !is_below(floor, identity, *timeline))
        // The first of equals: behind poolers all are the same server, and the nearest is named first.
        .rev()
        .max_by_key(|(identity, timeline)| (is_of(floor, identity), *timeline));
    let (identity, timeline) = best?;
    let promoted = floor.is_some_and(|f| f.system == identity.system && timeline > f.timeline);
    let all_heard = answers.iter().all(|a| *a != Answer::Silent);
    (promoted || all_heard || heard_enough).then(|| identity.clone())
}

/// The floor after `identity` was taken as primary.
pub fn raised(identity: &Identity) -> Option<Floor> {
    let timeline = identity.writes_timeline?;
    Some(Floor { system: identity.system.clone(), timeline })
}

/// One line on what each server answered.
pub fn describe(hosts: &[SocketAddr], answers: &[Answer]) -> String {
    let one = |(host, answer): (&SocketAddr, &Answer)| match answer {
        Answer::Silent => format!("{host}: no answer"),
        Answer::Unreachable(why) => format!("{host}: {why}"),
        Answer::Is(Identity { writes_timeline: None, .. }) => format!("{host}: a standby"),
        Answer::Is(Identity { writes_timeline: Some(t), .. }) => {
            format!("{host}: a primary on timeline {t}")
        }
    };
    hosts.iter().zip(answers).map(one).collect::<Vec<_>>().join("; ")
}

fn is_of(floor: Option<&Floor>, identity: &Identity) -> bool {
    floor.is_none_or(|f| f.system == identity.system)
}

fn is_below(floor: Option<&Floor>, identity: &Identity, timeline: u32) -> bool {
    floor.is_some_and(|f| f.system == identity.system && timeline < f.timeline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(last: u8, system: &str, writes_timeline: Option<u32>) -> Answer {
        Answer::Is(Identity {
            addr: SocketAddr::from(([10, 0, last, 5], 5432)),
            system: system.into(),
            writes_timeline,
        })
    }

    fn chosen(answers: &[Answer], floor: Option<(&str, u32)>, heard_enough: bool) -> Option<u8> {
        let floor = floor.map(|(s, timeline)| Floor { system: s.into(), timeline });
        choose(answers, floor.as_ref(), heard_enough).map(|i| match i.addr.ip() {
            std::net::IpAddr::V4(ip) => ip.octets()[2],
            std::net::IpAddr::V6(_) => 0,
        })
    }

    #[test]
    fn a_standby_is_no_primary() {
        assert_eq!(chosen(&[server(1, "s", None)], None, true), None);
        assert_eq!(chosen(&[server(1, "s", None), server(2, "s", Some(1))], None, false), Some(2));
    }

    #[test]
    fn of_two_that_claim_it_the_newer_timeline_wins() {
        let zombie_first = [server(1, "s", Some(1)), server(2, "s", Some(2))];
        assert_eq!(chosen(&zombie_first, None, false), Some(2));
        let zombie_last = [server(1, "s", Some(10)), server(2, "s", Some(9))];
        assert_eq!(chosen(&zombie_last, None, false), Some(1));
    }

    #[test]
    fn the_first_claim_is_not_believed_before_all_are_heard() {
        let answers = [server(1, "s", Some(1)), Answer::Silent];
        assert_eq!(chosen(&answers, None, false), None);
        assert_eq!(chosen(&answers, Some(("s", 1)), false), None);
        assert_eq!(chosen(&answers, None, true), Some(1));
        let refused = [server(1, "s", Some(1)), Answer::Unreachable("refused".into())];
        assert_eq!(chosen(&refused, None, false), Some(1));
    }

    #[test]
    fn a_promotion_is_taken_at_once() {
        let answers = [Answer::Silent, server(2, "s", Some(2))];
        assert_eq!(chosen(&answers, Some(("s", 1)), false), Some(2));
    }

    #[test]
    fn a_replaced_primary_is_never_taken_again() {
        let zombie = [server(1, "s", Some(1)), Answer::Silent];
        assert_eq!(chosen(&zombie, Some(("s", 2)), true), None);
    }

    #[test]
    fn a_database_built_anew_is_accepted_when_the_known_one_is_gone() {
        let anew = [server(1, "new", Some(1)), Answer::Unreachable("refused".into())];
        assert_eq!(chosen(&anew, Some(("old", 7)), false), Some(1));
        let both = [server(1, "new", Some(9)), server(2, "old", Some(7))];
        assert_eq!(chosen(&both, Some(("old", 7)), false), Some(2));
    }

    #[test]
    fn the_floor_is_what_was_taken() {
        let Answer::Is(identity) = server(1, "s", Some(3)) else { unreachable!() };
        assert_eq!(raised(&identity), Some(Floor { system: "s".into(), timeline: 3 }));
    }
}
