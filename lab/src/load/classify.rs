//! What came of an operation.

use crate::journal::Outcome;
use crate::spec::workload::Proof;

/// What came back for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A whole response: its status, and what it proves by the workload.
    Response(u16, Proof),
    /// Certainly nothing was sent; the reason.
    NotSent(String),
    /// The request may have arrived, and there is no whole response; the reason.
    Lost(String),
}

/// The outcome of an operation and a few words about it.
///
/// No connection means no effect, and a good answer means that it is done. Everything else is as the workload
/// says; what it does not say is unknown of a write. A proxy's own 502, 503 or 504 proves nothing: the target
/// may have done the work before the connection to it was lost.
pub fn classify(is_write: bool, answer: &Answer) -> (Outcome, String) {
    let doubt = if is_write { Outcome::Unknown } else { Outcome::Fail };
    match answer {
        Answer::Response(status, proof) => match proof {
            Proof::Done => (Outcome::Ok, status.to_string()),
            Proof::NoEffect => (Outcome::Fail, status.to_string()),
            Proof::Nothing(None) => (doubt, status.to_string()),
            Proof::Nothing(Some(why)) => (doubt, format!("{status}, but {why}")),
        },
        Answer::NotSent(reason) => (Outcome::Fail, format!("not sent: {reason}")),
        Answer::Lost(reason) => (doubt, reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;
    use crate::spec::workload::{Dice, Operation, parse, shop};

    fn operation(name: &str) -> Operation {
        let workload = parse(shop(), "shop.yaml").unwrap();
        workload.operations[name].clone()
    }

    /// What an answer of this status, with this word about its effect, means for an operation of the shop.
    fn outcome(name: &str, status: u16, effect: Option<&'static str>) -> Outcome {
        let mut headers = HeaderMap::new();
        if let Some(effect) = effect {
            headers.insert("x-effect", effect.parse().unwrap());
        }
        let answer = crate::spec::workload::Answer::new(status, headers, bytes::Bytes::new());
        let operation = operation(name);
        let none = |_: &str| None;
        let proof = operation.proof(&answer, &none, &mut Dice::new(0, 0));
        classify(operation.is_write(), &Answer::Response(status, proof)).0
    }

    #[test]
    fn every_answer_has_the_outcome_it_proves() {
        use Outcome::{Fail, Ok, Unknown};
        let (none, unknown) = (Some("none"), Some("unknown"));
        // What came, what it means for a read, what it means for a write.
        let table = [
            (200, None, Ok, Ok),
            (201, None, Ok, Ok),
            (204, none, Ok, Ok),
            (302, None, Fail, Unknown),
            (400, None, Fail, Fail),
            (401, None, Fail, Fail),
            (403, None, Fail, Fail),
            (409, unknown, Fail, Fail),
            (429, None, Fail, Fail),
            (500, None, Fail, Unknown),
            (500, none, Fail, Fail),
            (502, None, Fail, Unknown),
            (503, None, Fail, Unknown),
            (503, none, Fail, Fail),
            (503, unknown, Fail, Unknown),
            (504, None, Fail, Unknown),
            (504, none, Fail, Fail),
            (504, unknown, Fail, Unknown),
        ];
        for (status, effect, read, write) in table {
            for name in ["browse", "product", "read-forum"] {
                assert_eq!(outcome(name, status, effect), read, "{name} {status} {effect:?}");
            }
            for name in ["add-to-cart", "order", "post"] {
                assert_eq!(outcome(name, status, effect), write, "{name} {status} {effect:?}");
            }
        }
        for (answer, read, write) in [
            (Answer::NotSent("refused".into()), Fail, Fail),
            (Answer::Lost("reset".into()), Fail, Unknown),
        ] {
            assert_eq!([false, true].map(|w| classify(w, &answer).0), [read, write]);
        }
    }

    #[test]
    fn the_detail_names_status_or_reason() {
        let detail = |answer| classify(true, &answer).1;
        assert_eq!(detail(Answer::Response(504, Proof::Nothing(None))), "504");
        let why = Proof::Nothing(Some("json.a is 1, not 2".into()));
        assert_eq!(detail(Answer::Response(200, why)), "200, but json.a is 1, not 2");
        assert_eq!(detail(Answer::NotSent("refused".into())), "not sent: refused");
        assert_eq!(detail(Answer::Lost("reset".into())), "reset");
    }
}
