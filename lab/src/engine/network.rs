//! The lab's network: a bridge whose subnet collides with nothing on this machine.

use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use rand::RngCore;

use super::{Engine, EngineError};
use crate::plan::layout::Subnet;
use crate::plan::network_name;
use crate::plan::observed::ObservedNetwork;

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
    /// A subnet that no Docker network and no route of this machine touches, and a fresh secret.
    pub async fn propose_network(
        &self,
        identity: &LabIdentity,
    ) -> Result<ObservedNetwork, EngineError> {
        let networks = self
            .docker
            .list_networks(None::<ListNetworksOptions>)
            .await
            .map_err(|e| EngineError::docker("list", "networks", e))?;
        let mut taken: Vec<(u32, u32)> = networks
            .into_iter()
            .filter_map(|n| n.ipam?.config)
            .flatten()
            .filter_map(|c| parse_cidr(&c.subnet?))
            .collect();
        taken.extend(routes(&std::fs::read_to_string("/proc/net/route").unwrap_or_default()));
        let subnet = free_subnet(&taken).ok_or(EngineError::NoSubnet)?;
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
            .map_err(|e| EngineError::create(&wanted.name, e))
    }
}

/// The first candidate that overlaps nothing in `taken` (network and mask of each).
fn free_subnet(taken: &[(u32, u32)]) -> Option<Subnet> {
    let overlaps = |s: Subnet| {
        let net = u32::from(Ipv4Addr::new(s.0, s.1, 0, 0));
        taken.iter().any(|&(other, mask)| {
            let common = mask & 0xffff_0000;
            (net & common) == (other & common)
        })
    };
    (77..=250).map(|b| Subnet(10, b)).find(|s| !overlaps(*s))
}

/// `10.1.0.0/16` as network and mask.
fn parse_cidr(cidr: &str) -> Option<(u32, u32)> {
    let (net, bits) = cidr.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|b| *b <= 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((u32::from(net.parse::<Ipv4Addr>().ok()?) & mask, mask))
}

/// The routes in `/proc/net/route`, but the default route. Numbers there are little-endian
/// hexadecimal.
fn routes(table: &str) -> Vec<(u32, u32)> {
    let hex = |s: &str| u32::from_str_radix(s, 16).ok().map(u32::swap_bytes);
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            Some((hex(fields.nth(1)?)?, hex(fields.nth(5)?)?))
        })
        .filter(|(_, mask)| *mask != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_avoids_networks_and_routes() {
        let taken: Vec<_> =
            ["10.77.0.0/16", "10.78.3.0/24"].iter().filter_map(|c| parse_cidr(c)).collect();
        assert_eq!(free_subnet(&taken), Some(Subnet(10, 79)));
        let wide = parse_cidr("10.64.0.0/10").unwrap();
        assert_eq!(free_subnet(&[wide]), Some(Subnet(10, 128)));
        assert_eq!(free_subnet(&[parse_cidr("10.0.0.0/8").unwrap()]), None);
    }

    #[test]
    fn routes_are_read_little_endian_and_without_the_default() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n\
                     br0\t00004D0A\t00000000\t0001\t0\t0\t0\t0000FFFF\n";
        assert_eq!(routes(table), vec![parse_cidr("10.77.0.0/16").unwrap()]);
    }

    #[test]
    fn a_subnet_survives_its_printed_form() {
        assert_eq!(Subnet::parse(&Subnet(10, 77).cidr()), Some(Subnet(10, 77)));
        assert_eq!(Subnet::parse("10.77.0.0/24"), None);
    }
}
