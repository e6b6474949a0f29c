mod languages;
mod problems;
mod schedule;
mod shop;

use super::{Workload, parse};

/// A workload with these operations, indented by four spaces.
pub fn with_operations(operations: &str) -> String {
    format!("workload:\n  operations:\n{operations}\n")
}

/// The example of the documentation.
pub const EXAMPLE: &str = r#"workload:
  users: 20
  begin:
    - {post: /login, form: {name: "u{user}", password: "pw"}, take: {token: json.token}}
  headers: {Authorization: "Bearer {token}"}
  operations:
    browse:  {weight: 40, get: "/items?page={int 1 10}"}
    buy:     {weight: 10, post: /orders, json: {item: "{int 1 200}"}, key: {header: Idempotency-Key},
              no_effect: [409, 429, 503],
              promise: {read: "GET /orders/{key}", is: {status: 200, json.item: "{item}"}}}
    profile: {weight: 10, register: {write: "PUT /me/profile", json: {v: "{version}"}, read: "GET /me/profile", version: json.v}}
    post:    {weight: 5, post: /posts, json: {text: "{key}"}, promise: {listed: "GET /posts?last=50", items: "json[].text", within_ms: 5000}}
  invariants:
    - {name: stock, get: /admin/stock, holds: "sum(json.items[].left) + sum(json.items[].sold) == 20000"}
"#;

pub fn good(text: &str) -> Workload {
    parse(text, "w.yaml").unwrap_or_else(|errors| panic!("{errors}"))
}
