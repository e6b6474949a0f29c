//! What can go wrong with the database, and what it means for the request that met it.

use std::fmt;
use std::io::ErrorKind;

use tokio_postgres::error::{Severity, SqlState};

/// Whether failed work may have left something behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Certainly nothing: no commit was ever asked for, or the server refused it.
    None,
    /// A commit may have happened.
    Unknown,
}

impl Effect {
    /// The spelling in the `x-effect` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// Why database work failed, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No server is known that accepts writes.
    NoPrimary,
    /// All connections are in use, or the server has none left.
    Busy,
    /// The connection broke, or the server said that it is going away.
    Lost,
    /// No answer within the time allowed.
    TimedOut,
    /// The server turned out not to be the primary.
    NotPrimary,
    /// The server undid the transaction because of another one.
    Conflict,
    /// The commit was acknowledged with a warning: it may be on one server only.
    Doubtful,
    /// The tables are not there (yet).
    NoSchema,
    /// The server refused the statement itself: a bug, or damaged data.
    Refused,
}

impl Cause {
    /// Whether the same work may succeed later.
    pub fn is_passing(self) -> bool {
        self != Self::Refused
    }

    /// What the connection that met this is still good for.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::NoPrimary | Self::Busy | Self::Conflict | Self::NoSchema | Self::Refused => {
                Verdict::Keep
            }
            Self::Doubtful => Verdict::Discard,
            Self::TimedOut => Verdict::AskWhoIsPrimary,
            Self::Lost | Self::NotPrimary => Verdict::AllAreDead,
        }
    }
}

/// What a failure says about connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The connection can be used again, after a rollback.
    Keep,
    /// This connection must not be used again; the others may be.
    Discard,
    /// This connection must not be used again, and the server may be dead: ask before the next use.
    AskWhoIsPrimary,
    /// No connection to this server can be trusted any more.
    AllAreDead,
}

/// Failed database work.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// Whether it may have left something behind.
    pub effect: Effect,
    /// What was seen, for logs and error bodies.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Failure {
    /// A failure that certainly left nothing behind.
    pub fn clean(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, effect: Effect::None, detail: detail.into() }
    }

    /// The same failure, of work that may have left something behind.
    pub fn doubtful(self) -> Self {
        Self { effect: Effect::Unknown, ..self }
    }

    /// A statement that could not commit by itself failed.
    pub fn of_statement(error: &tokio_postgres::Error) -> Self {
        Self::clean(cause_of(error), describe(error))
    }

    /// A commit failed, or a statement that commits by itself.
    pub fn of_commit(error: &tokio_postgres::Error) -> Self {
        let failure = Self::of_statement(error);
        // Only an ERROR says that the transaction was undone. FATAL and PANIC say that the server
        // process ends, which it also does after the commit record was written.
        match error.as_db_error().and_then(|e| e.parsed_severity()) {
            Some(Severity::Error) => failure,
            _ => failure.doubtful(),
        }
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(e) => format!("{} (SQLSTATE {})", e.message(), e.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

fn cause_of(error: &tokio_postgres::Error) -> Cause {
    match error.as_db_error() {
        // Not from the server: the transport or the protocol broke.
        None => {
            let source = std::error::Error::source(error);
            cause_of_transport(source.and_then(|s| s.downcast_ref()).map(std::io::Error::kind))
        }
        Some(e) => cause_of_state(e.code(), e.parsed_severity()),
    }
}

/// A refusal comes from a living host; silence says nothing about what the server does.
fn cause_of_transport(kind: Option<ErrorKind>) -> Cause {
    match kind {
        Some(ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            Cause::TimedOut
        }
        _ => Cause::Lost,
    }
}

/// Appendix A of the PostgreSQL manual, "PostgreSQL Error Codes".
fn cause_of_state(state: &SqlState, severity: Option<Severity>) -> Cause {
    match state.code() {
        "25006" => Cause::NotPrimary,
        "40001" | "40P01" | "55P03" => Cause::Conflict,
        "53300" => Cause::Busy,
        "57P01" | "57P02" | "57P03" => Cause::Lost,
        "42P01" | "3F000" => Cause::NoSchema,
        code if code.starts_with("08") => Cause::Lost,
        // Whatever else ends the session.
        _ if matches!(severity, Some(Severity::Fatal | Severity::Panic)) => Cause::Lost,
        _ => Cause::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(code: &str) -> Cause {
        cause_of_state(&SqlState::from_code(code), Some(Severity::Error))
    }

    #[test]
    fn a_server_that_goes_away_discards_all_its_connections() {
        for code in ["57P01", "57P02", "57P03", "08006", "08003", "25006"] {
            assert_eq!(cause(code).verdict(), Verdict::AllAreDead, "{code}");
            assert!(cause(code).is_passing(), "{code}");
        }
    }

    #[test]
    fn a_conflict_is_tried_again_on_the_same_connection() {
        for code in ["40001", "40P01", "55P03"] {
            assert_eq!(cause(code), Cause::Conflict, "{code}");
            assert_eq!(cause(code).verdict(), Verdict::Keep, "{code}");
            assert!(cause(code).is_passing());
        }
    }

    #[test]
    fn too_many_connections_do_not_mean_a_dead_server() {
        assert_eq!(cause("53300").verdict(), Verdict::Keep);
        assert!(cause("53300").is_passing());
    }

    #[test]
    fn a_wrong_statement_is_not_tried_again() {
        for code in ["42601", "23505", "22003"] {
            assert_eq!(cause(code), Cause::Refused, "{code}");
            assert!(!cause(code).is_passing());
        }
    }

    #[test]
    fn a_session_that_ends_is_lost_whatever_the_code() {
        let state = SqlState::from_code("XX000");
        assert_eq!(cause_of_state(&state, Some(Severity::Fatal)), Cause::Lost);
        assert_eq!(cause_of_state(&state, Some(Severity::Error)), Cause::Refused);
    }

    #[test]
    fn a_host_that_refuses_is_told_from_one_that_is_silent() {
        assert_eq!(cause_of_transport(Some(ErrorKind::ConnectionRefused)), Cause::Lost);
        assert_eq!(cause_of_transport(Some(ErrorKind::ConnectionReset)), Cause::Lost);
        assert_eq!(cause_of_transport(None), Cause::Lost);
        assert_eq!(cause_of_transport(Some(ErrorKind::TimedOut)), Cause::TimedOut);
        assert_eq!(cause_of_transport(Some(ErrorKind::HostUnreachable)), Cause::TimedOut);
    }

    #[test]
    fn silence_is_checked_and_doubt_only_costs_the_connection() {
        assert_eq!(Cause::TimedOut.verdict(), Verdict::AskWhoIsPrimary);
        assert_eq!(Cause::Doubtful.verdict(), Verdict::Discard);
    }
}
