//! An emulator of managed services, started and killed by the test.

use std::process::{Child, Command, Stdio};

use super::{free_port, signal, until};

/// The emulator; gone when dropped. It forgets everything when it is killed.
pub struct Emulator {
    pub port: u16,
    child: Option<Child>,
}

impl Emulator {
    /// A port on which it may be started later.
    pub fn planned() -> Self {
        Self { port: free_port(), child: None }
    }

    /// A running one.
    pub async fn start() -> Self {
        let mut emulator = Self::planned();
        emulator.launch().await;
        emulator
    }

    /// Starts it.
    pub async fn launch(&mut self) {
        let program = std::env::var("MINISTACK").unwrap_or_else(|_| "ministack".into());
        let mut command = Command::new(&program);
        command.env("GATEWAY_PORT", self.port.to_string()).env("BIND_HOST", "127.0.0.1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|e| {
            panic!(
                "{program}: {e}; these tests need the Python package \"ministack\": \
                 set MINISTACK to its program"
            )
        });
        self.child = Some(child);
        until("the emulator listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok()
        })
        .await;
    }

    /// The settings of a shop that uses it.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ACCESS_KEY_ID", "lab".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
        ]
    }

    /// Kills it: connections are refused.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process to kill");
            child.wait().expect("a dead process");
        }
    }

    /// Freezes it: connections are accepted, and nothing is answered.
    pub fn freeze(&self) {
        signal(self.child.as_ref().expect("a process").id(), "STOP");
    }

    /// Wakes it up.
    pub fn thaw(&self) {
        signal(self.child.as_ref().expect("a process").id(), "CONT");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.kill();
    }
}
