//! The addresses a name resolves to, and which of them clients avoid at the moment.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Pause between two looks at an address that failed. Until it answers it is tried last, as behind a
/// resolver with health checks, which names nobody an address that does not answer.
pub const AVOID_FOR: Duration = Duration::from_secs(1);

/// Addresses that serve the same, such as the load balancers of several zones.
#[derive(Clone, Debug)]
pub struct Targets {
    all: Vec<Target>,
    turn: usize,
}

#[derive(Clone, Debug)]
struct Target {
    address: SocketAddr,
    /// When to look at it again; `None` while it is thought to work.
    look_at: Option<Instant>,
}

impl Targets {
    /// These addresses, all of them thought to work.
    pub fn new(addresses: &[SocketAddr]) -> Self {
        let all = addresses.iter().map(|&address| Target { address, look_at: None }).collect();
        Self { all, turn: 0 }
    }

    /// Takes these addresses; what is known of those that stay is kept.
    pub fn replace(&mut self, addresses: &[SocketAddr]) {
        let known = |address: &SocketAddr| self.all.iter().find(|t| t.address == *address).cloned();
        let target = |address: &SocketAddr| {
            known(address).unwrap_or(Target { address: *address, look_at: None })
        };
        self.all = addresses.iter().map(target).collect();
    }

    /// The order in which the next request tries the addresses: each request begins with the next
    /// one, as with rotating DNS answers, and the avoided ones come last. None is left out, because
    /// when all are avoided a try is better than none.
    pub fn order(&mut self) -> Vec<SocketAddr> {
        if self.all.is_empty() {
            return Vec::new();
        }
        self.turn = (self.turn + 1) % self.all.len();
        let (before, from) = self.all.split_at(self.turn);
        let avoided = |t: &&Target| t.look_at.is_some();
        let turns = || from.iter().chain(before);
        let good = turns().filter(|t| !avoided(t));
        let bad = turns().filter(avoided);
        good.chain(bad).map(|t| t.address).collect()
    }

    /// The avoided addresses that somebody should look at now. Each is named once in [`AVOID_FOR`].
    pub fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        let due = |t: &&mut Target| t.look_at.is_some_and(|at| at <= now);
        let due = self.all.iter_mut().filter(due);
        due.map(|target| {
            target.look_at = Some(now + AVOID_FOR);
            target.address
        })
        .collect()
    }

    /// Notes that an address did not answer at `now`.
    pub fn avoid(&mut self, address: SocketAddr, now: Instant) {
        self.set(address, Some(now + AVOID_FOR));
    }

    /// Notes that an address answered.
    pub fn answered(&mut self, address: SocketAddr) {
        self.set(address, None);
    }

    fn set(&mut self, address: SocketAddr, until: Option<Instant>) {
        for target in self.all.iter_mut().filter(|t| t.address == address) {
            target.look_at = until;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    #[test]
    fn requests_take_turns() {
        let mut targets = Targets::new(&[address(1), address(2), address(3)]);
        let firsts: Vec<u16> = (0..6).map(|_| targets.order()[0].port()).collect();
        assert_eq!(firsts, [2, 3, 1, 2, 3, 1]);
        assert_eq!(targets.order().len(), 3);
    }

    #[test]
    fn a_failed_address_comes_last_and_is_looked_at_once_a_second() {
        let mut targets = Targets::new(&[address(1), address(2)]);
        let now = Instant::now();
        targets.avoid(address(2), now);
        assert_eq!(targets.due(now), []);
        let later = now + AVOID_FOR;
        assert_eq!(targets.due(later), [address(2)]);
        assert_eq!(targets.due(later), []);
        for _ in 0..4 {
            assert_eq!(targets.order(), [address(1), address(2)]);
        }
    }

    #[test]
    fn an_answer_ends_the_avoidance() {
        let mut targets = Targets::new(&[address(1), address(2)]);
        let now = Instant::now();
        targets.avoid(address(2), now);
        targets.answered(address(2));
        assert!((0..2).any(|_| targets.order()[0] == address(2)));
    }

    #[test]
    fn another_answer_of_the_name_server_keeps_what_is_known() {
        let mut targets = Targets::new(&[address(1), address(2)]);
        targets.avoid(address(2), Instant::now());
        targets.replace(&[address(2), address(3)]);
        for _ in 0..4 {
            assert_eq!(targets.order(), [address(3), address(2)]);
        }
        targets.replace(&[]);
        assert!(targets.order().is_empty());
    }

    #[test]
    fn when_all_failed_all_are_tried() {
        let mut targets = Targets::new(&[address(1), address(2)]);
        let now = Instant::now();
        targets.avoid(address(1), now);
        targets.avoid(address(2), now);
        assert_eq!(targets.order().len(), 2);
        assert!(Targets::new(&[]).order().is_empty());
    }
}
