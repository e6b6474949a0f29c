//! Starting, watching and ending traffic.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use super::clock::Clock;
use super::runner::{Command, Run, Shared};
use super::site::Site;
use super::stats::{Live, Summary};
use crate::dns::EntryName;
use crate::journal::Event;
use crate::spec::workload::Plan;

/// Receives every operation when its outcome is known, as [`Event::Op`], and every repetition of a keyed
/// write, as [`Event::Repeated`]. It is called on the generator's thread and must not block.
pub type OpSink = Box<dyn FnMut(Event) + Send>;

/// A sink that puts operations into a channel. When the receiver is gone they are lost.
pub fn to_channel(sender: mpsc::UnboundedSender<Event>) -> OpSink {
    Box::new(move |event| drop(sender.send(event)))
}

/// What is sent to whom.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// What is sent when.
    pub plan: Plan,
    /// Where it goes.
    pub site: Site,
    /// How the entry tier is found by name; clients then go where the name leads, and not to the addresses.
    pub name: Option<EntryName>,
    /// How long a client waits for an answer, counted from the intended start.
    pub timeout: Duration,
    /// Operations that may be under way at once; those beyond are dropped. `None` derives it from
    /// rate and time-out such that only a silent service or the limit of open files reaches it.
    pub max_in_flight: Option<usize>,
}

/// Why traffic could not be started, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is nobody to talk to.
    #[error("there is no address to send traffic to: the entry tier has no node; see `lab status`")]
    NoTargets,
    /// The system refused what the generator needs.
    #[error("the traffic generator could not be started: {0}; see `lab doctor`")]
    System(#[from] std::io::Error),
    /// The latency histogram could not be made.
    #[error("the latency histogram could not be made: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// The generator ended without a summary.
    #[error("the traffic generator broke down; its operations are incomplete, so run it again")]
    Died,
}

/// Traffic that is being sent. Dropping it aborts: operations under way are reported as unknown
/// (reads as failed) and nothing more is sent.
#[derive(Debug)]
pub struct LoadHandle {
    shared: Arc<Shared>,
    command: watch::Sender<Command>,
    summary: oneshot::Receiver<Summary>,
}

/// Starts traffic on a thread of its own. `sink` receives every operation.
///
/// # Errors
/// There are no targets, or the system has no resources for it.
pub fn start(config: LoadConfig, sink: OpSink) -> Result<LoadHandle, LoadError> {
    if config.site.addresses.is_empty() && config.name.is_none() {
        return Err(LoadError::NoTargets);
    }
    let shared = Arc::new(Shared::new(Clock::start(), sink)?);
    let (command, commands) = watch::channel(Command::Go);
    let (done, summary) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = Run::new(config, Arc::clone(&shared));
    let end = Arc::clone(&shared);
    thread::Builder::new().name("load".into()).spawn(move || {
        let paced = runtime.block_on(run.until_done(commands));
        // Ends what is under way; each operation reports itself.
        drop(runtime);
        if paced.is_ok() {
            drop(done.send(end.summary()));
        }
    })?;
    Ok(LoadHandle { shared, command, summary })
}

impl LoadHandle {
    /// The last second.
    pub fn live(&self) -> Live {
        self.shared.live(Instant::now())
    }

    /// Stops arrivals, waits until those under way have ended and what is in doubt was repeated (twice the
    /// client time-out at most), and sums up. All operations have reached the sink by then.
    ///
    /// # Errors
    /// [`LoadError::Died`] when the generator broke down.
    pub async fn stop(self) -> Result<Summary, LoadError> {
        self.command.send_replace(Command::Stop);
        self.finished().await
    }

    /// Waits until the plan has ended by itself, and sums up. An endless plan never ends.
    ///
    /// # Errors
    /// [`LoadError::Died`] when the generator broke down.
    pub async fn finished(mut self) -> Result<Summary, LoadError> {
        (&mut self.summary).await.map_err(|_| LoadError::Died)
    }
}

impl Drop for LoadHandle {
    fn drop(&mut self) {
        self.command.send_replace(Command::Abort);
    }
}
