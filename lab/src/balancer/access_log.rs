//! nginx's access log, as datagrams of the syslog protocol on a socket of this container: nothing is
//! written to a disk, and a reader that falls behind loses lines instead of making nginx wait.

use tokio::net::UnixDatagram;
use tokio::task::JoinSet;

use super::config::BalancerConfig;
use super::error::BalancerError;
use super::numbers::Shared;

/// File name of the socket.
pub const ACCESS_LOG: &str = "access.sock";
/// What stands before each line.
pub const TAG: &str = "targets";
/// Longest line: a few targets with their times.
const LONGEST: usize = 4096;

/// Reads the log from now on; it ends when the returned set is dropped.
///
/// # Errors
/// The socket cannot be made.
pub fn start(config: &BalancerConfig, numbers: &Shared) -> Result<JoinSet<()>, BalancerError> {
    let dir = &config.nginx_conf_dir;
    let path = dir.join(ACCESS_LOG);
    let error = |source| BalancerError::File { path: path.clone(), source };
    std::fs::create_dir_all(dir).map_err(error)?;
    // Left behind by the process before this one.
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(error(e)),
        _ => {}
    }
    let socket = UnixDatagram::bind(&path).map_err(error)?;
    let (targets, numbers) = (config.targets.clone(), numbers.clone());
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        let mut buffer = [0; LONGEST];
        while let Ok(length) = socket.recv(&mut buffer).await {
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
            if let Some((_, line)) = text.split_once(&format!("{TAG}: ")) {
                numbers.count(&targets, line);
            }
        }
    });
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    #[tokio::test]
    async fn lines_as_nginx_sends_them_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&[1]);
        config.nginx_conf_dir = dir.path().into();
        let numbers = Shared::default();
        // A second start finds the socket of the first.
        drop(start(&config, &numbers).unwrap());
        let _reader = start(&config, &numbers).unwrap();
        let nginx = UnixDatagram::unbound().unwrap();
        let line = b"<190>Nov 21 12:00:00 targets: 10.0.0.1:8080|200|0.003";
        nginx.send_to(line, dir.path().join(ACCESS_LOG)).await.unwrap();
        let counted = async {
            while numbers.all().get("web-1").is_none_or(|n| n.requests != 1) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), counted).await.unwrap();
    }
}
