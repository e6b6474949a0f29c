//! What the commands do to a whole lab: bring it up, run experiments in it, keep the run's folder.
//! Effects live here; what they mean is decided by `plan`, `chaos::resolve` and `verify`.

mod abandoned;
mod ailments;
mod building;
mod entry;
mod error;
mod estimate;
mod experiment;
mod folder;
mod history;
mod lab;
mod memory;
mod pace;
mod programs;
mod progress;
mod read_back;
mod settle;
mod since_up;
mod steady;
mod up;
mod warm_up;

pub use abandoned::{Abandoned, Faults, end_experiments, end_open_experiments, found, undo};
pub use building::{built, made_of, pulled};
pub use error::RunError;
pub use estimate::{estimate, in_words};
pub use experiment::{ExperimentRun, SharedJournal, now, record};
pub use folder::RunFolder;
pub use history::await_history;
pub use lab::RunningLab;
pub use pace::Pace;
pub use programs::NodePrograms;
pub use progress::{Progress, remaining};
pub use read_back::{audit, written};
pub use since_up::{CANARY_PREFIX, around_fault, is_cut, since_up};
pub use up::{Publish, Start, Up, UpOutcome, images_of, prepare};
