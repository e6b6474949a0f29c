//! Which release each tier runs: read from the labels of its tasks.

use std::collections::BTreeMap;

use super::observed::{ObservedContainer, Part};
use crate::spec::releases::Deployed;

/// Label of a task with its tier.
pub const LABEL_TIER: &str = "lab.tier";
/// Label of a task with its release.
pub const LABEL_RELEASE: &str = "lab.release";

/// The release of a task; `None` where its tier has none.
pub fn release_of(container: &ObservedContainer) -> Option<&str> {
    container.labels.get(LABEL_RELEASE).map(String::as_str)
}

/// The release of each tier that has releases: that of most of its tasks. Outside of a deploy all
/// have the same.
pub fn deployed(containers: &BTreeMap<String, ObservedContainer>) -> Deployed {
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for container in containers.values().filter(|c| c.part == Part::Main) {
        let tier = container.labels.get(LABEL_TIER).map(String::as_str);
        if let Some((tier, release)) = tier.zip(release_of(container)) {
            *counts.entry(tier).or_default().entry(release).or_default() += 1;
        }
    }
    let most = |counts: BTreeMap<&str, usize>| {
        counts.into_iter().max_by_key(|(_, n)| *n).map(|(release, _)| release.to_owned())
    };
    counts.into_iter().filter_map(|(tier, c)| Some((tier.to_owned(), most(c)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::State;

    fn task(part: Part, tier: &str, release: Option<&str>) -> ObservedContainer {
        let mut labels: BTreeMap<String, String> = [(LABEL_TIER.into(), tier.into())].into();
        labels.extend(release.map(|r| (LABEL_RELEASE.to_owned(), r.to_owned())));
        ObservedContainer {
            id: String::new(),
            node: String::new(),
            part,
            spec: String::new(),
            state: State::Running,
            ports: Vec::new(),
            image: String::new(),
            labels,
            closely: Default::default(),
        }
    }

    #[test]
    fn the_release_of_a_tier_is_that_of_most_of_its_tasks() {
        let all = [
            task(Part::Main, "web", Some("v1")),
            task(Part::Main, "web", Some("v2")),
            task(Part::Main, "web", Some("v2")),
            task(Part::Holder, "web", Some("v1")),
            task(Part::Holder, "web", Some("v1")),
            task(Part::Main, "db", None),
        ];
        let all = all.into_iter().enumerate().map(|(n, c)| (n.to_string(), c)).collect();
        assert_eq!(deployed(&all), [("web".to_owned(), "v2".to_owned())].into());
    }
}
