//! The server under test, spoken to in raw HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use netproxy::{Collection, router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Upper limit of every wait in these tests.
pub const LONG: Duration = Duration::from_secs(20);
/// How long our server waits for an upstream.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);

static FOREIGN: Mutex<()> = Mutex::new(());

/// A server without proxies.
pub struct Server {
    pub address: SocketAddr,
    own: Option<Runtime>,
    /// A foreign server serves one test at a time.
    _turn: Option<MutexGuard<'static, ()>>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Server {
    pub fn start() -> Self {
        match std::env::var("TOXIPROXY_URL") {
            Ok(url) => Self::foreign(&url),
            Err(_) => Self::own(),
        }
    }

    fn foreign(url: &str) -> Self {
        let turn = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner);
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let address = address.parse().expect("TOXIPROXY_URL: http://<IP address>:<port>");
        let server = Self { address, own: None, _turn: Some(turn) };
        for name in server.get("/proxies").json().as_object().unwrap().keys() {
            server.call("DELETE", &format!("/proxies/{name}"), "");
        }
        server
    }

    fn own() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(Arc::new(Collection::new(CONNECT_TIMEOUT)));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, own: Some(runtime), _turn: None }
    }

    pub fn is_ours(&self) -> bool {
        self.own.is_some()
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, &body.to_string())
    }

    pub fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        self.call_as("conformance", method, path, body)
    }

    pub fn call_as(&self, agent: &str, method: &str, path: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let length = body.len();
        // Version 1.0: no chunks, and the end of the connection ends the answer.
        let head = format!("{method} {path} HTTP/1.0\r\nUser-Agent: {agent}\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, body: body.to_owned() }
    }

    /// Creates a proxy to this upstream and returns its address.
    pub fn proxy(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let listen = "127.0.0.1:0";
        let upstream = upstream.to_string();
        let new = json!({"name": name, "listen": listen, "upstream": upstream});
        self.post("/proxies", &new).expect(201)["listen"].as_str().unwrap().parse().unwrap()
    }

    /// Adds a toxic with a toxicity of 1.
    pub fn toxic(&self, proxy: &str, kind: &str, stream: &str, attributes: Value) {
        let new = json!({"type": kind, "stream": stream, "attributes": attributes});
        self.post(&format!("/proxies/{proxy}/toxics"), &new).expect(200);
    }

    /// Removes a toxic.
    pub fn cure(&self, proxy: &str, toxic: &str) {
        let path = format!("/proxies/{proxy}/toxics/{toxic}");
        assert_eq!(self.call("DELETE", &path, "").status, 204);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.own.take() {
            runtime.shutdown_background();
        }
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body of an answer with this status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// An error as Toxiproxy writes it.
    pub fn expect_error(&self, status: u16, message: &str) {
        let body = self.expect(status);
        assert_eq!(body["status"], status, "{self:?}");
        let error = body["error"].as_str().unwrap();
        assert!(error.starts_with(message), "{error} does not begin with {message}");
    }
}
