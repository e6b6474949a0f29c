//! One proxy: where it listens, where it leads, whether it is enabled, and its toxics.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::accept::accept;
use crate::address::resolve_listen;
use crate::connection::Common;
use crate::error::ApiError;
use crate::metrics::Counters;
use crate::toxic::{Kind, Stream, Toxic, Toxics};

/// A proxy, enabled or not.
#[derive(Debug)]
pub struct Proxy {
    name: Arc<str>,
    listen: String,
    upstream: Arc<str>,
    connect_timeout: Duration,
    toxics: watch::Sender<Toxics>,
    next_id: u64,
    counters: Arc<Counters>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// A proxy as the API shows it.
#[derive(Debug, Serialize)]
pub struct ProxyView {
    name: String,
    listen: String,
    upstream: String,
    enabled: bool,
    toxics: Vec<Toxic>,
}

/// What a request says about a toxic. What it does not say has a default or stays.
#[derive(Debug, Default)]
pub struct ToxicInput {
    /// Unique in its proxy; otherwise made of type and stream.
    pub name: Option<String>,
    /// What it does.
    pub kind: String,
    /// The direction; downstream by default.
    pub stream: Option<String>,
    /// Its share of connections; all by default.
    pub toxicity: Option<f32>,
    /// Its settings.
    pub attributes: Map<String, Value>,
}

impl Proxy {
    /// A proxy that is not enabled.
    pub fn new(name: &str, listen: &str, upstream: &str, connect_timeout: Duration) -> Self {
        Self {
            name: name.into(),
            listen: listen.into(),
            upstream: upstream.into(),
            connect_timeout,
            toxics: watch::Sender::new(Toxics::default()),
            next_id: 0,
            counters: Arc::default(),
            running: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens; once it was enabled, with the real port.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// Where it leads.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Its byte counts.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether it accepts connections.
    pub fn enabled(&self) -> bool {
        self.running.is_some()
    }

    /// As the API shows it.
    pub fn view(&self) -> ProxyView {
        ProxyView {
            name: self.name.to_string(),
            listen: self.listen.clone(),
            upstream: self.upstream.to_string(),
            enabled: self.enabled(),
            toxics: self.toxics(),
        }
    }

    /// Accepts connections from now on.
    pub async fn enable(&mut self) -> Result<(), ApiError> {
        if self.enabled() {
            return Ok(());
        }
        let refused = |problem| ApiError::Listen { address: self.listen.clone(), problem };
        let listener = self.bind().await.map_err(refused)?;
        self.listen = listener.local_addr().map_err(refused)?.to_string();
        let common = Common {
            name: self.name.clone(),
            upstream: self.upstream.clone(),
            connect_timeout: self.connect_timeout,
            toxics: self.toxics.subscribe(),
            counters: self.counters.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(accept(listener, common, stopped));
        self.running = Some(Running { stop, ended });
        tracing::info!(proxy = %self.name, listen = self.listen, upstream = %self.upstream, "enabled");
        Ok(())
    }

    async fn bind(&self) -> io::Result<TcpListener> {
        TcpListener::bind(resolve_listen(&self.listen).await?).await
    }

    /// Refuses connections from now on; when this returns, those that existed are closed.
    pub async fn disable(&mut self) {
        if let Some(Running { stop, ended }) = self.running.take() {
            // Neither can fail unless the task is gone already.
            let _ = stop.send(());
            let _ = ended.await;
            tracing::info!(proxy = %self.name, "disabled");
        }
    }

    /// Whether these addresses are not the ones it has.
    pub async fn differs(&self, listen: &str, upstream: &str) -> Result<bool, ApiError> {
        let address = resolve_listen(listen)
            .await
            .map_err(|problem| ApiError::Listen { address: listen.to_owned(), problem })?;
        Ok(self.listen != address.to_string() || *self.upstream != *upstream)
    }

    /// Other addresses or another state; new addresses close the connections that exist.
    pub async fn update(
        &mut self,
        listen: &str,
        upstream: &str,
        enabled: bool,
    ) -> Result<(), ApiError> {
        if self.differs(listen, upstream).await? {
            self.disable().await;
            self.listen = listen.into();
            self.upstream = upstream.into();
        }
        if enabled {
            return self.enable().await;
        }
        self.disable().await;
        Ok(())
    }

    /// The toxics; upstream ones first.
    pub fn toxics(&self) -> Vec<Toxic> {
        let mut all = self.toxics.borrow().to_vec();
        all.sort_by_key(|toxic| toxic.stream == Stream::Downstream);
        all
    }

    /// The toxic with this name.
    pub fn toxic(&self, name: &str) -> Result<Toxic, ApiError> {
        self.toxics.borrow().iter().find(|t| t.name == name).cloned().ok_or(ApiError::ToxicNotFound)
    }

    /// Adds a toxic, which acts on existing connections as well.
    pub fn add_toxic(&mut self, input: ToxicInput) -> Result<Toxic, ApiError> {
        let stream = input.stream.as_deref().unwrap_or(Stream::Downstream.as_str());
        let stream = Stream::parse(stream).ok_or(ApiError::InvalidStream)?;
        let kind = Kind::of_type(&input.kind).ok_or(ApiError::InvalidToxicType)?;
        let name = input
            .name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("{}_{}", kind.type_name(), stream.as_str()));
        if self.toxic(&name).is_ok() {
            return Err(ApiError::ToxicAlreadyExists);
        }
        let kind = with(kind, &input.attributes)?;
        let toxicity = input.toxicity.unwrap_or(1.0);
        let toxic = Toxic { id: self.next_id, revision: 0, name, stream, toxicity, kind };
        self.next_id += 1;
        self.change_toxics(|all| all.push(toxic.clone()));
        Ok(toxic)
    }

    /// Changes settings and toxicity of a toxic.
    pub fn update_toxic(&mut self, name: &str, input: &ToxicInput) -> Result<Toxic, ApiError> {
        let mut toxic = self.toxic(name)?;
        toxic.kind = with(toxic.kind, &input.attributes)?;
        toxic.toxicity = input.toxicity.unwrap_or(toxic.toxicity);
        toxic.revision += 1;
        self.change_toxics(|all| {
            all.iter_mut().filter(|t| t.id == toxic.id).for_each(|t| *t = toxic.clone());
        });
        Ok(toxic)
    }

    /// Removes a toxic.
    pub fn remove_toxic(&mut self, name: &str) -> Result<(), ApiError> {
        let id = self.toxic(name)?.id;
        self.change_toxics(|all| all.retain(|t| t.id != id));
        Ok(())
    }

    /// Removes all toxics.
    pub fn remove_toxics(&mut self) {
        self.change_toxics(Vec::clear);
    }

    fn change_toxics(&self, change: impl FnOnce(&mut Vec<Toxic>)) {
        self.toxics.send_modify(|all| change(Arc::make_mut(all)));
    }
}

fn with(kind: Kind, attributes: &Map<String, Value>) -> Result<Kind, ApiError> {
    kind.with(attributes).map_err(|e| ApiError::BadRequestBody(e.to_string()))
}
