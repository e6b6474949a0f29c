//! Regions and their zones.

use std::collections::HashMap;

use super::Check;
use crate::spec::path::Path;

impl Check<'_> {
    /// Names of regions, and of zones across regions, are unique.
    pub(super) fn regions(&mut self) {
        let Some(regions) = &self.draft.regions else { return };
        let mut names: HashMap<&str, usize> = HashMap::new();
        let mut zones: HashMap<&str, &str> = HashMap::new();
        for (index, region) in regions.iter().enumerate() {
            let path = Path::of(["regions"]).index(index);
            if let Some(first) = names.get(region.name.as_str()) {
                let message = format!(
                    "region `{}` is there twice; first as region {}",
                    region.name,
                    first + 1
                );
                let problem = self.at_value(&path.key("name"), message);
                self.report(problem.found(&region.name).allowed("each region once"));
            } else {
                names.insert(&region.name, index);
            }
            for (i, zone) in region.zones.iter().enumerate() {
                let Some(owner) = zones.insert(zone, &region.name) else { continue };
                let message = format!("zone `{zone}` is there twice; first in region `{owner}`");
                let problem = self.at_value(&path.key("zones").index(i), message);
                self.report(
                    problem.found(zone).allowed("zone names that are unique across regions"),
                );
            }
        }
    }
}
