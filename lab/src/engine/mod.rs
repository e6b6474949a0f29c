//! The only part of the tool, besides the image builder, that talks to Docker. It keeps nothing in
//! memory: what it knows it reads from the labels of the lab's own containers.

mod create;
pub mod deploys;
pub mod down;
mod error;
mod exec;
pub mod execute;
mod host;
mod inspect;
mod interrupt;
mod lock;
mod machine;
pub mod markers;
mod memory;
pub mod network;
mod observe;
mod permission;
pub mod probe;
mod reach;
mod ready;
mod resize;
pub mod resources;
mod routes;
pub mod sqs;
mod volumes;

pub use deploys::DeployMarker;
pub use error::EngineError;
pub use exec::{Conversation, Heard};
pub use execute::{Executed, Progress, Surroundings};
pub use host::{Host, Wanted};
pub use interrupt::{Interrupt, Wish};
pub use lock::Lock;
pub use markers::{Marker, Owner};
pub use memory::{Condition, Starvation, Starved};
pub use network::LabIdentity;
pub use observe::{Change, Happened};
pub use resize::Usage;

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{
    DownloadFromContainerOptions, KillContainerOptions, LogsOptions, RestartContainerOptions,
    StopContainerOptions,
};
use futures::StreamExt;

/// Label that carries the lab's name; everything of a lab has it.
pub const LABEL_LAB: &str = "lab";
/// Label that says which part of a node a container is.
pub const LABEL_PART: &str = "lab.part";
/// Label with the node's name.
pub const LABEL_NODE: &str = "lab.node";
/// Label with the hash of the node's specification.
pub const LABEL_SPEC: &str = "lab.spec";

/// A connection to Docker on behalf of one lab.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    lab: String,
    host: Host,
}

/// What a process in a container said and how it ended.
#[derive(Clone, Debug, Default)]
pub struct ExecOutput {
    /// Standard output and error, in the order they came.
    pub output: String,
    /// Its exit code.
    pub code: i64,
}

impl Engine {
    /// Connects to an engine, and agrees on an API version that both sides speak (Engine 20.10 to 29).
    pub async fn connect(lab: &str, host: &Host) -> Result<Self, EngineError> {
        let failed = |e| EngineError::unreachable(host, e);
        let docker = Docker::connect_with_host(&host.address).map_err(failed)?;
        let docker = docker.negotiate_version().await.map_err(failed)?;
        Ok(Self { docker, lab: lab.into(), host: host.clone() })
    }

    /// Which engine it is.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The underlying client, for the image builder.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The lab's name.
    pub fn lab(&self) -> &str {
        &self.lab
    }

    /// A filter that selects everything of this lab and nothing else.
    fn filter(&self) -> std::collections::HashMap<String, Vec<String>> {
        [("label".to_owned(), vec![format!("{LABEL_LAB}={}", self.lab), LABEL_PART.to_owned()])]
            .into()
    }

    /// Starts a container again, which need not run. Docker goes on when whoever asked has ended meanwhile.
    ///
    /// # Errors
    /// There is none, or Docker refuses.
    pub async fn restart(&self, container: &str) -> Result<(), EngineError> {
        let options = RestartContainerOptions { t: Some(0), ..Default::default() };
        self.docker
            .restart_container(container, Some(options))
            .await
            .map_err(|e| EngineError::docker("restart", container, e))
    }

    /// Kills a container's processes. A container that is not running is fine: that is the aim.
    pub async fn kill(&self, container: &str) -> Result<(), EngineError> {
        let options = KillContainerOptions { signal: "KILL".into() };
        match self.docker.kill_container(container, Some(options)).await {
            Err(e) if EngineError::status(&e) == Some(409) => Ok(()),
            other => other.map_err(|e| EngineError::docker("kill", container, e)),
        }
    }

