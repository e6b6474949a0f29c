//! How others talk to a balancer.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

use super::numbers::AllNumbers;
use super::view::View;
use super::weights::Weights;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A client of one balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalancerClient {
    address: SocketAddrV4,
}

impl BalancerClient {
    /// The balancer whose interface is at an address.
    pub fn new(address: SocketAddrV4) -> Self {
        Self { address }
    }

    /// What it thinks of its targets.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn view(&self) -> Result<View, String> {
        self.read("/targets").await
    }

    /// What its targets have done.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn numbers(&self) -> Result<AllNumbers, String> {
        self.read("/numbers").await
    }

    /// Gives targets other shares; returns when they are in effect. A target that is not named has a
    /// share of 1.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub async fn weigh(&self, weights: &Weights) -> Result<(), String> {
        let body = serde_json::to_vec(weights).map_err(|e| e.to_string())?;
        self.send(Method::PUT, "/weights", body).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let body = self.send(Method::GET, path, Vec::new()).await?;
        serde_json::from_slice(&body).map_err(|e| e.to_string())
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| e.to_string())?;
        let exchange = async {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let answer = client.request(request).await.map_err(|e| e.to_string())?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
            if status.is_success() {
                return Ok(body);
            }
            Err(format!("it answers {status}: {}", String::from_utf8_lossy(&body).trim()))
        };
        let answered = tokio::time::timeout(TIMEOUT, exchange).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")))
    }
}
