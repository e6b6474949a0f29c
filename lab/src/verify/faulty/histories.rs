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
                kind: OpKind::ORDER,
                key: Some(format!("k{key}")),
                intended: due,
                done: due + MS,
                outcome: *outcome,
                detail: String::new(),
                session: None,
                values: Default::default(),
                listed: None,
                caches: None,
            };
            entries.push(Entry { at: op.done, event: Event::Op(op) });
        }
        entries.push(at(500, Event::Phase { phase: Phase::Audit }));
        let keys = self.effects.iter().enumerate().map(|(k, n)| (format!("k{k}"), *n)).collect();
        entries.push(at(600, Event::AuditKeys { kind: OpKind::ORDER, keys }));
        entries.push(at(600, Event::AuditKeysEnd { kind: OpKind::ORDER }));
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

    /// A damaged journal gets a verdict or an error, never a panic.
    #[test]
    fn a_journal_with_holes_can_be_judged(
        holes in prop::collection::btree_set(0usize..540, 0..200),
    ) {
        let entries: Vec<Entry> = run([Scenario::new("kill").entries()])
            .into_iter()
            .enumerate()
            .filter(|(n, _)| !holes.contains(n))
            .map(|(_, entry)| entry)
            .collect();
        if let Ok(found) = crate::verify::judge(&entries) {
            prop_assert!(found.experiments.len() <= 1);
        }
    }
}

/// Evidence is needed, all of it: without any one line of what the journal says about faults, final
/// reads and ends, a good run is no longer green.
#[test]
fn no_line_of_evidence_can_be_left_out() {
    let entries = run([Scenario::new("kill").entries()]);
    assert_eq!(crate::verify::judge(&entries).unwrap().exit_code(), 0);
    let mut tried = 0;
    for n in 0..entries.len() {
        let needed =
            !matches!(entries[n].event, Event::Op(_) | Event::Control(_) | Event::Phase { .. });
        if needed {
            let mut without = entries.clone();
            without.remove(n);
            let code = crate::verify::judge(&without).map_or(3, |found| found.exit_code());
            assert_ne!(code, 0, "green without {:?}", entries[n].event);
            tried += 1;
        }
    }
    // Head, both ends of experiment and run, six lines of the fault, at least two chunks and their
    // ends for two kinds of write, and the ledger.
    assert!(tried >= 14, "{tried}");
}
