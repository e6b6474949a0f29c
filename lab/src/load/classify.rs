//! What an answer, or the lack of one, proves about an operation.

use crate::journal::{OpKind, Outcome};

/// What the header `x-effect` of a failed request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing was changed.
    None,
    /// Something may have been changed.
    Unknown,
}

impl Effect {
    /// Reads the header's value. Anything but the two words of the contract says nothing.
    pub fn from_header(value: &[u8]) -> Option<Self> {
        match value {
            b"none" => Some(Self::None),
            b"unknown" => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A whole response came.
    Response {
        /// HTTP status.
        status: u16,
        /// The header `x-effect`, where there was one that says something.
        effect: Option<Effect>,
    },
    /// Certainly nothing was sent, for this reason.
    NotSent(String),
    /// Something went wrong after the request may have been sent: the connection broke, the
    /// response was cut short, or there was none in time.
    Lost(String),
}

/// The outcome in Jepsen's sense, and a few words for the journal.
///
/// A read has no effect that could be in doubt: without a good answer it failed. A write failed
/// only when that is certain. In particular a 502 or 504 of a proxy proves nothing: the target may
/// have done the work before the connection to it was lost.
pub fn classify(kind: OpKind, answer: &Answer) -> (Outcome, String) {
    let doubt = if kind.is_write() { Outcome::Unknown } else { Outcome::Fail };
    match answer {
        Answer::Response { status, effect } => {
            let outcome = match (status, effect) {
                (200..=299, _) => Outcome::Ok,
                (400..=499, _) => Outcome::Fail,
                (500..=599, Some(Effect::None)) => Outcome::Fail,
                _ => doubt,
            };
            (outcome, status.to_string())
        }
        Answer::NotSent(reason) => (Outcome::Fail, format!("not sent: {reason}")),
        Answer::Lost(reason) => (doubt, reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, effect: Option<Effect>) -> Answer {
        Answer::Response { status, effect }
    }

    #[test]
    fn every_answer_has_the_outcome_it_proves() {
        use Outcome::{Fail, Ok, Unknown};
        let (none, unknown) = (Some(Effect::None), Some(Effect::Unknown));
        // What came, what it means for a read, what it means for a write.
        let table = [
            (response(200, None), Ok, Ok),
            (response(201, None), Ok, Ok),
            (response(204, none), Ok, Ok),
            (response(101, None), Fail, Unknown),
            (response(302, None), Fail, Unknown),
            (response(400, None), Fail, Fail),
            (response(401, None), Fail, Fail),
            (response(409, unknown), Fail, Fail),
            (response(429, None), Fail, Fail),
            (response(500, None), Fail, Unknown),
            (response(500, none), Fail, Fail),
            (response(502, None), Fail, Unknown),
            (response(503, None), Fail, Unknown),
            (response(503, none), Fail, Fail),
            (response(503, unknown), Fail, Unknown),
            (response(504, None), Fail, Unknown),
            (response(504, none), Fail, Fail),
            (response(504, unknown), Fail, Unknown),
            (response(600, none), Fail, Unknown),
            (Answer::NotSent("refused".into()), Fail, Fail),
            (Answer::Lost("reset".into()), Fail, Unknown),
        ];
        for (answer, read, write) in table {
            for kind in [OpKind::Browse, OpKind::Product, OpKind::ReadForum] {
                assert_eq!(classify(kind, &answer).0, read, "{kind:?} {answer:?}");
            }
            for kind in [OpKind::AddToCart, OpKind::Order, OpKind::Post] {
                assert_eq!(classify(kind, &answer).0, write, "{kind:?} {answer:?}");
            }
        }
    }

    #[test]
    fn the_detail_names_status_or_reason() {
        let detail = |answer| classify(OpKind::Order, &answer).1;
        assert_eq!(detail(response(504, None)), "504");
        assert_eq!(detail(Answer::NotSent("refused".into())), "not sent: refused");
        assert_eq!(detail(Answer::Lost("reset".into())), "reset");
    }

    #[test]
    fn only_the_words_of_the_contract_count() {
        assert_eq!(Effect::from_header(b"none"), Some(Effect::None));
        assert_eq!(Effect::from_header(b"unknown"), Some(Effect::Unknown));
        for other in [&b""[..], b"None", b"none, none", b"no"] {
            assert_eq!(Effect::from_header(other), None);
        }
    }
}
