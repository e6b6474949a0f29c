//! Where the operations of a workload go.

use std::net::SocketAddr;
use std::sync::Arc;

use super::programs::Programs;
use super::transport::Transport;

/// Where the operations of a workload go: requests to the entry, lines to programs.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The addresses of the entry tier, as DNS would return them.
    pub addresses: Vec<SocketAddr>,
    /// How it is spoken to.
    pub transport: Transport,
    /// Who starts the programs of operations that are none over HTTP.
    pub programs: Option<Arc<dyn Programs>>,
}

impl Site {
    /// The same site, with other addresses.
    #[must_use]
    pub fn at(&self, addresses: Vec<SocketAddr>) -> Self {
        Self { addresses, ..self.clone() }
    }
}

/// One that is spoken to in HTTP/1.1 without TLS.
impl From<&[SocketAddr]> for Site {
    fn from(addresses: &[SocketAddr]) -> Self {
        Self { addresses: addresses.to_vec(), ..Self::default() }
    }
}
