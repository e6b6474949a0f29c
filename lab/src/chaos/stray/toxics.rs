//! Edges that a network proxy makes slow, cuts or resets.

use std::net::SocketAddrV4;

use super::super::NetProxy;
use super::{Lab, Stray, StrayEffect};
use crate::kinds::NETWORK_PROXY_PORT;
use crate::spec::slots::Duty;

pub(super) async fn look(lab: Lab<'_>) -> Vec<Stray> {
    let proxies = lab.places.iter().filter(|p| p.duty == Duty::NetworkProxy);
    let looks = proxies.map(|place| async move {
        let api = SocketAddrV4::new(place.address, NETWORK_PROXY_PORT);
        // One that is gone has forgotten everything when it comes back.
        let routes = NetProxy::new(api).suffering().await.unwrap_or_default();
        let toxic =
            |route| Stray { node: place.name.clone(), effect: StrayEffect::Toxic { api, route } };
        routes.into_iter().map(toxic).collect::<Vec<_>>()
    });
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}
