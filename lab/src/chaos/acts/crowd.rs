//! A flash crowd, as an act on the entry of a stage.

use std::sync::Arc;

use super::super::crowd::{Crowd, Order, PATIENCE, obstacle};
use super::super::inject::Traffic;
use super::{Act, ChaosError, Proof};

/// Whether this process can be so many clients.
pub(super) fn before(clients: u16) -> Result<(), ChaosError> {
    obstacle(clients).map_or(Ok(()), |why| Err(ChaosError::Unable(why)))
}

/// Lets the crowd come; nothing for an act that is none.
pub(super) fn start(id: &str, act: &Act, traffic: &Traffic<'_>) -> Option<Crowd> {
    let Act::Crowd { addresses, requests, asked, signed_in, cold, .. } = act else { return None };
    Some(Crowd::start(Order {
        id: id.to_owned(),
        site: traffic.site.at(addresses.iter().copied().map(Into::into).collect()),
        clients: *requests,
        asked: asked.clone(),
        workload: Arc::clone(&traffic.workload),
        signed_in: *signed_in,
        cold: *cold,
        patience: PATIENCE,
    }))
}

pub(super) fn confirm(crowd: Option<&Crowd>) -> Proof {
    crowd.map_or_else(|| Err("no crowd came".to_owned()), Crowd::proof)
}
