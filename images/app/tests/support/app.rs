//! The program under test, as a process, and a client that talks to it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::postgres::Postgres;
use super::{free_port, until};

/// A running shop; killed when dropped.
pub struct App {
    pub port: u16,
    child: Child,
    client: Http,
}

/// A client of one shop. Clones share its connections.
#[derive(Clone)]
pub struct Http {
    port: u16,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A user with a session.
pub struct Author {
    pub token: String,
    pub user_id: String,
}

impl Author {
    /// Path of the profile.
    pub fn path(&self) -> String {
        format!("/users/{}/profile", self.user_id)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub effect: Option<String>,
    pub headers: hyper::HeaderMap,
    pub text: String,
}

impl Answer {
    /// A header; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in {:?}", self.text))
    }
}

impl App {
    /// Starts a shop on these servers, and waits until it can serve.
    pub async fn start(servers: &[&Postgres], env: &[(&str, &str)]) -> Self {
        let app = Self::launch(servers, env);
        app.ready().await;
        app
    }

    /// Waits until it can serve.
    pub async fn ready(&self) {
        until("the shop is ready", || async {
            let answer = self.http().try_get("/readyz").await;
            answer.is_ok_and(|a| a.status == 200).then_some(())
        })
        .await;
    }

    /// Starts a task of the web tier before load balancers on these ports, without waiting.
    pub fn front(balancers: &[u16], env: &[(&str, &str)]) -> Self {
        let hosts: Vec<String> = balancers.iter().map(|p| format!("127.0.0.1:{p}")).collect();
        let hosts = hosts.join(",");
        let own = [("ROLE", "front"), ("NODE_NAME", "web-a1"), ("API_HOSTS", &*hosts)];
        Self::run(command().envs(own).envs(env.iter().copied()))
    }

    /// Starts a shop on these servers, without waiting.
    pub fn launch(servers: &[&Postgres], env: &[(&str, &str)]) -> Self {
        let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
        Self::launch_on(&ports, env)
    }

    /// Starts a shop whose database is behind these ports, without waiting.
    pub fn launch_on(ports: &[u16], env: &[(&str, &str)]) -> Self {
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let hosts = hosts.join(",");
        let own =
            [("DATABASE_HOSTS", &*hosts), ("DATABASE_USER", "shop"), ("DATABASE_NAME", "shop")];
        Self::run(command().envs(own).envs(env.iter().copied()))
    }

    fn run(command: &mut Command) -> Self {
        let port = free_port();
        command.env("LISTEN", format!("127.0.0.1:{port}"));
        let child = command.spawn().expect("the shop starts");
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { port, child, client: Http { port, client } }
    }

    /// The value of a metric.
    pub async fn metric(&self, name: &str) -> f64 {
        self.try_metric(name).await.unwrap_or_else(|| panic!("no {name} in the metrics"))
    }

    /// The value of a metric that may be absent.
    pub async fn try_metric(&self, name: &str) -> Option<f64> {
        let page = self.http().get("/metrics").await.text;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().expect("a number"))
    }

    /// Waits until a metric has a value.
    pub async fn until_metric(&self, name: &str, value: f64) {
        until(&format!("{name} is {value}"), || async {
            (self.try_metric(name).await == Some(value)).then_some(())
        })
        .await;
    }

    /// A client of this shop.
    pub fn http(&self) -> Http {
        self.client.clone()
    }

