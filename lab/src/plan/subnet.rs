//! Which subnet a lab takes: the first /16 of private addresses that meets nothing on this machine.

use std::fmt;
use std::net::Ipv4Addr;

use super::layout::Subnet;

/// A range of addresses, such as `10.1.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// Its first address.
    network: u32,
    /// How many bits all of its addresses share.
    prefix: u8,
}

/// Something on this machine that has addresses already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub range: Range,
    /// What has them, in words: `the route to 10.0.0.0/8 (tun0)`.
    pub by: String,
}

/// The blocks that RFC 1918 keeps private.
const PRIVATE: [(Ipv4Addr, u8); 3] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
];
/// The second octets of 10.0.0.0/8 that exported files have by themselves: labs take none of them while
/// any other is free, so that a file runs beside a lab whichever was there first.
const OF_FILES: std::ops::RangeInclusive<u8> = 16..=76;
/// How many obstacles a message names.
const NAMED: usize = 6;

impl Range {
    /// A range that begins at an address, whatever stands beyond its prefix. `None` for more than 32 bits.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Option<Self> {
        let mask = u32::MAX.checked_shl(32 - u32::from((prefix <= 32).then_some(prefix)?));
        Some(Self { network: u32::from(address) & mask.unwrap_or(0), prefix })
    }

    /// Reads what it prints.
    pub fn parse(cidr: &str) -> Option<Self> {
        let (address, prefix) = cidr.split_once('/')?;
        Self::new(address.parse().ok()?, prefix.parse().ok()?)
    }

    /// Whether two ranges have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        let widest = if self.prefix < other.prefix { self } else { other };
        let narrow = if self.prefix < other.prefix { other } else { self };
        Range::new(narrow.network.into(), widest.prefix) == Some(widest)
    }

    /// Whether a route to it is a part of the default route: whoever sends everything through a tunnel
    /// splits it in halves or smaller. No private network is wider than 10.0.0.0/8.
    pub fn is_of_default_route(self) -> bool {
        self.prefix < PRIVATE[0].1
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.network), self.prefix)
    }
}

impl From<Subnet> for Range {
    fn from(s: Subnet) -> Self {
        Self { network: u32::from(Ipv4Addr::new(s.0, s.1, 0, 0)), prefix: 16 }
    }
}

/// The subnets that a lab may take, in the order in which they are tried.
pub fn of_labs() -> Vec<Subnet> {
    let ten = (77..=250).map(|b| Subnet(10, b));
    let others = (16..=31).map(|b| Subnet(172, b)).chain([Subnet(192, 168)]);
    ten.chain(others).collect()
}

/// The subnets that an exported file may have by itself. Files of different stages begin at different
/// ones.
pub fn of_files(stage: &str) -> Vec<Subnet> {
    let (first, count) = (*OF_FILES.start(), OF_FILES.end() - OF_FILES.start() + 1);
    // FNV-1a: any that stays the same from version to version would do.
    let hash = stage
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let begin = u8::try_from(hash % u32::from(count)).unwrap_or(0);
    let own = (0..count).map(|n| Subnet(10, first + (begin + n) % count));
    // Where all of these are taken, what labs would take last.
    own.chain(of_labs().into_iter().rev()).collect()
}

/// The first candidate that meets nothing.
///
/// # Errors
/// What is in the way of the candidates, in words.
pub fn choose(candidates: &[Subnet], taken: &[Taken]) -> Result<Subnet, String> {
    let meets = |subnet: &Subnet| {
        let range = Range::from(*subnet);
        taken.iter().filter(move |t| t.range.overlaps(range))
    };
    if let Some(free) = candidates.iter().find(|c| meets(c).next().is_none()) {
        return Ok(*free);
    }
    let mut all: Vec<&Taken> = candidates.iter().flat_map(meets).collect();
    // The widest are in the way most. Of a network and the route to it, one is enough.
    all.sort_by_key(|t| (t.range.prefix, t.range.network));
    all.dedup_by_key(|t| t.range);
    let mut words: Vec<String> = all.iter().take(NAMED).map(|t| t.by.clone()).collect();
    if all.len() > NAMED {
        words.push(format!("{} more", all.len() - NAMED));
    }
    Err(words.join(", "))
}

