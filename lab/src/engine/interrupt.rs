//! Ctrl-C, the end of the terminal, and the signal by which other programs ask one to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How it was said that the command shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Ctrl-C.
    Interrupt,
    /// The signal by which programs ask others to end.
    Terminate,
    /// The end of the terminal.
    HangUp,
}

/// Hears the wish that the command ends.
#[derive(Debug)]
pub struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
    /// Absent where whoever started the program wants it to outlive the terminal (`nohup`).
    hang_up: Option<Signal>,
}

impl Interrupt {
    /// Listens from now on: a wish that comes while nobody waits for it is kept.
    ///
    /// # Errors
    /// This machine does not let the process listen.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if outlives_terminal() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Waits for the wish; returns how it was said.
    pub async fn come(&mut self) -> Wish {
        tokio::select! {
            _ = self.ctrl_c.recv() => Wish::Interrupt,
            _ = self.terminate.recv() => Wish::Terminate,
            () = heard(self.hang_up.as_mut()) => Wish::HangUp,
        }
    }
}

async fn heard(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

fn outlives_terminal() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

/// Whether `/proc/PID/status` says that the process ignores SIGHUP, which is signal 1.
fn ignores_hang_up(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_nohup_the_end_of_the_terminal_is_none_of_ours() {
        assert!(ignores_hang_up("Name:\tlab\nSigBlk:\t0\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hang_up("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hang_up(""));
    }
}
