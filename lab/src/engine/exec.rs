//! Runs commands inside the lab's containers.

use bollard::exec::{CreateExecOptions, StartExecResults};
use futures::StreamExt;

use super::{Engine, EngineError, ExecOutput};

impl Engine {
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
