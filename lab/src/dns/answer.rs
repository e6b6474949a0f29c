//! Which addresses a name stands for at this moment.

use std::net::Ipv4Addr;

use super::config::DnsTarget;
use crate::spec::model::DnsPolicy;

/// A multivalue answer has no more addresses than this.
const MOST_VALUES: usize = 8;

/// The addresses, in the order in which they are answered. `draw` decides where there is a choice, and
/// is another one for each question.
///
/// Where no target is healthy all count as healthy: an answer that may not work is better than none.
pub fn answer(
    policy: DnsPolicy,
    targets: &[DnsTarget],
    healthy: &[bool],
    draw: u64,
) -> Vec<Ipv4Addr> {
    let fit = |index: usize| healthy.get(index).copied().unwrap_or(true);
    let all: Vec<&DnsTarget> = targets.iter().collect();
    let good: Vec<&DnsTarget> =
        targets.iter().enumerate().filter(|(i, _)| fit(*i)).map(|(_, t)| t).collect();
    let working = if good.is_empty() { all.clone() } else { good };
    let chosen = match policy {
        DnsPolicy::Simple => turned(all, draw),
        DnsPolicy::Multivalue => turned(working, draw).into_iter().take(MOST_VALUES).collect(),
        DnsPolicy::Weighted => weighted(&working, draw),
        DnsPolicy::Failover => {
            let primaries = working.iter().filter(|t| t.primary);
            let primaries: Vec<&DnsTarget> = primaries.copied().collect();
            if primaries.is_empty() { working } else { primaries }
        }
    };
    chosen.into_iter().map(|t| *t.address.ip()).collect()
}

/// Each question gets another first address.
fn turned(mut targets: Vec<&DnsTarget>, draw: u64) -> Vec<&DnsTarget> {
    if !targets.is_empty() {
        let by = usize::try_from(draw % targets.len() as u64).unwrap_or_default();
        targets.rotate_left(by);
    }
    targets
}

/// One of them, as often as its weight says. A weight of 0 is never drawn, unless all are 0.
fn weighted<'a>(targets: &[&'a DnsTarget], draw: u64) -> Vec<&'a DnsTarget> {
    let sum: u64 = targets.iter().map(|t| u64::from(t.weight)).sum();
    if sum == 0 {
        return turned(targets.to_vec(), draw).into_iter().take(1).collect();
    }
    let mut left = draw % sum;
    for target in targets {
        match left.checked_sub(target.weight.into()) {
            Some(rest) => left = rest,
            None => return vec![target],
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use super::*;

    fn targets(weights: &[u16]) -> Vec<DnsTarget> {
        let target = |(n, weight): (u8, &u16)| DnsTarget {
            name: format!("cdn-{n}"),
            address: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, n), 8080),
            weight: *weight,
            primary: n == 1,
        };
        (1..).zip(weights).map(target).collect()
    }

    /// The last octets of what is answered.
    fn of(policy: DnsPolicy, weights: &[u16], healthy: &[bool], draw: u64) -> Vec<u8> {
        let found = answer(policy, &targets(weights), healthy, draw);
        found.iter().map(|a| a.octets()[3]).collect()
    }

    #[test]
    fn a_multivalue_answer_has_the_healthy_ones_in_turn() {
        let multivalue = |healthy: &[bool], draw| of(DnsPolicy::Multivalue, &[1; 3], healthy, draw);
        assert_eq!(multivalue(&[true, true, true], 0), [1, 2, 3]);
        assert_eq!(multivalue(&[true, true, true], 4), [2, 3, 1]);
        assert_eq!(multivalue(&[true, false, true], 1), [3, 1]);
        assert_eq!(multivalue(&[false, false, false], 0), [1, 2, 3], "fails open");
        assert_eq!(of(DnsPolicy::Multivalue, &[1; 10], &[true; 10], 0).len(), 8);
    }

    #[test]
    fn a_simple_answer_does_not_ask_who_is_healthy() {
        assert_eq!(of(DnsPolicy::Simple, &[1; 2], &[true, false], 0), [1, 2]);
        assert_eq!(of(DnsPolicy::Simple, &[1; 10], &[true; 10], 0).len(), 10);
    }

    #[test]
    fn the_primary_is_answered_while_it_is_healthy() {
        let failover = |healthy: &[bool]| of(DnsPolicy::Failover, &[1; 3], healthy, 0);
        assert_eq!(failover(&[true, true, true]), [1]);
        assert_eq!(failover(&[false, true, true]), [2, 3]);
        assert_eq!(failover(&[false, true, false]), [2]);
        assert_eq!(failover(&[false, false, false]), [1], "with none healthy the primary");
    }

    #[test]
    fn weights_are_shares_of_the_healthy_ones() {
        let counts = |weights: &[u16], healthy: &[bool]| {
            let mut counts = [0; 3];
            for draw in 0..100 {
                let [one] = of(DnsPolicy::Weighted, weights, healthy, draw)[..] else { panic!() };
                counts[usize::from(one) - 1] += 1;
            }
            counts
        };
        assert_eq!(counts(&[3, 1, 0], &[true; 3]), [75, 25, 0]);
        assert_eq!(counts(&[3, 1, 1], &[false, true, true]), [0, 50, 50]);
        assert_eq!(counts(&[0, 0, 7], &[true, true, false]), [50, 50, 0]);
    }
}
