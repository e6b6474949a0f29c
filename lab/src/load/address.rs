//! Where simulated clients are said to be.
//!
//! All traffic comes from one machine. What limits clients by their address takes the word of this
//! machine for it (`X-Forwarded-For`), so that each user is a client of its own. The addresses are
//! those that are set aside for tests of networks (RFC 2544).

use std::net::Ipv4Addr;

/// 198.18.0.0, the first of the 131,072 addresses.
const FIRST: u32 = 0xC612_0000;
/// How many there are.
const COUNT: u64 = 1 << 17;
/// How many clients one run of traffic comes from: they follow one another, and a run begins at a
/// multiple of this. Sessions are fewer, because they cost the application something.
const RUN: u64 = 256;

/// The first address of the clients of one run of traffic, from what its keys begin with.
pub fn of_traffic(prefix: &str) -> Ipv4Addr {
    // FNV-1a: the same in every process, which the standard library's hash is not.
    let hash = prefix.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The lowest bits of such a hash are its worst.
    at((hash >> 32) % (COUNT / RUN) * RUN)
}

/// The address of the client that does what has this number.
pub fn of_arrival(first: Ipv4Addr, number: u64) -> Ipv4Addr {
    after(first, number % RUN)
}

/// The address of one client of a fault that is traffic; there may be thousands.
pub fn of_client(fault: &str, number: u64) -> Ipv4Addr {
    after(of_traffic(fault), number)
}

fn after(first: Ipv4Addr, number: u64) -> Ipv4Addr {
    at(u64::from(u32::from(first).saturating_sub(FIRST)) + number)
}

fn at(offset: u64) -> Ipv4Addr {
    let offset = u32::try_from(offset % COUNT).unwrap_or_default();
    Ipv4Addr::from(FIRST + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_is_a_client_of_its_own_in_the_range_for_tests() {
        let all: std::collections::BTreeSet<Ipv4Addr> = ["canary", "spike-1", "kill-web-2"]
            .into_iter()
            .flat_map(|prefix| (0..20).map(move |user| of_client(prefix, user)))
            .collect();
        assert_eq!(all.len(), 60);
        let is_for_tests = |a: &Ipv4Addr| a.octets()[0] == 198 && [18, 19].contains(&a.octets()[1]);
        assert!(all.iter().all(is_for_tests), "{all:?}");
        assert!((0..2 * COUNT).all(|n| is_for_tests(&of_client("canary", n))));
    }

    #[test]
    fn a_user_keeps_its_address() {
        assert_eq!(of_client("canary", 7), of_client("canary", 7));
        assert_ne!(of_traffic("canary"), of_traffic("canary-1"));
        let first = of_traffic("canary");
        let clients: std::collections::BTreeSet<_> =
            (0..1000).map(|arrival| of_arrival(first, arrival)).collect();
        assert_eq!(clients.len(), 256);
    }
}
