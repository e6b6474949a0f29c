//! Real Redis servers and Sentinels, started and killed by the test.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{free_port, signal, until};

/// A server or a Sentinel; gone when dropped.
pub struct Redis {
    pub port: u16,
    child: Option<Child>,
    home: TempDir,
    arguments: Vec<String>,
}

impl Redis {
    /// A server with nothing in it.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A replica of this server.
    pub async fn replica(&self) -> Self {
        let replica = Self::with(&["--replicaof", "127.0.0.1", &self.port.to_string()]).await;
        until("the replica is in step", || async {
            replica.ask("INFO replication").await.contains("master_link_status:up").then_some(())
        })
        .await;
        replica
    }

    async fn with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        let mut server = Self { port: free_port(), child: None, home: home(), arguments };
        server.restart().await;
        server
    }

    /// A Sentinel that watches this server as `cache`; two must agree.
    pub async fn sentinel(&self) -> Self {
        let home = home();
        let config = home.path().join("sentinel.conf");
        let text = format!(
            "sentinel monitor cache 127.0.0.1 {} 2\nsentinel down-after-milliseconds cache 300\n\
             sentinel failover-timeout cache 2000\n",
            self.port
        );
        std::fs::write(&config, text).expect("a configuration");
        let config = config.to_str().expect("a path").to_owned();
        let arguments = vec![config, "--sentinel".into()];
        let mut sentinel = Self { port: free_port(), child: None, home, arguments };
        sentinel.restart().await;
        sentinel
    }

    /// Starts the dead server again, with nothing in it.
    pub async fn restart(&mut self) {
        let mut command = Command::new(find());
        // The configuration file, if there is one, comes first.
        command.args(self.arguments.iter().filter(|a| Path::new(a).is_absolute()));
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--repl-diskless-sync-delay", "0"]);
        command.args(self.arguments.iter().filter(|a| !Path::new(a).is_absolute()));
        command.current_dir(self.home.path()).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("redis-server starts"));
        until("redis answers", || async { self.try_ask("PING").await.ok() }).await;
    }

    /// Runs a command of words without spaces; the raw answer.
    pub async fn ask(&self, command: &str) -> String {
        self.try_ask(command).await.expect("an answer")
    }

    async fn try_ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        // It answers what it was asked, and closes: Sentinels know no QUIT.
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Kills it with SIGKILL and waits until it is dead.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process to kill");
            child.wait().expect("a dead process");
        }
    }

    /// Freezes it: connections are accepted, and nothing is answered.
    pub fn freeze(&self) {
        signal(self.pid(), "STOP");
    }

    /// Wakes the frozen server up.
    pub fn thaw(&self) {
        signal(self.pid(), "CONT");
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).expect("a living process")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn home() -> TempDir {
    tempfile::Builder::new().prefix("shop-test-").tempdir().expect("a directory")
}

fn find() -> &'static str {
    let known = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"];
    known.into_iter().find(|path| Path::new(path).is_file()).unwrap_or_else(|| {
        panic!("redis-server is missing: these tests need the Debian package \"redis-server\"")
    })
}