    /// The process.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

/// The program, with nothing set.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.env_clear().env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or("error".into()));
    // What is not tested here waits longer than in production: the machine may be slow.
    command.envs([("CONNECT_TIMEOUT_MS", "1000"), ("CACHE_TIMEOUT_MS", "1000")]);
    command.env("RETRY_BUDGET_MS", "10000");
    command.stdin(Stdio::null());
    command
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended already, as some tests want it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Http {
    /// The same client, of another server.
    pub fn on_port(&self, port: u16) -> Self {
        Self { port, client: self.client.clone() }
    }

    /// Sends a request; fails only when no answer comes.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let work = async {
            let response = self.client.request(request).await.map_err(|e| e.to_string())?;
            let status = response.status().as_u16();
            let effect = response.headers().get("x-effect");
            let effect = effect.map(|v| v.to_str().expect("text").to_owned());
            let headers = response.headers().clone();
            let body = response.into_body().collect().await.map_err(|e| e.to_string())?;
            let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            Ok(Answer { status, effect, headers, text })
        };
        let timeout = Duration::from_secs(60);
        tokio::time::timeout(timeout, work).await.map_err(|_| format!("{path}: no answer"))?
    }

    /// GET; fails only when no answer comes.
    pub async fn try_get(&self, path: &str) -> Result<Answer, String> {
        self.send("GET", path, &[], "").await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.expect("an answer")
    }

    /// POST with a session and a key; empty ones are not sent.
    pub async fn post(&self, path: &str, token: &str, key: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        self.send("POST", path, &headers, &body.to_string()).await.expect("an answer")
    }

    /// GET with a position; an empty one is not sent.
    pub async fn get_from(&self, path: &str, position: &str) -> Answer {
        let headers = [("x-position", position)];
        let headers = if position.is_empty() { &headers[..0] } else { &headers[..] };
        self.send("GET", path, headers, "").await.expect("an answer")
    }

    /// A guest with a profile to write.
    pub async fn author(&self) -> Author {
        let answer = self.post("/sessions", "", "", &json!({ "guest": true })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let text = |name: &str| answer.json()[name].as_str().expect("a text").to_owned();
        Author { token: text("token"), user_id: text("user_id") }
    }

    /// Writes a version of a profile.
    pub async fn write_profile(&self, author: &Author, version: i64) -> Answer {
        let bearer = format!("Bearer {}", author.token);
        let body = json!({ "version": version, "about": format!("version {version}") });
        let headers = [("authorization", bearer.as_str())];
        let sent = self.send("PUT", &author.path(), &headers, &body.to_string()).await;
        sent.expect("an answer")
    }

    /// A guest's session token.
    pub async fn guest(&self) -> String {
        let answer = self.post("/sessions", "", "", &json!({ "guest": true })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["token"].as_str().expect("a token").to_owned()
    }

    /// Orders one product.
    pub async fn order(&self, token: &str, key: &str, product: i64, quantity: i64) -> Answer {
        let items = json!({ "items": [{ "product": product, "quantity": quantity }] });
        self.post("/orders", token, key, &items).await
    }

    /// All keys with this prefix and how many effects they have, read in small pages.
    pub async fn effects(&self, kind: &str, prefix: &str) -> Vec<(String, u64)> {
        self.keys(&format!("/audit/writes?kind={kind}"), prefix).await
    }

    /// All orders with this prefix that somebody began to write a mail for, and how many were sent.
    pub async fn mails(&self, prefix: &str) -> Vec<(String, u64)> {
        self.keys("/audit/effects?kind=mail", prefix).await
    }

    /// Keys of orders with this prefix, and what followed from each.
    pub async fn later(&self, kind: &str, prefix: &str) -> Vec<(String, u64)> {
        self.keys(&format!("/audit/effects?kind={kind}"), prefix).await
    }

    async fn keys(&self, audit: &str, prefix: &str) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("{audit}&prefix={prefix}&after={after}&limit=7");
            let answer = self.get(&path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let page = answer.json();
            for pair in page["keys"].as_array().expect("keys") {
                let key = pair[0].as_str().expect("a key").to_owned();
                all.push((key, pair[1].as_u64().expect("a number")));
            }
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => return all,
            }
        }
    }

    /// Fails unless money and stock are in order; returns the number of ledger entries.
    pub async fn assert_conserved(&self) -> u64 {
        let answer = self.get("/audit/ledger").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let ledger = answer.json();
        assert_eq!(ledger["debit_cents"], ledger["credit_cents"], "{ledger}");
        for list in ["unbalanced_orders", "incomplete_orders", "wrong_stock"] {
            assert_eq!(ledger[list], json!([]), "{ledger}");
        }
        assert_eq!(ledger["products"], 200);
        ledger["entries"].as_u64().expect("a number")
    }
}
