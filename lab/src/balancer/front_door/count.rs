//! What the rules matched, counted. Knows no I/O.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::RuleConfig;
use crate::spec::model::RuleAction;

/// What nginx's datagrams are marked with.
pub const TAG: &str = "front_door";

/// So many clients are remembered; beyond that the ones refused least are forgotten.
const MOST_CLIENTS: usize = 1000;
/// So many of them are shown.
const SHOWN_CLIENTS: usize = 5;

/// What a front door has done since it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Requests that arrived.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Each rule, in the order of the configuration.
    pub rules: Vec<RuleView>,
    /// The clients that were refused most, most first: address and how often.
    pub clients: Vec<(IpAddr, u64)>,
}

/// What one rule has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// Its name.
    pub name: String,
    /// What is done about what it matches.
    pub action: RuleAction,
    /// How many requests it matched.
    pub matched: u64,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    rules: Vec<RuleView>,
    refused: u64,
    clients: BTreeMap<IpAddr, u64>,
}

impl Counts {
    /// Nothing matched so far.
    pub fn new(rules: &[RuleConfig]) -> Self {
        let zero = |rule: &RuleConfig| RuleView {
            name: rule.name.clone(),
            action: rule.action,
            matched: 0,
        };
        Self { rules: rules.iter().map(zero).collect(), ..Self::default() }
    }

    /// Counts a datagram, such as `<190>Nov 21 22:49:08 front_door: 198.18.0.1 client-rate `.
    /// Anything else is not counted.
    pub fn note(&mut self, datagram: &str) {
        let Some((_, matched)) = datagram.split_once(&format!(" {TAG}: ")) else { return };
        let mut words = matched.split_whitespace();
        let Some(Ok(client)) = words.next().map(str::parse::<IpAddr>) else { return };
        let mut refused = false;
        for word in words {
            for rule in self.rules.iter_mut().filter(|rule| rule.name == word) {
                rule.matched += 1;
                refused |= rule.action == RuleAction::Block;
            }
        }
        if refused {
            self.refused += 1;
            *self.clients.entry(client).or_default() += 1;
            if self.clients.len() > MOST_CLIENTS {
                self.forget();
            }
        }
    }

    /// Forgets the half of the clients that was refused least.
    fn forget(&mut self) {
        let kept = self.most_refused(MOST_CLIENTS / 2);
        self.clients = kept.into_iter().collect();
    }

    fn most_refused(&self, count: usize) -> Vec<(IpAddr, u64)> {
        let mut all: Vec<(IpAddr, u64)> = self.clients.iter().map(|(a, n)| (*a, *n)).collect();
        all.sort_by_key(|(address, refused)| (std::cmp::Reverse(*refused), *address));
        all.truncate(count);
        all
    }

    /// All of it, of so many requests.
    pub fn view(&self, requests: u64) -> View {
        View {
            requests,
            refused: self.refused,
            rules: self.rules.clone(),
            clients: self.most_refused(SHOWN_CLIENTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        let rule = |name: &str, action| RuleConfig { name: name.into(), action };
        Counts::new(&[
            rule("client-rate", RuleAction::Block),
            rule("sql-injection", RuleAction::Count),
        ])
    }

    fn matched(counts: &Counts) -> (Vec<u64>, u64) {
        let view = counts.view(0);
        (view.rules.iter().map(|rule| rule.matched).collect(), view.refused)
    }

    #[test]
    fn what_matched_is_counted_by_rule_and_refused_only_when_one_blocks() {
        let mut counts = counts();
        counts.note("<190>Nov 21 22:49:08 front_door: 198.18.0.1 client-rate ");
        counts.note("<190>Nov  1 22:49:08 front_door: 198.18.0.1 sql-injection client-rate ");
        counts.note("<190>Nov 21 22:49:08 front_door: 198.18.0.2 sql-injection ");
        assert_eq!(matched(&counts), (vec![2, 2], 2));
        assert_eq!(counts.view(7).clients, [("198.18.0.1".parse().unwrap(), 2)]);
        assert_eq!(counts.view(7).requests, 7);
    }

    #[test]
    fn what_is_no_such_datagram_is_not_counted() {
        let mut counts = counts();
        for text in [
            "",
            "client-rate",
            " front_door: ",
            " front_door: x client-rate",
            " other: 1.1.1.1 client-rate",
        ] {
            counts.note(text);
        }
        assert_eq!(matched(&counts), (vec![0, 0], 0));
    }

    #[test]
    fn those_refused_most_are_remembered() {
        let mut counts = counts();
        for client in 0..3000_u32 {
            let address = std::net::Ipv4Addr::from(0x0A00_0000 + client);
            let times = if client == 17 { 50 } else { 1 };
            for _ in 0..times {
                counts.note(&format!("<190>x front_door: {address} client-rate "));
            }
        }
        assert!(counts.clients.len() <= MOST_CLIENTS);
        assert_eq!(counts.view(0).clients[0], ("10.0.0.17".parse().unwrap(), 50));
        assert_eq!(counts.view(0).clients.len(), SHOWN_CLIENTS);
        assert_eq!(counts.view(0).refused, 3049);
    }
}
