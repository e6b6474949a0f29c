//! Errors as clients see them. What the status says about effects is a contract: 4xx means that
//! nothing was changed; 5xx says in `x-effect` whether something may have been.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::db::{Cause, Effect, Failure, GaveUp};
use crate::shop::Rejection;

/// What to do about a write of which nobody knows.
const REPEAT: &str = "it may have happened: repeat it with the same Idempotency-Key";

/// Header that says whether a failed request may have changed something.
pub const X_EFFECT: HeaderName = HeaderName::from_static("x-effect");

/// An error response.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    error: String,
    hint: &'static str,
    effect: Effect,
}

impl ApiError {
    /// The request cannot be served now, and certainly changed nothing.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: error.into(),
            hint: "try again in a moment",
            effect: Effect::None,
        }
    }

    /// It may have happened: whoever was asked did not say.
    pub fn doubtful(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            error: error.into(),
            hint: REPEAT,
            effect: Effect::Unknown,
        }
    }

    /// The program failed in a way it should not, before it changed anything.
    pub fn internal(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: error.into(),
            hint: "read the log of the task that answered",
            effect: Effect::None,
        }
    }
}

impl ApiError {
    /// The body of the answer.
    pub fn body(&self) -> serde_json::Value {
        json!({ "error": self.error, "hint": self.hint })
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self {
            status: StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::BAD_REQUEST),
            error: rejection.error,
            hint: rejection.hint,
            effect: Effect::None,
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let error = format!("the database could not do it: {failure}");
        match (failure.effect, failure.cause) {
            (Effect::Unknown, _) => Self::doubtful(error),
            (Effect::None, Cause::Refused) => Self::internal(error),
            (Effect::None, _) => Self::unavailable(error),
        }
    }
}

impl From<GaveUp<Rejection>> for ApiError {
    fn from(gave_up: GaveUp<Rejection>) -> Self {
        match gave_up {
            GaveUp::Rejected(rejection) => rejection.into(),
            GaveUp::Failed(failure) => {
                tracing::warn!(effect = failure.effect.as_str(), "gave up: {failure}");
                failure.into()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if self.status.is_server_error() {
            let effect = HeaderValue::from_static(self.effect.as_str());
            response.headers_mut().insert(X_EFFECT, effect);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(error: ApiError) -> (u16, Option<String>) {
        let response = error.into_response();
        let effect = response.headers().get(X_EFFECT);
        let effect = effect.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), effect)
    }

    #[test]
    fn a_refusal_keeps_its_status_and_promises_no_effect() {
        assert_eq!(answer(Rejection::no_session().into()), (401, None));
        assert_eq!(answer(Rejection::new(409, "out of stock", "").into()), (409, None));
    }

    #[test]
    fn a_failure_before_any_commit_is_503_without_effect() {
        for cause in [Cause::NoPrimary, Cause::Busy, Cause::Lost, Cause::TimedOut, Cause::Conflict]
        {
            let failure = Failure::clean(cause, "x");
            assert_eq!(answer(failure.into()), (503, Some("none".into())), "{cause:?}");
        }
    }

    #[test]
    fn a_commit_without_answer_is_504_with_unknown_effect() {
        for cause in [Cause::Lost, Cause::TimedOut, Cause::Doubtful, Cause::Refused] {
            let failure = Failure::clean(cause, "x").doubtful();
            assert_eq!(answer(failure.into()), (504, Some("unknown".into())), "{cause:?}");
        }
    }

    #[test]
    fn a_refused_statement_is_a_fault_of_the_program() {
        let failure = Failure::clean(Cause::Refused, "x");
        assert_eq!(answer(failure.into()), (500, Some("none".into())));
    }
}
