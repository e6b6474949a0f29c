//! How clients speak to an entry: HTTP/1.1 or HTTP/2, as it is or within TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::wire::Wire;
use crate::spec::certificates;
use crate::spec::model::Tls;

/// The protocols' names in the handshake (RFC 7301; RFC 9113, section 3.1).
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// How clients speak to an entry; the default is HTTP/1.1 without TLS.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    http2: bool,
    /// The name that is asked for, instead of the address.
    name: Option<String>,
    /// What TLS is begun with, or why it cannot be.
    tls: Option<Result<Arc<ClientConfig>, String>>,
}

/// What requests are sent with.
#[derive(Debug)]
pub enum Sender {
    /// One after the other.
    One(http1::SendRequest<Full<Bytes>>),
    /// Many at the same time.
    Many(http2::SendRequest<Full<Bytes>>),
}

impl Transport {
    /// As a stage says it. What cannot be begun is said by each connection.
    pub fn of(tls: Option<&Tls>, http2: bool) -> Self {
        Self {
            http2,
            name: tls.and_then(|tls| tls.name.clone()),
            tls: tls.map(|tls| config(tls, if http2 { HTTP2 } else { HTTP1 }).map(Arc::new)),
        }
    }

    /// Whether it is within TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether a connection carries many requests at the same time.
    pub fn is_shared(&self) -> bool {
        self.http2
    }

    /// Whom a request asks for: the name, or the address.
    pub fn host(&self, address: SocketAddr) -> String {
        match &self.name {
            None => address.to_string(),
            Some(name) => match (address.port(), self.is_secure()) {
                (443, true) | (80, false) => name.clone(),
                (port, _) => format!("{name}:{port}"),
            },
        }
    }

    /// Begins to speak on a connection.
    ///
    /// # Errors
    /// Why the other side cannot be spoken to.
    pub async fn begin(&self, wire: Wire, address: SocketAddr) -> Result<Sender, String> {
        let Some(config) = &self.tls else { return speak(wire, self.http2).await };
        let name = match &self.name {
            Some(name) => ServerName::try_from(name.clone()).map_err(|e| format!("TLS: {e}"))?,
            None => ServerName::IpAddress(address.ip().into()),
        };
        let connector = TlsConnector::from(Arc::clone(config.as_ref().map_err(Clone::clone)?));
        let stream = connector.connect(name, wire).await.map_err(|e| format!("TLS: {e}"))?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.http2 && agreed != Some(HTTP2) {
            return Err("TLS: the entry does not speak HTTP/2 (no `h2` in its answer)".to_owned());
        }
        speak(stream, self.http2).await
    }
}

/// Errors of the driver reach the request that is under way; without one nobody misses them.
async fn speak<S>(stream: S, http2: bool) -> Result<Sender, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = TokioIo::new(stream);
    if http2 {
        let begun = http2::handshake(TokioExecutor::new(), io).await;
        let (sender, driver) = begun.map_err(|e| e.to_string())?;
        tokio::spawn(async move { drop(driver.await) });
        return Ok(Sender::Many(sender));
    }
    let (sender, driver) = http1::handshake(io).await.map_err(|e| e.to_string())?;
    tokio::spawn(async move { drop(driver.await) });
    Ok(Sender::One(sender))
}

impl Sender {
    /// Another one of the same connection, where that carries many requests.
    pub fn share(&self) -> Option<Self> {
        match self {
            Self::One(_) => None,
            Self::Many(sender) => Some(Self::Many(sender.clone())),
        }
    }

    /// Waits until a request can be sent.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::One(sender) => sender.ready().await,
            Self::Many(sender) => sender.ready().await,
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// What went wrong; with the request, if nothing of it was written.
    pub async fn try_send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        match self {
            Self::One(sender) => sender.try_send_request(request).await,
            Self::Many(sender) => sender.try_send_request(request).await,
        }
    }
}

fn config(tls: &Tls, protocol: &[u8]) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    let mut config = match &tls.ca {
        Some(pem) => {
            let roots = certificates::roots(pem).map_err(|e| format!("`traffic.tls.ca`: {e}"))?;
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        None => {
            let anybody = Arc::new(Anybody(provider));
            builder.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}

/// Believes whoever answers, as the stage says. Signatures are still checked: the other side has the key of
/// the certificate that it shows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
