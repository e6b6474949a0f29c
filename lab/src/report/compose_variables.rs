//! What may be chosen when a Compose file is used: its subnet, from which every address follows, and its
//! published ports. By itself it has others than a lab, and than the file of another stage.

use crate::plan::layout::Subnet;
use crate::plan::node::{NodeSpec, Publish};

/// The variable with the first two numbers of every address.
const NET: &str = "LAB_NET";
/// Below this only root may listen.
const FIRST_PORT: u32 = 1024;

/// What stands at the head of the file about its variables.
pub(super) fn explained(nodes: &[&NodeSpec], subnet: Subnet) -> String {
    let mut text = format!(
        "# Variables: {NET} (the first two numbers of all addresses, {}.{})",
        subnet.0, subnet.1
    );
    let mut example = format!("{NET}=10.99");
    for node in nodes {
        let Some(publish) = node.publish else { continue };
        let variable = port_variable(node);
        text += &format!(",\n#   {variable} ({})", port(publish, subnet));
        example += &format!(" {variable}=0");
    }
    text + &format!(
        ".\n# A second time beside itself:\n#   {example} docker compose --project-name second up\n"
    )
}

/// Puts the variable into every address of the subnet.
pub(super) fn with_net(text: &str, subnet: Subnet) -> String {
    let net = format!("{}.{}.", subnet.0, subnet.1);
    let variable = format!("${{{NET}:-{}.{}}}.", subnet.0, subnet.1);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&net) {
        let (before, found) = rest.split_at(at);
        let after = &found[net.len()..];
        let continues = |c: char| c.is_ascii_digit() || c == '.';
        // The end of another number, or the middle of something longer.
        let is_part = before.chars().next_back().is_some_and(continues)
            || (before.is_empty() && out.ends_with(continues));
        out += before;
        out += if !is_part && ends_an_address(after) { &variable } else { &net };
        rest = after;
    }
    out + rest
}

/// Whether two numbers follow, and then no third.
fn ends_an_address(text: &str) -> bool {
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let third = number(text);
    let Some(rest) = text[third..].strip_prefix('.') else { return false };
    let fourth = number(rest);
    let end = &rest[fourth..];
    let longer = end.strip_prefix('.').is_some_and(|more| number(more) > 0);
    (1..=3).contains(&third) && (1..=3).contains(&fourth) && !longer
}

/// A published port as Compose is told it.
pub(super) fn published(node: &NodeSpec, publish: Publish, subnet: Subnet) -> String {
    let (variable, port) = (port_variable(node), port(publish, subnet));
    format!("127.0.0.1:${{{variable}:-{port}}}:{}", publish.container)
}

fn port_variable(node: &NodeSpec) -> String {
    format!("LAB_PORT_{}", node.name.to_uppercase().replace('-', "_"))
}

/// The port that the file has by itself: far from what the stage declares, which a lab publishes, and as
/// far from those of another file as their subnets are apart.
fn port(publish: Publish, subnet: Subnet) -> u32 {
    let shifted = u32::from(publish.host) + 10_000 + 100 * u32::from(subnet.1);
    let all = u32::from(u16::MAX) + 1 - FIRST_PORT;
    FIRST_PORT + (shifted - FIRST_PORT) % all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_the_subnet_follows_from_the_variable_and_no_other_number_does() {
        let with = |text| with_net(text, Subnet(10, 77));
        for (text, expected) in [
            ("10.77.1.10", "${LAB_NET:-10.77}.1.10"),
            ("a 10.77.0.0/16, b", "a ${LAB_NET:-10.77}.0.0/16, b"),
            ("10.77.1.1 10.77.1.2", "${LAB_NET:-10.77}.1.1 ${LAB_NET:-10.77}.1.2"),
            ("at http://10.77.1.10:80.", "at http://${LAB_NET:-10.77}.1.10:80."),
            ("ends with 10.77.1.10.", "ends with ${LAB_NET:-10.77}.1.10."),
            (
                "110.77.1.10 1.10.77.1.10 10.77.1 10.77.1.1.1 10.77.",
                "110.77.1.10 1.10.77.1.10 10.77.1 10.77.1.1.1 10.77.",
            ),
            ("10.77.10.77.1.1", "10.77.10.77.1.1"),
        ] {
            assert_eq!(with(text), expected);
        }
    }

    #[test]
    fn ports_are_apart_from_those_of_labs_and_of_other_files_and_always_ports() {
        let at = |host, octet| port(Publish { container: 80, host, udp: false }, Subnet(10, octet));
        assert_eq!((at(8080, 16), at(8081, 16), at(8080, 17)), (19_680, 19_681, 19_780));
        for host in [1024, 8080, 40_000, u16::MAX] {
            for octet in [16, 77, 168, 250] {
                let port = at(host, octet);
                assert!(
                    (FIRST_PORT..=u32::from(u16::MAX)).contains(&port),
                    "{host}, {octet}: {port}"
                );
                assert_ne!(port, u32::from(host));
            }
        }
    }
}
