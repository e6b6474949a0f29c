//! The lab's network: a bridge whose subnet collides with nothing on this machine.

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use rand::RngCore;

use super::routes::routes;
use super::{Engine, EngineError};
use crate::plan::layout::Subnet;
use crate::plan::network_name;
use crate::plan::observed::ObservedNetwork;
use crate::plan::subnet::{Range, Taken, choose};

/// What the network's labels say about the lab.
#[derive(Clone, Debug)]
pub struct LabIdentity {
    /// Name of the stage.
    pub stage: String,
    /// Hash of its definition.
    pub definition: String,
    /// The whole stage as JSON.
    pub stage_json: String,
}

impl Engine {
    /// The first of these subnets that no Docker network and no route of this machine touches, and a
    /// fresh secret.
    ///
    /// # Errors
    /// None of them is free, or networks or routes cannot be read.
    pub async fn propose_network(
        &self,
        identity: &LabIdentity,
        candidates: &[Subnet],
    ) -> Result<ObservedNetwork, EngineError> {
        let subnet = self.free_subnet(candidates).await?;
        let mut secret = [0u8; 16];
        rand::rng().fill_bytes(&mut secret);
        Ok(ObservedNetwork {
            id: String::new(),
            name: network_name(&self.lab),
            stage: identity.stage.clone(),
            definition: identity.definition.clone(),
            stage_json: identity.stage_json.clone(),
            subnet,
            secret: secret.iter().map(|b| format!("{b:02x}")).collect(),
        })
    }

    /// The first of these subnets that no Docker network and no route of this machine touches.
    ///
    /// # Errors
    /// As [`Engine::propose_network`].
    pub async fn free_subnet(&self, candidates: &[Subnet]) -> Result<Subnet, EngineError> {
        let networks = self
            .docker
            .list_networks(None::<ListNetworksOptions>)
            .await
            .map_err(|e| EngineError::docker("list", "networks", e))?;
        let of_network = |network: Network| {
            let name = network.name.unwrap_or_default();
            let configs = network.ipam.and_then(|i| i.config).unwrap_or_default();
            let ranges = configs.into_iter().filter_map(|c| Range::parse(&c.subnet?));
            let taken = |range| Taken { range, by: format!("the network {name} ({range})") };
            ranges.map(taken).collect::<Vec<_>>()
        };
        let mut taken: Vec<Taken> = networks.into_iter().flat_map(of_network).collect();
        taken.extend(routes().await?);
        choose(candidates, &taken).map_err(|by| match candidates {
            [only] => EngineError::SubnetTaken { subnet: *only, by },
            _ => EngineError::NoSubnet { by },
        })
    }

    /// Creates the proposed network.
    pub(super) async fn create_network(&self, wanted: &ObservedNetwork) -> Result<(), EngineError> {
        let labels = self.labels(
            "network",
            &[
                ("lab.stage", &wanted.stage),
                ("lab.definition", &wanted.definition),
                ("lab.stage-json", &wanted.stage_json),
                ("lab.secret", &wanted.secret),
            ],
        );
        let request = NetworkCreateRequest {
            name: wanted.name.clone(),
            driver: Some("bridge".into()),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(wanted.subnet.cidr()),
                    gateway: Some(wanted.subnet.gateway().to_string()),
                    ..Default::default()
                }]),
                ..Default::default()
            }),
            labels: Some(labels.into_iter().collect()),
            ..Default::default()
        };
        self.docker
            .create_network(request)
            .await
            .map(drop)
            .map_err(|e| EngineError::create_network(&wanted.name, wanted.subnet, e))
    }
}
