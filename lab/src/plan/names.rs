//! What the things of a lab are called in Docker, in one place.
//!
//! Every name begins with the lab's name and a dot. Neither the name of a lab nor that of a node can
//! contain a dot, so two labs never meet, whatever they and their nodes are called. Names are for people
//! and for Docker to keep apart; what belongs to a lab is found by its labels.

/// Node of the control plane.
pub const CONTROL: &str = "control";

/// Name of a node's main container.
pub fn main_name(lab: &str, node: &str) -> String {
    format!("{lab}.{node}")
}

/// Name of the container that owns a node's network namespace.
pub fn holder_name(lab: &str, node: &str) -> String {
    format!("{lab}.{node}.net")
}

/// Name of a node's volume.
pub fn volume_name(lab: &str, node: &str) -> String {
    format!("{lab}.{node}.data")
}

/// Name of one of a node's volumes; the first is [`volume_name`].
pub fn nth_volume_name(lab: &str, node: &str, index: usize) -> String {
    match index {
        0 => volume_name(lab, node),
        more => format!("{lab}.{node}.data{}", more + 1),
    }
}

/// Name of a volume that nodes share.
pub fn shared_volume_name(lab: &str, name: &str) -> String {
    format!("{lab}.{name}.shared")
}

/// Name of the lab's network.
pub fn network_name(lab: &str) -> String {
    format!("{lab}.network")
}

/// Name of the marker of an active fault.
pub fn fault_name(lab: &str, id: &str) -> String {
    format!("{lab}.fault.{id}")
}

/// Name of the marker of a deploy: the same for every deploy, so that Docker lets there be one at a time.
pub fn deploy_name(lab: &str, committed: bool) -> String {
    format!("{lab}.deploy{}", if committed { ".committed" } else { "" })
}

/// Whether a name is one that labs of earlier versions gave (`lab-web-a1`).
pub fn is_of_an_earlier_version(lab: &str, name: &str) -> bool {
    name.strip_prefix(lab).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether a name is one that a lab gives.
#[cfg(test)]
fn is_named_by(lab: &str, name: &str) -> bool {
    name.strip_prefix(lab).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Names that were the same, or nearly, when parts were joined by what names themselves contain.
    const LABS: [&str; 8] =
        ["lab", "lab-api", "lab-api-box", "lab-fault", "lab-fault-1", "lab-deploy", "a", "a-a1"];
    const NODES: [&str; 8] =
        [CONTROL, "api-box-a1", "box-a1", "fault-1", "deploy-1", "a1-net-a1", "net-1", "a1-a1"];

    #[test]
    fn labs_with_different_names_never_meet_and_nothing_in_a_lab_has_two_meanings() {
        let mut containers = BTreeMap::new();
        let mut volumes = BTreeMap::new();
        let mut networks = BTreeMap::new();
        for lab in LABS {
            let mut all = vec![deploy_name(lab, false), deploy_name(lab, true)];
            all.extend(["1", "1a2b"].map(|id| fault_name(lab, id)));
            for node in NODES {
                all.extend([main_name(lab, node), holder_name(lab, node)]);
                let other = volumes.insert(volume_name(lab, node), (lab, node));
                assert_eq!(other, None, "{lab}, {node}");
            }
            for name in all {
                assert!(is_named_by(lab, &name), "{name}");
                assert_eq!(LABS.iter().filter(|l| is_named_by(l, &name)).count(), 1, "{name}");
                assert_eq!(containers.insert(name.clone(), lab), None, "{name}");
            }
            assert_eq!(networks.insert(network_name(lab), lab), None);
        }
    }

    #[test]
    fn names_of_earlier_versions_are_told_apart() {
        for name in ["lab-web-a1", "lab-network", "lab-fault-1", "lab", "lab2.web-a1"] {
            assert!(!is_named_by("lab", name), "{name}");
        }
        for name in ["lab-web-a1", "lab-network", "lab-fault-1"] {
            assert!(is_of_an_earlier_version("lab", name), "{name}");
        }
        // What somebody renamed is none.
        assert!(!is_of_an_earlier_version("lab", "foo-of-lab"));
    }
}
