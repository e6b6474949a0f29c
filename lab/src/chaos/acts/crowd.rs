//! A flash crowd, as an act on the entry of a stage.

use std::net::SocketAddrV4;

use super::super::crowd::{Crowd, Order, PATIENCE, obstacle};
use super::{ChaosError, Proof};

/// Whether this process can be so many clients.
pub(super) fn before(clients: u16) -> Result<(), ChaosError> {
    obstacle(clients).map_or(Ok(()), |why| Err(ChaosError::Unable(why)))
}

/// Lets the crowd come.
pub(super) fn start(
    id: &str,
    addresses: &[SocketAddrV4],
    clients: u16,
    path: &str,
    signed_in: bool,
) -> Crowd {
    Crowd::start(Order {
        id: id.to_owned(),
        addresses: addresses.iter().copied().map(Into::into).collect(),
        clients,
        target: target(path, id, signed_in),
        signed_in,
        patience: PATIENCE,
    })
}

/// What is asked for. An edge cache keeps its objects by path and query, and the shop knows no such
/// parameter, so with the fault's identity in the query nobody can have asked for the object before.
/// The shop's own cache must not tell those apart who are signed in.
fn target(path: &str, id: &str, signed_in: bool) -> String {
    match (signed_in, path.contains('?')) {
        (true, _) => path.to_owned(),
        (false, true) => format!("{path}&crowd={id}"),
        (false, false) => format!("{path}?crowd={id}"),
    }
}

pub(super) fn confirm(crowd: Option<&Crowd>) -> Proof {
    crowd.map_or_else(|| Err("no crowd came".to_owned()), Crowd::proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_have_asked_an_edge_cache_for_it_before() {
        assert_eq!(target("/products/1", "f1", false), "/products/1?crowd=f1");
        assert_eq!(target("/products?page=2", "f1", false), "/products?page=2&crowd=f1");
        assert_eq!(target("/leaderboard", "f1", true), "/leaderboard");
    }
}