/// The subnet that a user wants.
///
/// # Errors
/// Why a lab cannot have it, in words: it is none, not a /16, or not private.
pub fn wanted(cidr: &str) -> Result<Subnet, String> {
    let range = Range::parse(cidr).ok_or("such as 10.99.0.0/16")?;
    if range.prefix != 16 {
        return Err("a lab needs a /16, such as 10.99.0.0/16".into());
    }
    let private =
        |(net, prefix)| Range::new(net, prefix).is_some_and(|block| block.overlaps(range));
    if !PRIVATE.into_iter().any(private) {
        return Err("not private: a /16 of 10.0.0.0/8, 172.16.0.0/12, or 192.168.0.0/16".into());
    }
    let text = range.to_string();
    if text != cidr {
        return Err(format!("a subnet begins with its first address: {text}"));
    }
    Subnet::parse(&text).ok_or_else(|| "such as 10.99.0.0/16".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(cidrs: &[&str]) -> Vec<Taken> {
        let one = |cidr: &&str| Taken {
            range: Range::parse(cidr).unwrap(),
            by: format!("the route to {cidr}"),
        };
        cidrs.iter().map(one).collect()
    }

    fn lab(cidrs: &[&str]) -> Result<Subnet, String> {
        choose(&of_labs(), &taken(cidrs))
    }

    #[test]
    fn a_subnet_avoids_networks_and_routes() {
        assert_eq!(lab(&["10.77.0.0/16", "10.78.3.0/24"]), Ok(Subnet(10, 79)));
        assert_eq!(lab(&["10.64.0.0/10"]), Ok(Subnet(10, 128)));
    }

    #[test]
    fn where_one_private_block_is_taken_the_next_is_tried() {
        let ten = "10.0.0.0/8";
        assert_eq!(lab(&[ten]), Ok(Subnet(172, 16)));
        assert_eq!(lab(&[ten, "172.16.0.0/16", "172.17.0.0/16"]), Ok(Subnet(172, 18)));
        assert_eq!(lab(&[ten, "172.16.0.0/12"]), Ok(Subnet(192, 168)));
    }

    #[test]
    fn what_is_in_the_way_is_named_once_and_the_widest_first() {
        let all = ["192.168.1.0/24", "10.0.0.0/8", "172.16.0.0/12", "10.0.0.0/8", "8.8.8.8/32"];
        let named =
            "the route to 10.0.0.0/8, the route to 172.16.0.0/12, the route to 192.168.1.0/24";
        assert_eq!(lab(&all), Err(named.into()));
        let many: Vec<String> = (77..=250).map(|b| format!("10.{b}.0.0/16")).collect();
        let many: Vec<&str> =
            many.iter().map(String::as_str).chain(["172.16.0.0/12", "192.168.0.0/16"]).collect();
        let said = lab(&many).unwrap_err();
        assert!(
            said.starts_with("the route to 172.16.0.0/12, ") && said.ends_with(", 170 more"),
            "{said}"
        );
    }

    #[test]
    fn parts_of_the_default_route_are_the_default_route_and_private_networks_are_not() {
        let of_default = |cidr| Range::parse(cidr).unwrap().is_of_default_route();
        for cidr in
            ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "0.0.0.0/5", "8.0.0.0/7"]
        {
            assert!(of_default(cidr), "{cidr}");
        }
        for cidr in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "10.77.1.1/32"] {
            assert!(!of_default(cidr), "{cidr}");
        }
    }

    #[test]
    fn a_user_may_choose_any_private_16_and_nothing_else() {
        assert_eq!(wanted("10.5.0.0/16"), Ok(Subnet(10, 5)));
        assert_eq!(wanted("172.31.0.0/16"), Ok(Subnet(172, 31)));
        assert_eq!(wanted("192.168.0.0/16"), Ok(Subnet(192, 168)));
        for (cidr, why) in [
            ("10.5.0.0/24", "/16"),
            ("10.0.0.0/8", "/16"),
            ("172.32.0.0/16", "private"),
            ("8.8.0.0/16", "private"),
            ("10.5.1.0/16", "10.5.0.0/16"),
            ("10.5", "such as"),
            ("10.5.0.0/33", "such as"),
            ("", "such as"),
        ] {
            let said = wanted(cidr).unwrap_err();
            assert!(said.contains(why), "{cidr}: {said}");
        }
    }

    #[test]
    fn files_and_labs_have_different_subnets_and_so_have_files_of_different_stages() {
        let labs = of_labs();
        let stages = [
            "stage-1",
            "stage-100",
            "stage-1k",
            "stage-10k",
            "stage-100k",
            "stage-500k",
            "stage-1m",
        ];
        let mut firsts: Vec<Subnet> = stages.iter().map(|s| of_files(s)[0]).collect();
        assert!(firsts.iter().all(|s| !labs.contains(s) && OF_FILES.contains(&s.1)), "{firsts:?}");
        firsts.sort();
        firsts.dedup();
        assert_eq!(firsts.len(), stages.len(), "{firsts:?}");
        assert_eq!(choose(&of_files("x"), &taken(&["10.0.0.0/8"])), Ok(Subnet(192, 168)));
    }

    #[test]
    fn a_subnet_survives_its_printed_form() {
        assert_eq!(Subnet::parse(&Subnet(10, 77).cidr()), Some(Subnet(10, 77)));
        assert_eq!(Subnet::parse("10.77.0.0/24"), None);
        assert_eq!(Range::from(Subnet(10, 77)).to_string(), Subnet(10, 77).cidr());
    }
}
