//! What a service's refusal means for who asked.

use axum::http::StatusCode;

use super::client::NoAnswer;

/// A service did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// What was named is not there: never made, or lost with everything the service kept.
    #[error("it is not there: {0}")]
    Missing(String),
    /// It may work later.
    #[error("{0}")]
    Passing(String),
    /// It never will.
    #[error("{0}")]
    Never(String),
}

impl Trouble {
    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        !matches!(self, Self::Never(_))
    }
}

impl From<NoAnswer> for Trouble {
    fn from(none: NoAnswer) -> Self {
        Self::Passing(none.to_string())
    }
}

/// What an error code means. The codes are those of the services' API references, "Common Errors"
/// and the errors of the operations; a queue that is missing has two names, one for each protocol.
pub fn trouble(status: StatusCode, code: &str, message: &str) -> Trouble {
    let code = code.rsplit('#').next().unwrap_or_default();
    let why = format!("{status} {code} {message}");
    match code {
        "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "NotFound"
        | "NotFoundException"
        | "ResourceNotFoundException" => Trouble::Missing(why),
        // An address that nobody has proved to be theirs.
        "MessageRejected" if message.contains("not verified") => Trouble::Missing(why),
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "Throttled"
        | "OverLimit"
        | "LimitExceededException" => Trouble::Passing(why),
        _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Trouble::Passing(why)
        }
        _ => Trouble::Never(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: &str, message: &str) -> Trouble {
        trouble(StatusCode::from_u16(status).unwrap(), code, message)
    }

    #[test]
    fn what_is_missing_is_told_from_what_will_never_work() {
        for code in
            ["com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"]
        {
            assert!(matches!(of(400, code, ""), Trouble::Missing(_)), "{code}");
        }
        assert!(matches!(of(404, "NotFound", ""), Trouble::Missing(_)));
        let rejected = "Email address is not verified.";
        assert!(matches!(of(400, "MessageRejected", rejected), Trouble::Missing(_)));
        assert!(matches!(of(400, "MessageRejected", "spam"), Trouble::Never(_)));
        assert!(matches!(of(400, "ReceiptHandleIsInvalid", ""), Trouble::Never(_)));
    }

    #[test]
    fn what_passes_is_tried_again() {
        for (status, code) in [(503, ""), (500, "InternalFailure"), (400, "Throttling"), (429, "")]
        {
            assert!(matches!(of(status, code, ""), Trouble::Passing(_)), "{status} {code}");
            assert!(of(status, code, "").is_passing());
        }
        assert!(!of(403, "AccessDenied", "").is_passing());
    }
}
