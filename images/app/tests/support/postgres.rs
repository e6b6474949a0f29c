//! A real PostgreSQL server, started and killed by the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::{free_port, signal, until};

/// A server with its own data directory; gone when dropped.
pub struct Postgres {
    pub port: u16,
    options: Vec<String>,
    child: Option<Child>,
    home: TempDir,
}

impl Postgres {
    /// A new server with an empty database `shop`, owned by the role `shop`, who has no other
    /// rights. `options` are settings such as `max_connections=50`.
    pub async fn start(options: &[&str]) -> Self {
        let server = Self::prepare(options);
        let data = server.data();
        run(as_postgres("initdb").args(["-U", "postgres", "-A", "trust", "-N", "-D"]).arg(&data));
        let server = server.launched().await;
        let admin = server.admin("postgres").await;
        admin.batch_execute("CREATE ROLE shop LOGIN").await.expect("a role");
        admin.batch_execute("CREATE DATABASE shop OWNER shop").await.expect("a database");
        server
    }

    /// A standby of this server, which calls itself `standby`.
    pub async fn standby(&self, options: &[&str]) -> Self {
        let standby = Self::prepare(options);
        let source =
            format!("host=127.0.0.1 port={} user=postgres application_name=standby", self.port);
        let mut copy = as_postgres("pg_basebackup");
        copy.args(["-R", "-c", "fast", "-X", "stream", "-d", &source, "-D"]).arg(standby.data());
        run(&mut copy);
        standby.launched().await
    }

    fn prepare(options: &[&str]) -> Self {
        let home = tempfile::Builder::new().prefix("shop-test-").tempdir().expect("a directory");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(home.path()));
        }
        let options = options.iter().map(|o| (*o).to_owned()).collect();
        Self { port: free_port(), options, child: None, home }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    async fn launched(mut self) -> Self {
        self.restart(&[]).await;
        self
    }

    /// Starts the dead server again, with further settings.
    pub async fn restart(&mut self, further: &[&str]) {
        // The killed server's last children may still hold its memory: then the start fails.
        let server = &mut *self;
        let limit = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let mut child = server.command(further).spawn().expect("postgres starts");
            let up = server.answers_or_exits(&mut child).await;
            if up {
                server.child = Some(child);
                return;
            }
            assert!(
                tokio::time::Instant::now() < limit,
                "postgres does not start: {}",
                server.log()
            );
        }
    }

    fn command(&self, further: &[&str]) -> Command {
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        let base =
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB"];
        let own = self.options.iter().map(String::as_str);
        for option in base.into_iter().chain(own).chain(further.iter().copied()) {
            command.args(["-c", option]);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.log_path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a log file"));
        command
    }

    async fn answers_or_exits(&self, child: &mut Child) -> bool {
        let port = self.port;
        let state = std::cell::RefCell::new(child);
        until("postgres answers or exits", || async {
            if state.borrow_mut().try_wait().expect("a child").is_some() {
                return Some(false);
            }
            try_connect(port, "postgres", "postgres").await.is_ok().then_some(true)
        })
        .await
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A connection as superuser.
    pub async fn admin(&self, database: &str) -> Client {
        try_connect(self.port, "postgres", database).await.expect("postgres answers")
    }

    /// Kills the server with SIGKILL and waits until it is dead.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process to kill");
            child.wait().expect("a dead process");
        }
    }

    /// Freezes every process of the server: it stays connected and answers nothing.
    pub fn freeze(&self) {
        // The one that starts the others first, and only then are these listed: none escapes.
        if let Some(child) = &self.child {
            signal(child.id(), "STOP");
        }
        self.postmaster_and_children().iter().for_each(|pid| signal(*pid, "STOP"));
    }

    /// Wakes the frozen server up.
    pub fn thaw(&self) {
        self.postmaster_and_children().iter().for_each(|pid| signal(*pid, "CONT"));
    }

    fn postmaster_and_children(&self) -> Vec<u32> {
        let Some(postmaster) = self.child.as_ref().map(Child::id) else { return Vec::new() };
        let path = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = std::fs::read_to_string(path).expect("a list of processes");
        let children = children.split_whitespace().map(|pid| pid.parse().expect("a pid"));
        std::iter::once(postmaster).chain(children).collect()
    }

    /// Changes a setting of the running server.
    pub async fn set(&self, name: &str, value: &str) {
        let admin = self.admin("postgres").await;
        let change = format!("ALTER SYSTEM SET {name} = '{value}'");
        admin.batch_execute(&change).await.expect("a setting");
        admin.batch_execute("SELECT pg_reload_conf()").await.expect("a reload");
        let show = format!("SHOW {name}");
        until("the setting is in force", || async {
            let admin = self.admin("postgres").await;
            let row = admin.query_one(&show, &[]).await.expect("a setting");
            (row.get::<_, String>(0) == value).then_some(())
        })
        .await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "QUIT");
            // Nothing to do about a failure here: the directory goes away in any case.
            let _ = child.wait();
        }
    }
}

/// Connects without a password.
pub async fn try_connect(
    port: u16,
    user: &str,
    database: &str,
) -> Result<Client, tokio_postgres::Error> {
    let target =
        format!("host=127.0.0.1 port={port} user={user} dbname={database} connect_timeout=5");
    let (client, connection) = tokio_postgres::connect(&target, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout.trim_ascii() == b"0"
}

/// PostgreSQL refuses to run as root, so root runs it as the user of Debian's package.
pub fn as_postgres(program: &str) -> Command {
    let path = find(program);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir("/").env("LC_ALL", "C");
    command
}

fn find(program: &str) -> PathBuf {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&in_path).collect();
    places.push("/usr/sbin".into());
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let found = places.iter().map(|place| place.join(program)).find(|path| Path::is_file(path));
    found.unwrap_or_else(|| {
        panic!(
            "{program} is missing: these tests need the Debian packages postgresql and pgbouncer"
        )
    })
}
