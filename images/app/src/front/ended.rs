//! How a try ended, and what follows from it: whether another one may be made, whether the load
//! balancer is to blame, and what the client is told in the end.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::response::IntoResponse;

use crate::web::error::{ApiError, X_EFFECT};

/// How a try ended.
#[derive(Debug)]
pub enum Ended {
    /// A whole answer came.
    Answered(Response<Bytes>),
    /// Nothing was sent: there was no connection.
    NotSent(String),
    /// The connection broke, or the answer was cut short.
    Lost(String),
    /// No answer in the time that there was.
    Late,
    /// A read that took long was given to another load balancer.
    Left,
}

/// What the header `x-effect` of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    None,
    Unknown,
    /// Nothing: it is not the shop's own answer, or needs no such word.
    Nothing,
}

impl Ended {
    /// Its name in the metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::NotSent(_) => "not-sent",
            Self::Lost(_) => "lost",
            Self::Late => "late",
            Self::Left => "left",
        }
    }

    /// Why it was no success, for a trace.
    pub fn failure(&self) -> Option<String> {
        match self {
            Self::Answered(answer) if answer.status().is_server_error() => {
                Some(answer.status().as_u16().to_string())
            }
            Self::Answered(_) => None,
            Self::NotSent(why) | Self::Lost(why) => Some(why.clone()),
            Self::Late | Self::Left => Some("no answer in time".into()),
        }
    }

    /// Whether another try may be made: always when there was certainly no effect, and of a read, which
    /// has none, also when nobody knows.
    pub fn may_try_again(&self, reads: bool) -> bool {
        match self {
            Self::NotSent(_) => true,
            Self::Left => reads,
            Self::Lost(_) => reads,
            Self::Late => false,
            Self::Answered(answer) => match (answer.status().as_u16(), said(answer.headers())) {
                (503, Said::None) => true,
                (502..=504, _) => reads,
                _ => false,
            },
        }
    }

    /// Whether it speaks against the load balancer; `None` when it says nothing about it. A connection
    /// that ends in the middle does not count: a load balancer that is told other targets closes those
    /// it has, and with all of them left alone for that every request would be an error.
    pub fn blame(&self) -> Option<bool> {
        match self {
            Self::NotSent(_) | Self::Late => Some(true),
            Self::Lost(_) | Self::Left => None,
            Self::Answered(answer) => {
                let own = said(answer.headers()) == Said::Nothing;
                Some(own && matches!(answer.status().as_u16(), 502 | 504))
            }
        }
    }

    /// What the client is told when this was the last try.
    pub fn told(self, reads: bool) -> Response<Bytes> {
        match self {
            Self::Answered(mut answer) => match (answer.status(), said(answer.headers())) {
                (status, Said::Nothing) if status.is_server_error() && !reads => {
                    let error = format!("the application tier's answer was lost ({status})");
                    whole(&ApiError::doubtful(error))
                }
                (status, Said::Nothing) if status.is_server_error() => {
                    answer.headers_mut().insert(X_EFFECT, HeaderValue::from_static("none"));
                    answer
                }
                _ => answer,
            },
            Self::NotSent(why) => unavailable(&why),
            Self::Lost(why) if reads => unavailable(&why),
            Self::Lost(why) => whole(&ApiError::doubtful(why)),
            Self::Late | Self::Left if reads => unavailable("no answer in time"),
            Self::Late | Self::Left => whole(&ApiError::doubtful("no answer in time")),
        }
    }
}

/// What a client is told when nobody was asked.
pub fn unavailable(why: &str) -> Response<Bytes> {
    whole(&ApiError::unavailable(format!("the application tier did not answer: {why}")))
}

fn said(headers: &HeaderMap) -> Said {
    match headers.get(X_EFFECT).map(HeaderValue::as_bytes) {
        Some(b"none") => Said::None,
        Some(b"unknown") => Said::Unknown,
        _ => Said::Nothing,
    }
}

/// An error as an answer with its body at hand.
fn whole(error: &ApiError) -> Response<Bytes> {
    let (parts, _) = error.clone().into_response().into_parts();
    Response::from_parts(parts, Bytes::from(error.body().to_string()))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn answer(status: u16, effect: Option<&'static str>) -> Ended {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(effect) = effect {
            response.headers_mut().insert(X_EFFECT, HeaderValue::from_static(effect));
        }
        Ended::Answered(response)
    }

    /// What comes; may a read, a write be tried again; who is blamed; what a read, a write is told.
    type Row = (fn() -> Ended, bool, bool, Option<bool>, (u16, &'static str), (u16, &'static str));

    #[test]
    fn every_end_has_its_consequences() {
        let (none, unknown) = ((503, "none"), (504, "unknown"));
        let table: [Row; 13] = [
            (|| answer(200, None), false, false, Some(false), (200, ""), (200, "")),
            (|| answer(409, None), false, false, Some(false), (409, ""), (409, "")),
            (|| answer(429, None), false, false, Some(false), (429, ""), (429, "")),
            (|| answer(503, Some("none")), true, true, Some(false), none, none),
            (|| answer(504, Some("unknown")), true, false, Some(false), unknown, unknown),
            (|| answer(500, Some("none")), false, false, Some(false), (500, "none"), (500, "none")),
            (|| answer(503, None), true, false, Some(false), none, unknown),
            (|| answer(502, None), true, false, Some(true), (502, "none"), unknown),
            (|| answer(504, None), true, false, Some(true), (504, "none"), unknown),
            (|| Ended::NotSent(String::new()), true, true, Some(true), none, none),
            (|| Ended::Lost(String::new()), true, false, None, none, unknown),
            (|| Ended::Late, false, false, Some(true), none, unknown),
            (|| Ended::Left, true, false, None, none, unknown),
        ];
        for (ended, read, write, blame, read_told, write_told) in table {
            let name = format!("{:?}", ended());
            assert_eq!(ended().may_try_again(true), read, "{name}");
            assert_eq!(ended().may_try_again(false), write, "{name}");
            assert_eq!(ended().blame(), blame, "{name}");
            for (reads, told) in [(true, read_told), (false, write_told)] {
                let answer = ended().told(reads);
                let effect = answer.headers().get(X_EFFECT).map_or("", |v| v.to_str().unwrap());
                assert_eq!((answer.status().as_u16(), effect), told, "{name} {reads}");
            }
        }
    }
}
