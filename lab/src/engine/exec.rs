//! Runs commands inside the lab's containers.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::{Engine, EngineError, ExecOutput};

/// A piece of what a command writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// On its standard output.
    Out(Bytes),
    /// On its standard error.
    Err(Bytes),
}

/// What a command reads, and what it writes until it ends.
pub type Conversation = (Pin<Box<dyn AsyncWrite + Send>>, BoxStream<'static, Heard>);

impl Engine {
    /// Starts a command in a container and leaves it running; it reads the end of its input when the
    /// conversation is dropped.
    ///
    /// # Errors
    /// The container does not run, or has no such command.
    pub async fn converse(
        &self,
        container: &str,
        command: &[String],
    ) -> Result<Conversation, EngineError> {
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let failed = |e| EngineError::docker("run a command in", container, e);
        let exec = self.docker.create_exec(container, options).await.map_err(failed)?;
        match self.docker.start_exec(&exec.id, None).await.map_err(failed)? {
            StartExecResults::Attached { output, input } => {
                let heard = output.filter_map(async |said| match said.ok()? {
                    LogOutput::StdOut { message } => Some(Heard::Out(message)),
                    LogOutput::StdErr { message } => Some(Heard::Err(message)),
                    _ => None,
                });
                Ok((input, heard.boxed()))
            }
            StartExecResults::Detached => Err(EngineError::Refused {
                action: "speak with a command in".into(),
                object: container.into(),
                reason: "it was started on its own".into(),
                status: None,
            }),
        }
    }

    /// Runs a command in a container and collects what it says. The command's own failure is in
    /// the exit code, not an error.
    pub async fn exec(&self, container: &str, command: &[&str]) -> Result<ExecOutput, EngineError> {
        let options = CreateExecOptions {
            cmd: Some(command.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let failed = |e| EngineError::docker("run a command in", container, e);
        let exec = self.docker.create_exec(container, options).await.map_err(failed)?;
        let mut result = ExecOutput::default();
        if let StartExecResults::Attached { mut output, .. } =
            self.docker.start_exec(&exec.id, None).await.map_err(failed)?
        {
            while let Some(Ok(chunk)) = output.next().await {
                result.output.push_str(&chunk.to_string());
            }
        }
        let inspected = self.docker.inspect_exec(&exec.id).await.map_err(failed)?;
        result.code = inspected.exit_code.unwrap_or(-1);
        Ok(result)
    }

    /// As [`Engine::exec`], but an exit code other than 0 is an error with the command's words.
    pub async fn exec_ok(&self, container: &str, command: &[&str]) -> Result<String, EngineError> {
        let result = self.exec(container, command).await?;
        if result.code == 0 {
            return Ok(result.output);
        }
        Err(EngineError::Refused {
            action: format!("run `{}` in", command.join(" ")),
            object: container.into(),
            reason: format!("exit code {}: {}", result.code, result.output.trim()),
            status: None,
        })
    }
}
