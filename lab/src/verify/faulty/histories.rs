//! Properties: on small histories the data checks agree with a brute-force reading of their
//! definitions.

use proptest::prelude::*;

use crate::journal::{Entry, Event, Op, OpKind, Outcome, Phase};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part};

/// A small history: attempts at a handful of keys, and what the final read found of each.
#[derive(Clone, Debug)]
struct Small {
    /// Key and outcome, in order.
    attempts: Vec<(u8, Outcome)>,
    /// Number of effects of each key.
    effects: Vec<u32>,
    /// Losses allowed.
    allowed: u64,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![3 => Just(Outcome::Ok), 1 => Just(Outcome::Fail), 1 => Just(Outcome::Unknown)]
}

fn small() -> impl Strategy<Value = Small> {
    let effects = prop_oneof![2 => Just(0u32), 5 => Just(1), 1 => Just(2)];
    (prop::collection::vec((0u8..5, outcome()), 1..8), prop::collection::vec(effects, 5), 0u64..3)
        .prop_map(|(attempts, effects, allowed)| Small { attempts, effects, allowed })
}

impl Small {
    fn judged(&self) -> ExperimentFindings {
        let mut entries = vec![at(
            0,
            Event::ExperimentStarted { experiment: "kill".into(), key_prefix: "k".into() },
        )];
        for (n, (key, outcome)) in self.attempts.iter().enumerate() {
            let due = ms(10 * i64::try_from(n).unwrap());
            let op = Op {
                kind: OpKind::Order,
                key: Some(format!("k{key}")),
                intended: due,
                done: due + MS,
                outcome: *outcome,
                detail: String::new(),
            };
            entries.push(Entry { at: op.done, event: Event::Op(op) });
        }
        entries.push(at(500, Event::Phase { phase: Phase::Audit }));
        let keys = self.effects.iter().enumerate().map(|(k, n)| (format!("k{k}"), *n)).collect();
        entries.push(at(600, Event::AuditKeys { kind: OpKind::Order, keys }));
        entries.push(at(600, Event::AuditKeysEnd { kind: OpKind::Order }));
        entries.push(at(700, Event::ExperimentEnded { experiment: "kill".into() }));
        let mut run = run([entries]);
        if let Event::RunStarted(head) = &mut run[0].event {
            head.stage.objectives.rpo_writes = self.allowed;
        }
        crate::verify::judge(&run).unwrap().experiments.remove(0)
    }

    fn outcomes(&self, key: usize) -> Vec<Outcome> {
        let of_key = self.attempts.iter().filter(|(k, _)| usize::from(*k) == key);
        of_key.map(|(_, outcome)| *outcome).collect()
    }

    fn count(&self, wanted: impl Fn(&[Outcome], u32) -> bool) -> u64 {
        (0..5).filter(|&k| wanted(&self.outcomes(k), self.effects[k])).count() as u64
    }

    fn lost(&self) -> u64 {
        self.count(|tries, effects| tries.contains(&Outcome::Ok) && effects == 0)
    }

    /// There, although every attempt failed for certain; with no attempt at all that holds, too.
    fn phantom(&self) -> u64 {
        self.count(|tries, effects| effects > 0 && tries.iter().all(|o| *o == Outcome::Fail))
    }

    fn doubled(&self) -> u64 {
        self.count(|_, effects| effects > 1)
    }
}

fn at(time: i64, event: Event) -> Entry {
    Entry { at: ms(time), event }
}

proptest! {
    #[test]
    fn no_lost_write_agrees_with_its_definition(small in small()) {
        let found = small.judged();
        let finding = of(&found, Check::NoLostWrite);
        let bad = small.lost() > small.allowed || small.phantom() > 0;
        prop_assert_eq!(finding.part == Part::Fail, bad, "{:#?}", finding);
        prop_assert!(finding.part != Part::Inconclusive);
        prop_assert_eq!(found.measured.lost.as_ref().map(|l| l.count), Some(small.lost()));
        let totals = format!("{} lost, ", small.lost());
        prop_assert!(finding.details[0].contains(&totals), "{:#?}", finding);
        let phantoms = format!("{} phantom", small.phantom());
        prop_assert!(finding.details[0].contains(&phantoms), "{:#?}", finding);
    }

    #[test]
    fn exactly_once_agrees_with_its_definition(small in small()) {
        let found = small.judged();
        let finding = of(&found, Check::ExactlyOnce);
        prop_assert_eq!(finding.part == Part::Fail, small.doubled() > 0, "{:#?}", finding);
        prop_assert_eq!(finding.details.iter().filter(|d| d.contains("effects,")).count() as u64,
            small.doubled());
    }

    /// Whatever is taken away from a good journal, it never turns green for want of evidence, and a
    /// verdict is always reached.
    #[test]
    fn a_journal_with_holes_never_breaks_the_judge(seed in any::<u64>(), keep in 1u64..100) {
        let mut entries = run([Scenario::new("kill").entries()]);
        let mut state = seed | 1;
        entries = entries
            .into_iter()
            .enumerate()
            .filter(|(n, entry)| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *n == 0 || matches!(entry.event, Event::ExperimentStarted { .. }) || state >> 33 < (u64::from(u32::MAX) / 200) * keep
            })
            .map(|(_, entry)| entry)
            .collect();
        if let Ok(found) = crate::verify::judge(&entries) {
            prop_assert_eq!(found.experiments.len(), 1);
            let whole = found.complete && found.experiments[0].faults.iter().all(|f| f.evidence.is_some());
            prop_assert!(whole || found.exit_code() != 0);
        }
    }
}
