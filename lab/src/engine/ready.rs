//! Whether a node is ready, where only its container knows: a job that has ended, a command that succeeds.
//! What answers on a port is asked without Docker, see [`super::probe`].

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Engine;
use super::probe::{self, Ready};
use crate::plan::main_name;
use crate::plan::node::Probe;

/// Longest wait for one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

impl Engine {
    /// Looks once whether a node of this lab is ready.
    pub async fn look(&self, node: &str, address: Ipv4Addr, probe: &Probe) -> Ready {
        let container = main_name(self.lab(), node);
        match probe {
            Probe::Done | Probe::Runs => {
                let wanted = if *probe == Probe::Done { "exited (0)" } else { "running" };
                match self.state_in_words(&container).await {
                    Ok(state) if state == wanted => Ready::Yes,
                    Ok(state) => Ready::NotYet(state),
                    Err(e) => Ready::NotYet(e.to_string()),
                }
            }
            Probe::Command { command } => {
                let words: Vec<&str> = command.iter().map(String::as_str).collect();
                let asked = self.exec(&container, &words);
                match tokio::time::timeout(COMMAND_TIMEOUT, asked).await {
                    Ok(Ok(answer)) if answer.code == 0 => Ready::Yes,
                    Ok(Ok(answer)) => {
                        Ready::NotYet(said(&command.join(" "), answer.code, &answer.output))
                    }
                    Ok(Err(e)) => Ready::NotYet(e.to_string()),
                    Err(_) => {
                        let seconds = COMMAND_TIMEOUT.as_secs();
                        Ready::NotYet(format!(
                            "`{}` takes more than {seconds} s",
                            command.join(" ")
                        ))
                    }
                }
            }
            other => probe::look_at(address, other).await,
        }
    }
}

/// `pg_isready: exit code 2: no response`
fn said(command: &str, code: i64, output: &str) -> String {
    let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let last: String = last.trim().chars().take(200).collect();
    let end = if last.is_empty() { String::new() } else { format!(": {last}") };
    format!("`{command}`: exit code {code}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_told_with_its_last_words() {
        assert_eq!(said("ping db", 2, "trying\nno route\n\n"), "`ping db`: exit code 2: no route");
        assert_eq!(said("false", 1, ""), "`false`: exit code 1");
    }
}
