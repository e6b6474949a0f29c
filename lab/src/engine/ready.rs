//! Whether a node is ready, where only its container knows: a job that has ended, a command that succeeds.
//! What answers on a port is asked without Docker, see [`super::probe`].

use std::net::Ipv4Addr;
use std::time::Duration;

use bollard::query_parameters::InspectContainerOptions;

use super::probe::{self, Ready};
use super::{Engine, EngineError};
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
            Probe::Command { command } => self.succeeds(&container, command).await,
            Probe::OfImage { port } => match (self.health_check(&container).await, port) {
                (Ok(Some(command)), _) => self.succeeds(&container, &command).await,
                (Ok(None), Some(port)) => {
                    probe::look_at(address, &Probe::Tcp { port: *port }).await
                }
                (Ok(None), None) => Box::pin(self.look(node, address, &Probe::Runs)).await,
                (Err(e), _) => Ready::NotYet(e.to_string()),
            },
            other => probe::look_at(address, other).await,
        }
    }

    async fn succeeds(&self, container: &str, command: &[String]) -> Ready {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let asked = self.exec(container, &words);
        match tokio::time::timeout(COMMAND_TIMEOUT, asked).await {
            Ok(Ok(answer)) if answer.code == 0 => Ready::Yes,
            Ok(Ok(answer)) => Ready::NotYet(said(&command.join(" "), answer.code, &answer.output)),
            Ok(Err(e)) => Ready::NotYet(e.to_string()),
            Err(_) => {
                let seconds = COMMAND_TIMEOUT.as_secs();
                Ready::NotYet(format!("`{}` takes more than {seconds} s", command.join(" ")))
            }
        }
    }

    /// The health check that a container has of its image, as a command; `None` when there is none.
    async fn health_check(&self, container: &str) -> Result<Option<Vec<String>>, EngineError> {
        let found = self.docker().inspect_container(container, None::<InspectContainerOptions>);
        let config = found.await.map_err(|e| EngineError::docker("inspect", container, e))?.config;
        let config = config.unwrap_or_default();
        let test = config.healthcheck.and_then(|check| check.test).unwrap_or_default();
        Ok(command_of(&test, config.shell.as_deref()))
    }
}

/// What a health check runs, in the image format's notation: `CMD` and a command, `CMD-SHELL` and a line, `NONE`.
fn command_of(test: &[String], shell: Option<&[String]>) -> Option<Vec<String>> {
    let (word, rest) = test.split_first()?;
    match (word.as_str(), rest) {
        (_, []) => None,
        ("CMD", command) => Some(command.to_vec()),
        ("CMD-SHELL", [line, ..]) => {
            let sh = ["/bin/sh", "-c"].map(str::to_owned);
            let shell = shell.filter(|shell| !shell.is_empty()).unwrap_or(&sh);
            Some(shell.iter().chain([line]).cloned().collect())
        }
        _ => None,
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
    fn the_image_says_how_it_is_healthy_or_nothing() {
        let of = |words: &[&str], shell: Option<&[&str]>| {
            let own = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
            command_of(&own(words), shell.map(own).as_deref()).map(|words| words.join("|"))
        };
        assert_eq!(of(&["CMD", "pg_isready", "-q"], None).as_deref(), Some("pg_isready|-q"));
        assert_eq!(of(&["CMD-SHELL", "a || b"], None).as_deref(), Some("/bin/sh|-c|a || b"));
        assert_eq!(of(&["CMD-SHELL", "a"], Some(&["ash", "-c"])).as_deref(), Some("ash|-c|a"));
        for nothing in [&[][..], &["NONE"], &["CMD"], &["OTHER", "a"]] {
            assert_eq!(of(nothing, None), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_last_words() {
        assert_eq!(said("ping db", 2, "trying\nno route\n\n"), "`ping db`: exit code 2: no route");
        assert_eq!(said("false", 1, ""), "`false`: exit code 1");
    }
}
