//! The routes of this machine, from the kernel itself: `/proc/net/route` has those of one table only, and
//! whoever sends everything through a tunnel keeps its own in another.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures::TryStreamExt;
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{Handle, RouteMessageBuilder};

use super::EngineError;
use crate::plan::subnet::{Range, Taken};

/// Every route of every table, but the default routes and their parts.
///
/// # Errors
/// The kernel does not say.
pub async fn routes() -> Result<Vec<Taken>, EngineError> {
    let failed = |e: &dyn std::fmt::Display| EngineError::Routes(e.to_string());
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|e| failed(&e))?;
    let connection = tokio::spawn(connection);
    let read = read(&handle).await.map_err(|e| failed(&e));
    connection.abort();
    read
}

async fn read(handle: &Handle) -> Result<Vec<Taken>, rtnetlink::Error> {
    let mut names = BTreeMap::new();
    let mut links = handle.link().get().execute();
    while let Some(link) = links.try_next().await? {
        let name = link.attributes.into_iter().find_map(|a| match a {
            LinkAttribute::IfName(name) => Some(name),
            _ => None,
        });
        names.extend(name.map(|name| (link.header.index, name)));
    }
    let mut all = Vec::new();
    let every = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let mut found = handle.route().get(every).execute();
    while let Some(route) = found.try_next().await? {
        all.extend(taken(&route, &names));
    }
    Ok(all)
}

/// What a route takes; `None` for a part of the default route.
fn taken(route: &RouteMessage, names: &BTreeMap<u32, String>) -> Option<Taken> {
    let mut to = Ipv4Addr::UNSPECIFIED;
    let mut through = None;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => to = *address,
            RouteAttribute::Oif(index) => through = names.get(index),
            _ => {}
        }
    }
    let range = Range::new(to, route.header.destination_prefix_length)?;
    if range.is_of_default_route() {
        return None;
    }
    let through = through.map(|name| format!(" ({name})")).unwrap_or_default();
    Some(Taken { range, by: format!("the route to {range}{through}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_routes_of_this_machine_can_be_read() {
        let all = routes().await.unwrap();
        let local = Range::parse("127.0.0.0/8").unwrap();
        assert!(all.iter().any(|t| t.range == local && t.by.ends_with("(lo)")), "{all:?}");
    }
}