    /// Tells a container to end, and kills it when it has not after `limit`.
    pub async fn stop(&self, container: &str, limit: Duration) -> Result<(), EngineError> {
        let t = i32::try_from(limit.as_secs_f64().ceil() as i64).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(t), ..Default::default() };
        self.docker
            .stop_container(container, Some(options))
            .await
            .map_err(|e| EngineError::docker("stop", container, e))
    }

    /// Freezes a container.
    pub async fn pause(&self, container: &str) -> Result<(), EngineError> {
        self.docker
            .pause_container(container)
            .await
            .map_err(|e| EngineError::docker("pause", container, e))
    }

    /// Wakes a frozen container; one that is not frozen is fine.
    pub async fn unpause(&self, container: &str) -> Result<(), EngineError> {
        match self.docker.unpause_container(container).await {
            Err(e) if matches!(EngineError::status(&e), Some(409 | 500)) => Ok(()),
            other => other.map_err(|e| EngineError::docker("unpause", container, e)),
        }
    }

    /// Starts a container; one that runs already is fine.
    pub async fn start(&self, container: &str) -> Result<(), EngineError> {
        self.docker
            .start_container(container, None)
            .await
            .map_err(|e| EngineError::start(container, e))
    }

    /// State, exit code and process id of a container, in words for evidence: `running`,
    /// `paused`, `exited (137)`.
    pub async fn state_in_words(&self, container: &str) -> Result<String, EngineError> {
        let inspected = self
            .docker
            .inspect_container(container, None)
            .await
            .map_err(|e| EngineError::docker("inspect", container, e))?;
        let state = inspected.state.unwrap_or_default();
        Ok(match state.status {
            Some(s) if s.as_ref() == "exited" => {
                format!("exited ({})", state.exit_code.unwrap_or_default())
            }
            Some(s) => s.as_ref().to_owned(),
            None => "unknown".to_owned(),
        })
    }

    /// When the container's main process was last started, as Docker prints it; it changes with
    /// every start, so it proves that a restart took place.
    pub async fn started_at(&self, container: &str) -> Result<String, EngineError> {
        let inspected = self
            .docker
            .inspect_container(container, None)
            .await
            .map_err(|e| EngineError::docker("inspect", container, e))?;
        Ok(inspected.state.and_then(|s| s.started_at).map(|t| t.to_string()).unwrap_or_default())
    }

    /// The same as a moment, in microseconds since the Unix epoch; `None` when it never was.
    ///
    /// # Errors
    /// There is no such container, or Docker does not answer.
    pub async fn began(&self, container: &str) -> Result<Option<i64>, EngineError> {
        let text = self.started_at(container).await?;
        let time = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond);
        // Docker's word for never is the first day of the year 1.
        Ok(time.filter(|time| *time > 0))
    }

    /// Whether a container has a volume of its own at this folder.
    ///
    /// # Errors
    /// There is no such container, or Docker does not answer.
    pub async fn has_volume(&self, container: &str, folder: &str) -> Result<bool, EngineError> {
        let inspected = self.docker.inspect_container(container, None).await;
        let inspected = inspected.map_err(|e| EngineError::docker("inspect", container, e))?;
        let mounts = inspected.mounts.unwrap_or_default();
        Ok(mounts.iter().any(|m| m.destination.as_deref() == Some(folder) && m.name.is_some()))
    }

    /// Whether a container, which need not run, has a file.
    ///
    /// # Errors
    /// There is no such container, or Docker does not answer.
    pub async fn has_file(&self, container: &str, path: &str) -> Result<bool, EngineError> {
        let options = DownloadFromContainerOptions { path: path.into() };
        let mut parts =
            std::pin::pin!(self.docker.download_from_container(container, Some(options)));
        match parts.next().await {
            Some(Err(e)) if EngineError::is_absent(&e) => Ok(false),
            Some(Err(e)) => Err(EngineError::docker("read a file of", container, e)),
            Some(Ok(_)) | None => Ok(true),
        }
    }

    /// The last `lines` lines a container wrote.
    pub async fn log_tail(&self, container: &str, lines: u32) -> String {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.to_string(),
            ..Default::default()
        };
        let mut stream = std::pin::pin!(self.docker.logs(container, Some(options)));
        let mut text = String::new();
        while let Some(Ok(chunk)) = stream.next().await {
            text.push_str(&chunk.to_string());
        }
        text
    }

    /// Follows the log of a container until it ends or the callback says `false`.
    pub async fn follow_log(
        &self,
        container: &str,
        tail: &str,
        follow: bool,
        mut line: impl FnMut(&str) -> bool,
    ) -> Result<(), EngineError> {
        let options = LogsOptions {
            follow,
            stdout: true,
            stderr: true,
            tail: tail.to_owned(),
            ..Default::default()
        };
        let mut stream = std::pin::pin!(self.docker.logs(container, Some(options)));
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|e| EngineError::docker("read the log of", container, e))?;
            if !line(&chunk.to_string()) {
                break;
            }
        }
        Ok(())
    }

    fn labels(&self, part: &str, extra: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut labels: BTreeMap<String, String> =
            [(LABEL_LAB.into(), self.lab.clone()), (LABEL_PART.into(), part.into())].into();
        labels.extend(extra.iter().map(|(k, v)| ((*k).into(), (*v).into())));
        labels
    }
}
