//! nginx as a child process.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use http_body_util::BodyExt;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::config::{BalancerConfig, TargetConfig};
use super::error::BalancerError;
use super::nginx_conf::{CONF, UPSTREAMS, nginx_conf, upstreams};
use super::prober::{ask, probe};

/// nginx starts within 50 ms; on a machine that starts everything at once, leave it some more.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Longest wait for requests under way at the end. Docker kills after 10 s.
const GRACE: Duration = Duration::from_secs(8);

/// Longest wait for nginx after it was told to end at once.
const FAST_END: Duration = Duration::from_secs(1);

/// A running nginx; told to end at once when dropped.
pub struct Nginx {
    child: Child,
}

impl Nginx {
    /// Writes the configuration with all targets in service, and starts nginx. A gateway logs what it
    /// refuses to `log_port`.
    ///
    /// # Errors
    /// A file cannot be written, or the program not started.
    pub fn start(config: &BalancerConfig, log_port: u16) -> Result<Self, BalancerError> {
        let dir = &config.nginx_conf_dir;
        std::fs::create_dir_all(dir)
            .map_err(|source| BalancerError::File { path: dir.clone(), source })?;
        write_atomically(&dir.join(CONF), &nginx_conf(config, log_port))?;
        let all = config.targets.iter().map(|target| (target, 1));
        let servers = upstreams(all, config.gateway.is_none());
        write_atomically(&dir.join(UPSTREAMS), &servers)?;
        Self::spawn(&config.nginx, &dir.join(CONF))
    }

    /// Starts nginx with a configuration that is there.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(program: &Path, conf: &Path) -> Result<Self, BalancerError> {
        let child = Command::new(program)
            .args(["-e", "stderr", "-c"])
            .arg(conf)
            .spawn()
            .map_err(BalancerError::Nginx)?;
        Ok(Self { child })
    }

    /// Waits until nginx answers. Only then it can be signalled: before it has installed its
    /// handlers a signal would kill it, or be lost.
    ///
    /// # Errors
    /// It died, or does not answer in time.
    pub async fn ready(&mut self, status_port: u16) -> Result<(), BalancerError> {
        let give_up = Instant::now() + START_LIMIT;
        while answers(status_port).await.is_err() {
            if let Some(status) = self.child.try_wait().map_err(BalancerError::Nginx)? {
                return Err(BalancerError::NginxDied(status));
            }
            if Instant::now() >= give_up {
                return Err(BalancerError::NotReady(START_LIMIT));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Makes nginx use these targets. Requests under way stay with the worker that has them.
    ///
    /// # Errors
    /// The file cannot be written, or nginx not be told.
    pub fn use_targets<'a>(
        &self,
        config: &BalancerConfig,
        in_service: impl IntoIterator<Item = (&'a TargetConfig, u32)>,
    ) -> Result<(), BalancerError> {
        let servers = upstreams(in_service, config.gateway.is_none());
        write_atomically(&config.nginx_conf_dir.join(UPSTREAMS), &servers)?;
        self.signal(Signal::HUP).map_err(BalancerError::Nginx)
    }

    /// Returns when nginx ended.
    ///
    /// # Errors
    /// The system cannot say.
    pub async fn ended(&mut self) -> Result<ExitStatus, BalancerError> {
        self.child.wait().await.map_err(BalancerError::Nginx)
    }

    /// Ends nginx: gracefully at first, then less and less so.
    ///
    /// # Errors
    /// It cannot be signalled or waited for.
    pub async fn end(mut self) -> Result<(), BalancerError> {
        for (signal, limit) in [(Signal::QUIT, GRACE), (Signal::TERM, FAST_END)] {
            self.signal(signal).map_err(BalancerError::Nginx)?;
            if let Ok(ended) = timeout(limit, self.child.wait()).await {
                return ended.map(drop).map_err(BalancerError::Nginx);
            }
        }
        self.child.kill().await.map_err(BalancerError::Nginx)
    }

    /// Signals the process, unless it was waited for already: then its number may be another's.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.ok_or_else(|| io::Error::other("it ended already"))?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Nginx {
    /// A kill would leave its workers behind, still serving users. When it ended already there is
    /// nothing to tell.
    fn drop(&mut self) {
        drop(self.signal(Signal::TERM));
    }
}

/// Whether a worker of nginx answers.
///
/// # Errors
/// Why not.
pub async fn answers(status_port: u16) -> Result<(), String> {
    let address = SocketAddr::from(([127, 0, 0, 1], status_port));
    probe(address, "/", Duration::from_secs(1)).await
}

/// How many requests nginx has had since it started; a reload does not reset it.
///
/// # Errors
/// It does not answer, or with something else.
pub async fn requests(status_port: u16) -> Result<u64, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], status_port));
    let asked = async {
        let answer = ask(address, "/").await?;
        answer.into_body().collect().await.map_err(|e| e.to_string())
    };
    let body =
        timeout(Duration::from_secs(1), asked).await.map_err(|_| "no answer".to_owned())??;
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    handled(&text).ok_or_else(|| format!("nginx says `{text}`"))
}

/// The third number of the third line: `accepts handled requests`.
fn handled(status: &str) -> Option<u64> {
    status.lines().nth(2)?.split_whitespace().nth(2)?.parse().ok()
}

/// nginx reads either the old file or the new one, never a half.
pub(super) fn write_atomically(path: &Path, text: &str) -> Result<(), BalancerError> {
    let new = path.with_extension("new");
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, path))
        .map_err(|source| BalancerError::File { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_requests_is_read_from_the_status_page() {
        let page =
            "Active connections: 1 \nserver accepts handled requests\n 7 7 42 \nReading: 0\n";
        assert_eq!(handled(page), Some(42));
        assert_eq!(handled("<html>"), None);
    }
}
