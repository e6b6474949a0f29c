//! What the checks of flash crowds have in common: each looks at the crowds of one sort, and says the
//! worst that any of them shows.

use crate::journal::CrowdAnswered;
use crate::spec::model::{Fault, FlashCrowd};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;

/// What one crowd shows.
pub(super) type Shown = (Part, String);

/// The finding over all crowds that are signed in, or are not. `None` when there were none.
pub(super) fn judged(
    case: &Case<'_>,
    check: Check,
    signed_in: bool,
    of_one: impl Fn(&CrowdAnswered) -> Shown,
) -> Option<Finding> {
    let of_sort = |fault: &FlashCrowd| fault.signed_in == signed_in;
    let crowds = case
        .history
        .faults
        .iter()
        .filter(|f| matches!(f.fault, Some(Fault::FlashCrowd(fault)) if of_sort(fault)));
    let mut shown: Vec<(Shown, String)> = crowds
        .map(|fault| match fault.crowd {
            None => {
                let unknown = "what became of the flash crowd was not written down".to_owned();
                ((Part::Inconclusive, unknown), fault.label())
            }
            Some(crowd) => (enough(crowd).unwrap_or_else(|| of_one(crowd)), crowd.to_string()),
        })
        .collect();
    shown.sort_by_key(|((part, _), _)| std::cmp::Reverse(*part));
    let details: Vec<String> = shown.iter().map(|(_, evidence)| evidence.clone()).collect();
    let ((part, summary), _) = shown.into_iter().next()?;
    Some(Finding::new(check, part, summary).with(details))
}

/// Requests that did not meet show nothing: the first may well have been answered before the next was
/// sent.
fn enough(crowd: &CrowdAnswered) -> Option<Shown> {
    (crowd.in_flight < crowd.asked.div_ceil(2)).then(|| {
        let summary = format!(
            "only {} of {} requests for {} were under way at the same moment (at least half)",
            crowd.in_flight, crowd.asked, crowd.path
        );
        (Part::Inconclusive, summary)
    })
}

/// How many were answered well, in words, when not all were.
pub(super) fn unanswered(crowd: &CrowdAnswered) -> Option<String> {
    (crowd.good < crowd.asked).then(|| format!("{} answered well", crowd.good))
}
