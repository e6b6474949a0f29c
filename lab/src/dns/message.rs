//! DNS on the wire, as far as the lab needs it: a question for the addresses of a name, and its answer.

use std::net::Ipv4Addr;

use simple_dns::rdata::{A, RData};
use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

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

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name in lower case, without a dot at its end.
    pub name: String,
    /// Whether addresses of IPv4 are asked for; there are no others here.
    pub for_addresses: bool,
}

/// A question for the addresses of a name; `None` when the name cannot be one.
pub fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    // Recursion is not asked for: whom we ask has the zone.
    let mut packet = Packet::new_query(id);
    let name = Name::new(name.trim_end_matches('.')).ok()?;
    packet.questions.push(Question::new(
        name,
        QTYPE::TYPE(TYPE::A),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec().ok()
}

/// Reads a question; `None` when it is none, or more than one.
pub fn asked(bytes: &[u8]) -> Option<Asked> {
    let packet = Packet::parse(bytes).ok()?;
    let [question] = packet.questions.as_slice() else { return None };
    let is_question = !packet.has_flags(PacketFlag::RESPONSE);
    let for_addresses = question.qtype == QTYPE::TYPE(TYPE::A);
    let name = question.qname.to_string().to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_owned();
    is_question.then_some(Asked { name, for_addresses })
}

/// The answer to a question: these addresses, which nobody keeps. Without any the name is there and has none
/// of the kind that was asked for.
pub fn reply(question: &[u8], addresses: &[Ipv4Addr]) -> Option<Vec<u8>> {
    let mut packet = Packet::parse(question).ok()?.into_reply();
    let name = packet.questions.first()?.qname.clone();
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
    packet.additional_records.clear();
    for address in addresses {
        let data = RData::A(A { address: (*address).into() });
        packet.answers.push(ResourceRecord::new(name.clone(), CLASS::IN, 0, data));
    }
    packet.build_bytes_vec_compressed().ok()
}

/// Reads an answer to the question with this id.
///
/// # Errors
/// It is not one, or says that there is no answer.
pub fn answer(id: u16, bytes: &[u8]) -> Result<Answer, String> {
    let packet = Packet::parse(bytes).map_err(|e| format!("the answer cannot be read: {e}"))?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return Err("this is no answer to the question".into());
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err("there is no such name".into()),
        code => return Err(format!("the name server has an error ({})", code as u8)),
    }
    let addresses = packet.answers.iter().filter(|record| record.class == CLASS::IN);
    let addresses = addresses.filter_map(|record| match &record.rdata {
        RData::A(a) => Some((Ipv4Addr::from(a.address), record.ttl)),
        _ => None,
    });
    let (addresses, lives): (Vec<_>, Vec<_>) = addresses.unzip();
    match lives.into_iter().min() {
        Some(ttl_s) => Ok(Answer { addresses, ttl_s }),
        None => Err("the name has no address".into()),
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
        let cut = answer(0x1234, &answered()[..40]).unwrap_err();
        assert!(cut.starts_with("the answer cannot be read"), "{cut}");
    }

    #[test]
    fn what_we_answer_is_what_we_read() {
        let asked_of_us = Asked { name: "shop.lab".into(), for_addresses: true };
        assert_eq!(asked(ASKED), Some(asked_of_us));
        assert_eq!(asked(&answered()), None, "an answer is no question");
        let addresses = [Ipv4Addr::new(10, 77, 1, 10)];
        let told = reply(ASKED, &addresses).unwrap();
        assert_eq!(answer(0x1234, &told), Ok(Answer { addresses: addresses.into(), ttl_s: 0 }));
        let none = reply(ASKED, &[]).unwrap();
        assert_eq!(answer(0x1234, &none).unwrap_err(), "the name has no address");
        let mut other = ASKED.to_vec();
        let kind = other.len() - 3;
        other[kind] = 28;
        assert_eq!(asked(&other).map(|asked| asked.for_addresses), Some(false), "IPv6");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop((answer(0x1234, &bytes), asked(&bytes), reply(&bytes, &[])));
            if bytes.len() > 12 {
                bytes[..3].copy_from_slice(&[0x12, 0x34, 0x80]);
                bytes[3] = 0;
            }
            drop((answer(0x1234, &bytes), asked(&bytes), reply(&bytes, &[])));
        }
    }
}
