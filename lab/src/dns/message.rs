//! DNS on the wire (RFC 1035), as far as a client needs it that asks for addresses.

use std::net::Ipv4Addr;

/// Type A, class IN.
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;
/// Answers may be no longer over UDP without further agreement.
pub const LONGEST: usize = 512;

/// What a name server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The addresses, in its order.
    pub addresses: Vec<Ipv4Addr>,
    /// How long they may be kept, in seconds; 0 without any.
    pub ttl_s: u32,
}

/// A question for the addresses of a name; `None` when the name cannot be one.
pub fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    // Recursion is not asked for: whom we ask has the zone.
    let mut bytes = [id.to_be_bytes(), [0, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|n| (1..=63).contains(n))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(TYPE_A.to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
    (bytes.len() <= LONGEST).then_some(bytes)
}

/// Reads an answer to the question with this id.
///
/// # Errors
/// It is not one, or says that there is no answer.
pub fn answer(id: u16, bytes: &[u8]) -> Result<Answer, String> {
    read(id, bytes).unwrap_or_else(|| Err("the answer is cut short".into()))
}

fn read(id: u16, bytes: &[u8]) -> Option<Result<Answer, String>> {
    let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let flags = number(2)?;
    if number(0)? != id || flags & 0x8000 == 0 {
        return Some(Err("this is no answer to the question".into()));
    }
    match flags & 0xF {
        0 => {}
        3 => return Some(Err("there is no such name".into())),
        code => return Some(Err(format!("the name server has an error ({code})"))),
    }
    let (questions, records) = (number(4)?, number(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = after_name(bytes, at)? + 4;
    }
    let mut found = Answer { addresses: Vec::new(), ttl_s: 0 };
    for _ in 0..records {
        at = after_name(bytes, at)?;
        let (kind, class) = (number(at)?, number(at + 2)?);
        let ttl_s = u32::from(number(at + 4)?) << 16 | u32::from(number(at + 6)?);
        let length = usize::from(number(at + 8)?);
        let data = bytes.get(at + 10..at + 10 + length)?;
        at += 10 + length;
        if let (TYPE_A, CLASS_IN, [a, b, c, d]) = (kind, class, data) {
            let first = found.addresses.is_empty();
            found.ttl_s = if first { ttl_s } else { found.ttl_s.min(ttl_s) };
            found.addresses.push(Ipv4Addr::new(*a, *b, *c, *d));
        }
    }
    Some(if found.addresses.is_empty() { Err("the name has no address".into()) } else { Ok(found) })
}

/// Where a name ends: after its last label, or after a reference to another name.
fn after_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xC0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASKED: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x04shop\x03lab\0\0\x01\0\x01";

    /// Two addresses, with a name that refers to the question's.
    fn answered() -> Vec<u8> {
        let mut bytes = b"\x12\x34\x84\0\0\x01\0\x02\0\0\0\0".to_vec();
        bytes.extend(&ASKED[12..]);
        bytes.extend(b"\xC0\x0C\0\x01\0\x01\0\0\0\x05\0\x04\x0A\x4D\x01\x0A");
        bytes.extend(b"\xC0\x0C\0\x01\0\x01\0\0\0\x03\0\x04\x0A\x4D\x02\x0A");
        bytes
    }

    #[test]
    fn a_question_is_what_the_standard_says() {
        assert_eq!(question(0x1234, "shop.lab").unwrap(), ASKED);
        assert_eq!(question(0x1234, "shop.lab."), question(0x1234, "shop.lab"));
        assert_eq!(question(1, "a..b"), None);
        assert_eq!(question(1, &"a".repeat(64)), None);
        assert_eq!(question(1, &"a.".repeat(300)), None);
    }

    #[test]
    fn the_addresses_and_the_shortest_time_to_live_are_read() {
        let addresses = vec![Ipv4Addr::new(10, 77, 1, 10), Ipv4Addr::new(10, 77, 2, 10)];
        assert_eq!(answer(0x1234, &answered()), Ok(Answer { addresses, ttl_s: 3 }));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let changed = |at: usize, to: u8| {
            let mut bytes = answered();
            bytes[at] = to;
            answer(0x1234, &bytes).unwrap_err()
        };
        assert_eq!(changed(0, 0), "this is no answer to the question");
        assert_eq!(changed(2, 4), "this is no answer to the question");
        assert_eq!(changed(3, 3), "there is no such name");
        assert_eq!(changed(3, 2), "the name server has an error (2)");
        assert_eq!(changed(7, 0), "the name has no address");
        assert_eq!(answer(0x1234, &answered()[..40]).unwrap_err(), "the answer is cut short");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(answer(0x1234, &bytes));
            if bytes.len() > 12 {
                bytes[..3].copy_from_slice(&[0x12, 0x34, 0x80]);
                bytes[3] = 0;
            }
            drop(answer(0x1234, &bytes));
        }
    }
}
