//! The site's zone in the emulated Route 53, where a stage has one, so that a person's own tools can see
//! it. Nobody resolves names there: that is what the name servers are for.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Shared;
use crate::engine::probe;

/// How often it is looked whether the zone is there: an emulator that ended has forgotten it.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Pause before a zone that could not be made is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest wait for the emulator.
const TIMEOUT: Duration = Duration::from_secs(5);
const API: &str = "/2013-04-01";
const XMLNS: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// A zone, and where it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostedZone {
    /// The emulator.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// The zone, such as `lab`.
    pub domain: String,
    /// The name in it, such as `shop.lab`.
    pub name: String,
    /// How long an answer may be kept, in seconds.
    pub ttl_s: u32,
    /// What the name stands for.
    pub targets: Vec<Ipv4Addr>,
}

/// Keeps the zone there until the process ends.
pub async fn run(_shared: Shared, zone: HostedZone) {
    loop {
        let pause = match published(&zone).await {
            Ok(()) => LOOK_EVERY,
            Err(e) => {
                tracing::debug!(error = %e, "the zone is not in Route 53");
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Makes the zone, unless it is there, and its record.
async fn published(zone: &HostedZone) -> Result<(), String> {
    let path = format!("{API}/hostedzonesbyname?dnsname={}", zone.domain);
    let known = zone_id(&call(zone, "GET", &path, "").await?, &zone.domain);
    let id = match known {
        Some(id) => id,
        None => {
            let made = call(zone, "POST", &format!("{API}/hostedzone"), &zone_xml(zone)).await?;
            zone_id(&made, &zone.domain).ok_or("an answer without the zone's id")?
        }
    };
    let path = format!("{API}/hostedzone/{id}/rrset/");
    call(zone, "POST", &path, &record_xml(zone)).await.map(drop)
}

async fn call(
    zone: &HostedZone,
    method: &'static str,
    path: &str,
    body: &str,
) -> Result<String, String> {
    // Emulators read the scope of the signature, and do not check it.
    let authorization = "AWS4-HMAC-SHA256 Credential=lab/20000101/us-east-1/route53/aws4_request, \
                         SignedHeaders=host, Signature=0";
    let headers = [
        ("Content-Type", "application/xml".to_owned()),
        ("Authorization", authorization.to_owned()),
    ];
    let call = probe::Call { method, path, headers: &headers, body };
    match probe::send(zone.address, zone.port, &call, TIMEOUT).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer.body),
        Ok(answer) => Err(format!("{method} {path}: {} {}", answer.status, answer.body)),
        Err(e) => Err(e.to_string()),
    }
}

/// The id of the zone of this name in an answer; nothing when it is not there.
fn zone_id(xml: &str, domain: &str) -> Option<String> {
    let zones = xml.split("<HostedZone>").skip(1);
    let of = |zone: &str, tag: &str| {
        let (_, rest) = zone.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    zones
        .filter(|zone| of(zone, "Name").is_some_and(|name| name.trim_end_matches('.') == domain))
        .find_map(|zone| Some(of(zone, "Id")?.trim_start_matches("/hostedzone/").to_owned()))
}

fn zone_xml(zone: &HostedZone) -> String {
    format!(
        "<CreateHostedZoneRequest xmlns=\"{XMLNS}\"><Name>{}</Name>\
         <CallerReference>lab-{}</CallerReference></CreateHostedZoneRequest>",
        zone.domain,
        super::now()
    )
}

fn record_xml(zone: &HostedZone) -> String {
    let records = zone.targets.iter().fold(String::new(), |mut out, address| {
        let _ = write!(out, "<ResourceRecord><Value>{address}</Value></ResourceRecord>");
        out
    });
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"{XMLNS}\"><ChangeBatch><Changes><Change>\
         <Action>UPSERT</Action><ResourceRecordSet><Name>{}.</Name><Type>A</Type><TTL>{}</TTL>\
         <ResourceRecords>{records}</ResourceRecords></ResourceRecordSet></Change></Changes>\
         </ChangeBatch></ChangeResourceRecordSetsRequest>",
        zone.name, zone.ttl_s
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "<ListHostedZonesByNameResponse><HostedZones><HostedZone>\
        <Id>/hostedzone/AAA</Id><Name>other.</Name></HostedZone><HostedZone>\
        <Id>/hostedzone/Z1</Id><Name>lab.</Name><Config/></HostedZone></HostedZones>\
        </ListHostedZonesByNameResponse>";

    #[test]
    fn the_zone_is_known_by_its_name() {
        assert_eq!(zone_id(LISTED, "lab").as_deref(), Some("Z1"));
        assert_eq!(zone_id(LISTED, "shop"), None);
        assert_eq!(zone_id("<HostedZones/>", "lab"), None);
    }

    #[test]
    fn the_record_has_all_addresses() {
        let zone = HostedZone {
            address: Ipv4Addr::LOCALHOST,
            port: 4566,
            domain: "lab".into(),
            name: "shop.lab".into(),
            ttl_s: 3,
            targets: vec![Ipv4Addr::new(10, 77, 1, 10), Ipv4Addr::new(10, 77, 2, 10)],
        };
        let xml = record_xml(&zone);
        for part in ["<Name>shop.lab.</Name>", "<TTL>3</TTL>", "10.77.1.10</V", "10.77.2.10</V"] {
            assert!(xml.contains(part), "{xml}");
        }
    }
}
