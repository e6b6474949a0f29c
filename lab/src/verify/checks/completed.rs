//! Did the experiment run to its end?

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;

/// A finding only when it did not.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    (!case.history.ended).then(|| {
        let summary = match case.history.not_whole {
            Some(why) => format!("the experiment could not begin: {why}"),
            None => {
                "the experiment was cut short: its end is not in the journal; run it again".into()
            }
        };
        Finding::new(Check::Completed, Part::Inconclusive, summary)
    })
}
