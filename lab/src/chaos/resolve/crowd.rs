//! A flash crowd: who is asked, and for what.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::scene::Scene;
use super::{Act, Injection, ResolveError, injection};
use crate::kinds;
use crate::plan::layout::with_duty;
use crate::spec::model::{Fault, FlashCrowd};
use crate::spec::slots::Duty;

/// How many ask when nobody says otherwise.
const REQUESTS: u16 = 1000;
/// What they ask for.
const PATH: &str = "/products/1";
/// By then everybody has been answered or has given up.
const GONE_AFTER: Duration = Duration::from_secs(10);

/// They come to where all users do.
pub(super) fn flash_crowd(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &FlashCrowd,
) -> Result<Injection, ResolveError> {
    let entry = &scene.stage.traffic.entry;
    let first = with_duty(scene.places, entry, Duty::Member).next();
    let node = first
        .map(|p| p.name.clone())
        .ok_or_else(|| ResolveError::NoNode(format!("the entry `{entry}` has no node to ask")))?;
    let addresses = kinds::entry(scene.stage, scene.places);
    let act = Act::Crowd {
        node,
        addresses: addresses.into_iter().map(|(ip, port)| SocketAddrV4::new(ip, port)).collect(),
        requests: f.requests.unwrap_or(REQUESTS),
        path: f.path.clone().unwrap_or_else(|| PATH.to_owned()),
        signed_in: f.signed_in,
    };
    let heal = "nothing: the crowd goes with its answers";
    Ok(injection(fault, vec![act], false, GONE_AFTER, heal))
}
