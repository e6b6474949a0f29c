//! Why a node cannot work, as far as its containers show it.

use std::fmt;

use super::CONTROL;
use super::observed::{ObservedContainer, State};

/// What is wrong with the containers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// One of them is not there.
    Removed,
    /// The component was made and never started.
    NeverStarted,
    /// One of them is frozen.
    Frozen,
    /// One of them has ended.
    Ended,
    /// The network was restarted, and the component sits in the one that is gone.
    NetworkRestarted {
        /// When, in microseconds since the Unix epoch.
        at_us: i64,
    },
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => write!(f, "its container is not there"),
            Self::NeverStarted => write!(f, "it was never started"),
            Self::Frozen => write!(f, "it is frozen"),
            Self::Ended => write!(f, "it is stopped"),
            Self::NetworkRestarted { at_us } => {
                write!(f, "its network was restarted at {}", clock(*at_us))
            }
        }
    }
}

impl Ailment {
    /// Whether nobody but `lab up` mends it: the control plane starts others again, and makes no container.
    pub fn lasts(self, node: &str) -> bool {
        self == Self::Removed || node == CONTROL
    }
}

/// What is wrong with a node; nothing when its containers are as they should be. `main` is not a task at
/// rest.
pub fn ailment(
    holder: Option<&ObservedContainer>,
    main: Option<&ObservedContainer>,
) -> Option<Ailment> {
    let (Some(holder), Some(main)) = (holder, main) else { return Some(Ailment::Removed) };
    let states = [holder.state, main.state];
    if states.contains(&State::Created) {
        Some(Ailment::NeverStarted)
    } else if states.iter().any(|s| s.has_ended() || *s == State::Dead) {
        Some(Ailment::Ended)
    } else if let Some(at_us) = outlived(holder, main) {
        Some(Ailment::NetworkRestarted { at_us })
    } else {
        states.contains(&State::Paused).then_some(Ailment::Frozen)
    }
}

/// When the network was started in which a running component does not sit, because it is older.
pub fn outlived(holder: &ObservedContainer, main: &ObservedContainer) -> Option<i64> {
    let (network, component) = (holder.closely.started_us?, main.closely.started_us?);
    (network > component).then_some(network)
}

/// The time of day: `17:05:03 UTC`.
pub fn clock(at_us: i64) -> String {
    match jiff::Timestamp::from_microsecond(at_us) {
        Ok(time) => time.strftime("%H:%M:%S UTC").to_string(),
        Err(_) => at_us.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::{Closely, Part};

    fn container(part: Part, state: State, started_us: i64) -> ObservedContainer {
        ObservedContainer {
            id: String::new(),
            node: "web-a1".into(),
            part,
            spec: String::new(),
            state,
            ports: Vec::new(),
            image: String::new(),
            labels: Default::default(),
            closely: Closely { started_us: Some(started_us), ..Closely::default() },
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_time() {
        let at = 1_764_435_903_000_000;
        let of = |holder: (State, i64), main: (State, i64)| {
            let (holder, main) = (
                container(Part::Holder, holder.0, holder.1),
                container(Part::Main, main.0, main.1),
            );
            ailment(Some(&holder), Some(&main))
        };
        assert_eq!(of((State::Running, at), (State::Running, at + 1)), None);
        let stale = of((State::Running, at), (State::Running, at - 1)).unwrap();
        assert_eq!(stale.to_string(), "its network was restarted at 17:05:03 UTC");
        assert!(stale.lasts("control") && !stale.lasts("web-a1"));
        assert_eq!(of((State::Running, at), (State::Ended, 1)), Some(Ailment::Ended));
        assert_eq!(of((State::Stopped, 1), (State::Running, 1)), Some(Ailment::Ended));
        assert_eq!(of((State::Running, 1), (State::Paused, 2)), Some(Ailment::Frozen));
        assert_eq!(of((State::Running, 1), (State::Created, 0)), Some(Ailment::NeverStarted));
        let holder = container(Part::Holder, State::Running, 1);
        assert_eq!(ailment(Some(&holder), None), Some(Ailment::Removed));
        assert!(Ailment::Removed.lasts("web-a1"));
    }
}
