//! How long the phases of an experiment last.

use std::time::Duration;

/// How long each phase lasts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Traffic before the fault.
    pub steady: Duration,
    /// Longest settling after the last heal that an experiment can ask for.
    pub settle: Duration,
    /// How much longer traffic may go on while service is not good yet: the moment at which it is
    /// back must be seen, and a second after it.
    pub extension: Duration,
}

impl Pace {
    /// The pace of a run. A quick one still has some hundred operations before and after a fault.
    pub fn new(quick: bool) -> Self {
        if quick {
            Self {
                steady: Duration::from_secs(4),
                settle: Duration::from_secs(3),
                extension: Duration::from_secs(6),
            }
        } else {
            Self {
                steady: Duration::from_secs(6),
                settle: Duration::from_secs(30),
                extension: Duration::from_secs(15),
            }
        }
    }
}
