//! All proxies by name.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::error::ApiError;
use crate::proxy::{Proxy, ProxyView};

/// What a request or a configuration says about a proxy.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ProxyInput {
    /// Unique name.
    #[serde(default)]
    pub name: Option<String>,
    /// Address to listen on.
    #[serde(default)]
    pub listen: Option<String>,
    /// Address to lead to.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Whether it accepts connections.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// The proxies. Changes are made one after the other.
#[derive(Debug)]
pub struct Collection {
    proxies: Mutex<BTreeMap<String, Proxy>>,
    connect_timeout: Duration,
}

impl Collection {
    /// No proxies yet; theirs will wait no longer than this for a connection to the upstream.
    pub fn new(connect_timeout: Duration) -> Self {
        Self { proxies: Mutex::default(), connect_timeout }
    }

    /// Looks at each proxy.
    pub async fn each(&self, look: impl FnMut(&Proxy)) {
        self.proxies.lock().await.values().for_each(look);
    }

    /// All proxies as the API shows them.
    pub async fn views(&self) -> BTreeMap<String, ProxyView> {
        self.proxies.lock().await.iter().map(|(name, p)| (name.clone(), p.view())).collect()
    }

    /// The proxy with this name; nobody else can change any while it is held.
    ///
    /// # Errors
    /// There is none.
    pub async fn proxy(&self, name: &str) -> Result<MappedMutexGuard<'_, Proxy>, ApiError> {
        let all = self.proxies.lock().await;
        MutexGuard::try_map(all, |all| all.get_mut(name)).map_err(|_| ApiError::ProxyNotFound)
    }

    /// Creates a proxy.
    ///
    /// # Errors
    /// A field is missing, the name is taken, or the address cannot be listened on.
    pub async fn create(&self, input: &ProxyInput) -> Result<ProxyView, ApiError> {
        let (mut proxy, enabled) = self.of(input, "")?;
        let mut all = self.proxies.lock().await;
        if all.contains_key(proxy.name()) {
            return Err(ApiError::ProxyAlreadyExists);
        }
        if enabled {
            proxy.enable().await?;
        }
        let view = proxy.view();
        all.insert(proxy.name().into(), proxy);
        Ok(view)
    }

    /// Creates the proxies that do not exist and replaces those with other addresses. Existing ones
    /// with the same addresses stay as they are, toxics included.
    ///
    /// # Errors
    /// The first problem, after the proxies that came before it; a missing field comes first of all.
    pub async fn populate(&self, input: &[ProxyInput]) -> (Vec<ProxyView>, Option<ApiError>) {
        let mut done = Vec::new();
        let proxies: Result<Vec<_>, _> = (1..)
            .zip(input)
            .map(|(number, one)| self.of(one, &format!(" at proxy {number}")))
            .collect();
        let proxies = match proxies {
            Ok(proxies) => proxies,
            Err(error) => return (done, Some(error)),
        };
        let mut all = self.proxies.lock().await;
        for (proxy, enabled) in proxies {
            match add_or_replace(&mut all, proxy, enabled).await {
                Ok(view) => done.push(view),
                Err(error) => return (done, Some(error)),
            }
        }
        (done, None)
    }

    /// Removes a proxy and closes its connections.
    ///
    /// # Errors
    /// There is none with this name.
    pub async fn remove(&self, name: &str) -> Result<(), ApiError> {
        let mut all = self.proxies.lock().await;
        all.remove(name).ok_or(ApiError::ProxyNotFound)?.disable().await;
        Ok(())
    }

    /// Enables all proxies and removes all toxics.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub async fn reset(&self) -> Result<(), ApiError> {
        for proxy in self.proxies.lock().await.values_mut() {
            proxy.enable().await?;
            proxy.remove_toxics();
        }
        Ok(())
    }

    fn of(&self, input: &ProxyInput, place: &str) -> Result<(Proxy, bool), ApiError> {
        let required = |field: &Option<String>, name: &str| match field.as_deref() {
            None | Some("") => Err(ApiError::MissingField(format!("{name}{place}"))),
            Some(value) => Ok(value.to_owned()),
        };
        let name = required(&input.name, "name")?;
        let upstream = required(&input.upstream, "upstream")?;
        let listen = input.listen.as_deref().unwrap_or_default();
        let proxy = Proxy::new(&name, listen, &upstream, self.connect_timeout);
        Ok((proxy, input.enabled.unwrap_or(true)))
    }
}

async fn add_or_replace(
    all: &mut BTreeMap<String, Proxy>,
    mut proxy: Proxy,
    enabled: bool,
) -> Result<ProxyView, ApiError> {
    if let Some(existing) = all.get_mut(proxy.name()) {
        if !existing.differs(proxy.listen(), proxy.upstream()).await? {
            return Ok(existing.view());
        }
        existing.disable().await;
    }
    if enabled {
        proxy.enable().await?;
    }
    let view = proxy.view();
    all.insert(proxy.name().into(), proxy);
    Ok(view)
}
