//! One changing command at a time per lab. The lock is a name in the kernel's abstract socket
//! space: it dies with the process that holds it, also with `kill -9`, and leaves no file.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::EngineError;

/// Held for as long as a command changes a lab.
#[derive(Debug)]
pub struct Lock {
    _listener: UnixListener,
}

impl Lock {
    /// Takes the lock of a lab, or says who holds it.
    pub fn take(lab: &str) -> Result<Self, EngineError> {
        let io = |source| EngineError::Io { path: format!("lock of the lab `{lab}`"), source };
        let name = SocketAddr::from_abstract_name(format!("lab-lock/{lab}")).map_err(io)?;
        match UnixListener::bind_addr(&name) {
            Ok(listener) => Ok(Self { _listener: listener }),
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
                Err(EngineError::Busy { lab: lab.into(), pid: holder(&name) })
            }
            Err(e) => Err(io(e)),
        }
    }
}

/// The process that listens on the name.
fn holder(name: &SocketAddr) -> String {
    UnixStream::connect_addr(name)
        .and_then(|s| {
            s.set_nonblocking(true)?;
            Ok(s)
        })
        .and_then(tokio::net::UnixStream::from_std)
        .and_then(|s| s.peer_cred())
        .ok()
        .and_then(|c| c.pid())
        .map_or_else(|| "unknown".into(), |pid| pid.to_string())
}
