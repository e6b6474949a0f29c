//! What the program thinks of its targets, as JSON: `GET /targets` returns a [`View`], `GET /healthz`
//! is 200 while PowerDNS answers for the name.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::config::DnsConfig;
use super::health::Opinions;
use super::resolver::Resolver;

/// Everything it thinks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub targets: Vec<TargetView>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetView {
    /// The node's name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Whether it is answered, as far as its health goes.
    pub healthy: bool,
    /// Checkers that think so.
    pub agreeing: usize,
    /// All of its checkers.
    pub checkers: usize,
}

/// What the parts of the program share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What it was told.
    pub config: Arc<DnsConfig>,
    /// What its checkers think.
    pub opinions: Arc<Mutex<Opinions>>,
}

impl Shared {
    /// The targets that are healthy.
    pub fn healthy(&self) -> Vec<bool> {
        self.opinions.lock().unwrap_or_else(PoisonError::into_inner).healthy()
    }

    fn view(&self) -> View {
        let opinions = self.opinions.lock().unwrap_or_else(PoisonError::into_inner);
        let targets = self.config.targets.iter().enumerate().map(|(index, target)| {
            let (agreeing, checkers) = opinions.agreeing(index);
            TargetView {
                name: target.name.clone(),
                address: *target.address.ip(),
                healthy: opinions.is_healthy(index),
                agreeing,
                checkers,
            }
        });
        View { name: self.config.name.clone(), targets: targets.collect() }
    }
}

/// Serves it on `listener` until that fails.
pub async fn serve(listener: TcpListener, shared: Shared) {
    let router = Router::new()
        .route("/targets", get(targets))
        .route("/healthz", get(healthz))
        .with_state(shared);
    if let Err(e) = axum::serve(listener, router).await {
        tracing::error!(error = %e, "nobody can ask for the view any more");
    }
}

async fn targets(State(shared): State<Shared>) -> Json<View> {
    Json(shared.view())
}

async fn healthz(State(shared): State<Shared>) -> Result<&'static str, (StatusCode, String)> {
    let own = SocketAddr::from(([127, 0, 0, 1], shared.config.port));
    match Resolver::new(vec![own], &shared.config.name).resolve().await {
        Ok(_) => Ok("ok"),
        Err(e) => Err((StatusCode::SERVICE_UNAVAILABLE, e)),
    }
}
