//! A real pooler in transaction mode, in front of a test's server.

use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::postgres::{Postgres, as_postgres, try_connect};
use super::{free_port, until};

/// A pooler with few connections to its server; gone when dropped.
pub struct PgBouncer {
    pub port: u16,
    child: Child,
    _home: TempDir,
}

impl PgBouncer {
    /// A pooler with so many connections to this server.
    pub async fn start(server: &Postgres, connections: usize) -> Self {
        let home = tempfile::Builder::new().prefix("shop-test-").tempdir().expect("a directory");
        let port = free_port();
        let text = format!(
            "[databases]\nshop = host=127.0.0.1 port={} user=shop\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\n\
             max_client_conn = 500\nserver_login_retry = 1\nserver_check_delay = 0\n",
            server.port
        );
        let config = home.path().join("pgbouncer.ini");
        std::fs::write(&config, text).expect("a configuration");
        open_to_all(home.path());
        open_to_all(&config);
        let mut command = as_postgres("pgbouncer");
        command.arg("-q").arg(&config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("pgbouncer starts");
        until("the pooler answers", || async {
            try_connect(port, "shop", "shop").await.ok().map(|_| ())
        })
        .await;
        Self { port, child, _home: home }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // Nothing to do about a failure: it ends with the test's process group.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open_to_all(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("permissions");
}
