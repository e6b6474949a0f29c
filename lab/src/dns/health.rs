//! What the checkers think of the targets, with Route 53's rules: a checker changes its mind after so
//! many results in a row, and a target is healthy while more than 18 % of its checkers think so.

/// A target is healthy while a greater share of its checkers thinks so, in percent.
pub const AGREEING_PERCENT: usize = 18;

/// One checker's opinion of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opinion {
    healthy: bool,
    /// Results in a row that say otherwise.
    against: u16,
}

/// All opinions.
#[derive(Clone, Debug)]
pub struct Opinions {
    threshold: u16,
    targets: Vec<Vec<Opinion>>,
}

impl Opinions {
    /// Before there is enough to tell, a target counts as healthy.
    pub fn new(targets: usize, checkers: u16, threshold: u16) -> Self {
        let first = Opinion { healthy: true, against: 0 };
        Self {
            threshold: threshold.max(1),
            targets: vec![vec![first; usize::from(checkers.max(1))]; targets],
        }
    }

    /// A result of one checker; says whether the target's health is another one now.
    pub fn observe(&mut self, target: usize, checker: usize, good: bool) -> bool {
        let before = self.is_healthy(target);
        let opinion = self.targets.get_mut(target).and_then(|all| all.get_mut(checker));
        if let Some(opinion) = opinion {
            if opinion.healthy == good {
                opinion.against = 0;
            } else {
                opinion.against += 1;
                if opinion.against >= self.threshold {
                    *opinion = Opinion { healthy: good, against: 0 };
                }
            }
        }
        self.is_healthy(target) != before
    }

    /// How many checkers think that it is healthy, and how many there are.
    pub fn agreeing(&self, target: usize) -> (usize, usize) {
        self.targets
            .get(target)
            .map_or((0, 0), |all| (all.iter().filter(|o| o.healthy).count(), all.len()))
    }

    /// Whether a target is healthy.
    pub fn is_healthy(&self, target: usize) -> bool {
        let (agreeing, all) = self.agreeing(target);
        agreeing * 100 > AGREEING_PERCENT * all
    }

    /// The same of every target.
    pub fn healthy(&self) -> Vec<bool> {
        (0..self.targets.len()).map(|target| self.is_healthy(target)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checker_changes_its_mind_after_three_results_in_a_row() {
        let mut opinions = Opinions::new(1, 1, 3);
        let mut after = |results: &[bool]| {
            results.iter().for_each(|good| {
                opinions.observe(0, 0, *good);
            });
            opinions.is_healthy(0)
        };
        assert!(after(&[false, false, true, false, false]));
        assert!(!after(&[false]));
        assert!(!after(&[true, true, false, true, true]));
        assert!(after(&[true]));
    }

    #[test]
    fn healthy_is_what_more_than_18_percent_think() {
        let lost = |checkers: u16, against: usize| {
            let mut opinions = Opinions::new(1, checkers, 1);
            let changes: Vec<bool> =
                (0..against).map(|checker| opinions.observe(0, checker, false)).collect();
            (opinions.is_healthy(0), changes.iter().filter(|c| **c).count())
        };
        // 1 of 5 is 20 %, 2 of 11 is 18.2 %, 18 of 100 is not more than 18 %.
        assert_eq!(lost(5, 4), (true, 0));
        assert_eq!(lost(5, 5), (false, 1));
        assert_eq!(lost(11, 9), (true, 0));
        assert_eq!(lost(11, 10), (false, 1));
        assert_eq!(lost(100, 81), (true, 0));
        assert_eq!(lost(100, 82), (false, 1));
    }

    #[test]
    fn targets_are_judged_apart() {
        let mut opinions = Opinions::new(2, 2, 1);
        opinions.observe(1, 0, false);
        opinions.observe(1, 1, false);
        assert_eq!(opinions.healthy(), [true, false]);
        assert_eq!(opinions.agreeing(1), (0, 2));
        assert!(!opinions.observe(7, 0, false), "there is no such target");
    }
}
