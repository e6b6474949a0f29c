//! Which server is the cache's primary, as the Sentinels say.

use std::net::SocketAddr;

/// The address that most answers name; of equals, the one named first.
pub fn majority(answers: &[Option<SocketAddr>]) -> Option<SocketAddr> {
    let votes = |addr: SocketAddr| answers.iter().filter(|a| **a == Some(addr)).count();
    let mut best: Option<(usize, SocketAddr)> = None;
    for addr in answers.iter().flatten() {
        let count = votes(*addr);
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, *addr));
        }
    }
    best.map(|(_, addr)| addr)
}

/// An answer of `SENTINEL GET-MASTER-ADDR-BY-NAME`. Names are not resolved.
pub fn address(answer: &[String]) -> Option<SocketAddr> {
    let [host, port] = answer else { return None };
    Some(SocketAddr::new(host.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(last: u8) -> Option<SocketAddr> {
        Some(SocketAddr::from(([10, 0, 0, last], 6379)))
    }

    #[test]
    fn most_answers_win_and_silence_does_not_count() {
        assert_eq!(majority(&[addr(1), addr(2), addr(2)]), addr(2));
        assert_eq!(majority(&[None, addr(1), None]), addr(1));
        assert_eq!(majority(&[addr(3), addr(2)]), addr(3));
        assert_eq!(majority(&[None, None]), None);
    }

    #[test]
    fn an_answer_is_an_address_and_a_port() {
        let answer = |host: &str, port: &str| address(&[host.into(), port.into()]);
        assert_eq!(answer("10.0.0.4", "6379"), addr(4));
        assert_eq!(answer("cache-a1", "6379"), None);
        assert_eq!(address(&[]), None);
    }
}
