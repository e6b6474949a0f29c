//! The shop's HTTP interface: what each action looks like on the wire.

use std::net::Ipv4Addr;

use bytes::Bytes;
use serde_json::json;

use super::forum;
use super::position::Position;
use super::schedule::Action;

/// A request without the things that depend on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST` or `PUT`.
    pub method: hyper::Method,
    /// Path and query.
    pub path: String,
    /// A JSON body; empty for none.
    pub body: Bytes,
    /// The header `Idempotency-Key`.
    pub key: Option<String>,
    /// Session token for the header `Authorization`.
    pub token: Option<std::sync::Arc<str>>,
    /// The header `x-position`: the latest state that the user has seen.
    pub position: Option<Position>,
    /// The header `x-forwarded-for`: where the user is. All users of a run share one machine, and the
    /// lab believes that machine, as it believes every node before another.
    pub address: Option<Ipv4Addr>,
    /// Goes over a connection of its own, opened for it.
    pub anew: bool,
}

impl Call {
    /// A request that only reads.
    pub fn get(path: String) -> Self {
        let body = Bytes::new();
        let method = hyper::Method::GET;
        Self {
            method,
            path,
            body,
            key: None,
            token: None,
            position: None,
            address: None,
            anew: false,
        }
    }

    fn post(path: &str, body: &serde_json::Value) -> Self {
        let body = Bytes::from(body.to_string());
        Self { method: hyper::Method::POST, body, ..Self::get(path.into()) }
    }

    /// Opens a session for a guest.
    pub fn sign_in() -> Self {
        Self::post("/sessions", &json!({ "guest": true }))
    }

    /// Writes a version of the own profile.
    pub fn write_profile(user: &str, version: u64) -> Self {
        let about = format!("Version {version} of what I say about myself.");
        let body = json!({ "version": version, "about": about }).to_string();
        let path = format!("/users/{user}/profile");
        Self { method: hyper::Method::PUT, body: body.into(), ..Self::get(path) }
    }

    /// Reads a profile.
    pub fn read_profile(user: &str) -> Self {
        Self::get(format!("/users/{user}/profile"))
    }

    /// What `action` sends; a write still needs its session token, and what is about a profile the
    /// user.
    pub fn of(action: &Action) -> Self {
        let call = match action {
            Action::Browse { page } => Self::get(format!("/products?page={page}")),
            Action::Product { id } => Self::get(format!("/products/{id}")),
            Action::ReadForum { topic } => Self::get(format!("/posts?topic={topic}")),
            Action::AddToCart { product, quantity } => {
                Self::post("/cart", &json!({ "product": product, "quantity": quantity }))
            }
            Action::Order { product, quantity, .. } => {
                let items = json!([{ "product": product, "quantity": quantity }]);
                Self::post("/orders", &json!({ "items": items }))
            }
            Action::Post { key, topic } => {
                let body = json!({ "topic": topic, "body": forum::text(topic, key) });
                Self::post("/posts", &body)
            }
            Action::WriteProfile => Self::write_profile("me", 1),
            Action::ReadProfile => Self::read_profile("me"),
        };
        Self { key: action.key().map(str::to_owned), ..call }
    }
}

/// `text` as a value in a query string.
pub fn query_value(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(action: Action) -> (String, String, Option<String>) {
        let call = Call::of(&action);
        let body = String::from_utf8(call.body.to_vec()).unwrap();
        (format!("{} {}", call.method, call.path), body, call.key)
    }

    #[test]
    fn actions_are_requests_of_the_shop() {
        let read = |line: &str| (line.to_owned(), String::new(), None);
        assert_eq!(sent(Action::Browse { page: 3 }), read("GET /products?page=3"));
        assert_eq!(sent(Action::Product { id: 7 }), read("GET /products/7"));
        assert_eq!(sent(Action::ReadForum { topic: "news" }), read("GET /posts?topic=news"));
        assert_eq!(
            sent(Action::AddToCart { product: 7, quantity: 2 }),
            ("POST /cart".into(), r#"{"product":7,"quantity":2}"#.into(), None)
        );
        assert_eq!(
            sent(Action::Order { key: "k-1".into(), product: 7, quantity: 2 }),
            (
                "POST /orders".into(),
                r#"{"items":[{"product":7,"quantity":2}]}"#.into(),
                Some("k-1".into())
            )
        );
        let (line, body, key) = sent(Action::Post { key: "k-2".into(), topic: "news" });
        assert_eq!((line.as_str(), key.as_deref()), ("POST /posts", Some("k-2")));
        assert!(body.contains(r#""topic":"news""#), "{body}");
    }

    #[test]
    fn query_values_are_escaped() {
        assert_eq!(query_value("run-1_a"), "run-1_a");
        assert_eq!(query_value("a&b c%é"), "a%26b%20c%25%C3%A9");
    }
}
