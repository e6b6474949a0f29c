//! Signed requests to a managed service, each with a time-out.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode, header, uri::Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqsign_aws_v4::{Credential, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};
use sha2::{Digest, Sha256};

use crate::config;
use crate::db::Effect;
use crate::trace::{self, Call};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// A service of one endpoint.
pub struct Service {
    name: String,
    http: Client<HttpConnector, Full<Bytes>>,
    signer: Signer<Credential>,
    endpoint: String,
    timeout: Duration,
}

/// What a service answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// There is no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct NoAnswer {
    /// Whether the service may have done what it was asked.
    pub effect: Effect,
    detail: String,
}

impl Service {
    /// The service called `name` in signatures, which has `timeout` to answer a request.
    pub fn new(name: &str, endpoint: &str, timeout: Duration, keys: &config::Keys) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let secrets = StaticCredentialProvider::new(&keys.access_key, &keys.secret_key);
        let signing = RequestSigner::new(name, &keys.region);
        Self {
            name: name.to_owned(),
            http: Client::builder(TokioExecutor::new()).build(connector),
            signer: Signer::new(Context::new(), secrets, signing),
            endpoint: endpoint.to_owned(),
            timeout,
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// No answer came in time.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        self.send_within(self.timeout, method, path, headers, body).await
    }

    /// Sends one request, which has a time-out of its own: a service may be asked to wait.
    ///
    /// # Errors
    /// No answer came in time.
    pub async fn send_within(
        &self,
        timeout: Duration,
        method: &str,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let call = trace::call(&self.name, || operation(method, &headers));
        let request = self.signed(method, path, headers, body).await?;
        let answered = match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer {
                effect: Effect::Unknown,
                detail: format!("no answer within {} ms", timeout.as_millis()),
            }),
        };
        traced(call, answered)
    }

    /// How long a request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    async fn signed(
        &self,
        method: &str,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let unsigned = |why: String| NoAnswer { effect: Effect::None, detail: why };
        let uri: Uri = format!("{}{path}", self.endpoint)
            .parse()
            .map_err(|e| unsigned(format!("{path} is no address: {e}")))?;
        let host = uri.authority().map(|authority| authority.as_str().to_owned());
        let hash: String = Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, host.unwrap_or_default())
            .header("x-amz-content-sha256", hash)
            .body(Full::new(body))
            .map_err(|e| unsigned(e.to_string()))?;
        request.headers_mut().extend(headers);
        let (mut parts, body) = request.into_parts();
        let signed = self.signer.sign(&mut parts, None).await;
        signed.map_err(|e| unsigned(format!("the request cannot be signed: {e}")))?;
        Ok(Request::from_parts(parts, body))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let response = self.http.request(request).await.map_err(|e| NoAnswer {
            // Without a connection nothing was sent.
            effect: if e.is_connect() { Effect::None } else { Effect::Unknown },
            detail: e.to_string(),
        })?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|e| NoAnswer {
            effect: Effect::Unknown,
            detail: format!("the answer broke off: {e}"),
        })?;
        Ok(Answer { status, body: body.to_bytes() })
    }
}

/// What is asked for: the header of the newer protocols names it.
fn operation(method: &str, headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let name = target.and_then(|target| target.rsplit('.').next());
    name.unwrap_or(method).to_owned()
}

/// A refusal is an answer; a service that is out is not.
fn traced(mut call: Call, answered: Result<Answer, NoAnswer>) -> Result<Answer, NoAnswer> {
    if let Ok(answer) = &answered {
        call.note("http.response.status_code", answer.status.as_u16());
        if answer.status.is_server_error() {
            call.failed(|| answer.status.to_string());
        }
    }
    call.done(answered)
}
