//! What became of a request: the rule that every verdict rests on.

use crate::journal::Outcome;

/// How a request ended, as far as a client can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// An answer came.
    Answered {
        /// HTTP status.
        status: u16,
        /// The application's own word on whether the request may have had an effect
        /// (`x-effect: none` or `unknown`); absent from answers of a proxy.
        effect: Option<String>,
    },
    /// It was never sent: no connection, or none of the tries got that far.
    NotSent(String),
    /// It was sent, at least in part, and no whole answer came.
    Lost(String),
}

/// A write that may have been carried out is unknown, never failed: only a refusal before anything
/// was sent, or the application's own word, proves that it had no effect. A read has no effect.
pub fn classify(ending: &Ending, write: bool) -> (Outcome, String) {
    let maybe = if write { Outcome::Unknown } else { Outcome::Fail };
    match ending {
        Ending::Answered { status: 200..=299, .. } => (Outcome::Ok, String::new()),
        // A client error is decided before anything is done.
        Ending::Answered { status: status @ 400..=499, .. } => (Outcome::Fail, status.to_string()),
        Ending::Answered { status, effect } if effect.as_deref() == Some("none") => {
            (Outcome::Fail, status.to_string())
        }
        Ending::Answered { status, .. } => (maybe, status.to_string()),
        Ending::NotSent(why) => (Outcome::Fail, why.clone()),
        Ending::Lost(why) => (maybe, why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_provably_had_no_effect_is_a_failed_write() {
        let answered = |status, effect: Option<&str>| Ending::Answered {
            status,
            effect: effect.map(str::to_owned),
        };
        let table = [
            (answered(201, None), Outcome::Ok, Outcome::Ok),
            (answered(409, None), Outcome::Fail, Outcome::Fail),
            (answered(503, Some("none")), Outcome::Fail, Outcome::Fail),
            (answered(503, Some("unknown")), Outcome::Unknown, Outcome::Fail),
            (answered(502, None), Outcome::Unknown, Outcome::Fail),
            (answered(504, None), Outcome::Unknown, Outcome::Fail),
            (answered(302, None), Outcome::Unknown, Outcome::Fail),
            (Ending::NotSent("refused".into()), Outcome::Fail, Outcome::Fail),
            (Ending::Lost("timeout".into()), Outcome::Unknown, Outcome::Fail),
        ];
        for (ending, write, read) in table {
            assert_eq!(classify(&ending, true).0, write, "{ending:?}");
            assert_eq!(classify(&ending, false).0, read, "{ending:?}");
        }
    }
}
