//! Entries that speak TLS and HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::super::client::{Client, Failure};
use super::super::request::Call;
use super::super::site::Site;
use super::super::transport::Transport;
use crate::spec::model::Tls;

/// What a server speaks.
#[derive(Clone)]
struct Speaks {
    tls: Option<Arc<ServerConfig>>,
    http2: bool,
}

/// A server that says in what it was asked, and for whom.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    // It ends with the server.
    _accepting: JoinSet<()>,
}

impl Server {
    async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let speaks = speaks.clone();
                serving.spawn(async move {
                    match speaks.tls {
                        None => serve(stream, speaks.http2).await,
                        Some(config) => {
                            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                                serve(stream, speaks.http2).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, connections, _accepting: accepting }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    async fn ask(&self, tls: Option<&Tls>, http2: bool) -> Result<String, Failure> {
        say(&self.client(tls, http2)).await
    }

    fn client(&self, tls: Option<&Tls>, http2: bool) -> Client {
        let addresses = vec![self.address];
        Client::new(&Site { addresses, transport: Transport::of(tls, http2), programs: None })
    }
}

async fn say(client: &Client) -> Result<String, Failure> {
    let deadline = Instant::now() + Duration::from_secs(5);
    let reply = client.send(&Call::get("/a?b=c".into()), deadline).await?;
    Ok(String::from_utf8(reply.answer.body.to_vec()).unwrap())
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, http2: bool) {
    let answer = service_fn(async |request: Request<Incoming>| {
        let host = match request.version() {
            Version::HTTP_2 => request.uri().authority().map(ToString::to_string),
            _ => request.headers().get("host").map(|h| h.to_str().unwrap().to_owned()),
        };
        let said = format!(
            "{:?} {} {}",
            request.version(),
            host.unwrap_or_default(),
            request.uri().path_and_query().unwrap()
        );
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(said))))
    });
    let io = TokioIo::new(stream);
    if http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(io, answer).await);
    } else {
        drop(hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await);
    }
}

/// Somebody who signs, and a server's certificate for a name that they signed; both in PEM, and the
/// configuration of the server.
fn signed(name: &str, protocols: &[&[u8]]) -> (String, Arc<ServerConfig>) {
    let (ca_key, key) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let own = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let own = own.signed_by(&key, &issuer).unwrap();
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], secret)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    (pem, Arc::new(config))
}

fn by(ca: &str) -> Tls {
    Tls { ca: Some(ca.to_owned()), unchecked: false, name: None }
}

#[tokio::test]
async fn an_entry_proves_itself_to_those_who_know_its_authority() {
    let (ca, config) = signed("127.0.0.1", &[b"http/1.1"]);
    let server = Server::start(Speaks { tls: Some(config), http2: false }).await;
    let said = server.ask(Some(&by(&ca)), false).await.unwrap();
    assert_eq!(said, format!("HTTP/1.1 {} /a?b=c", server.address));
    // Another authority of the same make has not signed it.
    let (other, _) = signed("127.0.0.1", &[]);
    let refused = server.ask(Some(&by(&other)), false).await;
    let Err(Failure::NotSent(why)) = &refused else { panic!("{refused:?}") };
    assert!(why.contains("TLS") && why.contains("certificate"), "{why}");
    let unchecked = Tls { ca: None, unchecked: true, name: None };
    assert!(server.ask(Some(&unchecked), false).await.is_ok());
}

#[tokio::test]
async fn the_certificate_is_for_the_name_that_is_asked_for() {
    let (ca, config) = signed("shop.example", &[b"http/1.1"]);
    let server = Server::start(Speaks { tls: Some(config), http2: false }).await;
    assert!(matches!(server.ask(Some(&by(&ca)), false).await, Err(Failure::NotSent(_))));
    let named = Tls { name: Some("shop.example".into()), ..by(&ca) };
    let said = server.ask(Some(&named), false).await.unwrap();
    let port = server.address.port();
    assert_eq!(said, format!("HTTP/1.1 shop.example:{port} /a?b=c"));
}

#[tokio::test]
async fn http2_is_agreed_on_within_tls() {
    let (ca, config) = signed("127.0.0.1", &[b"h2", b"http/1.1"]);
    let server = Server::start(Speaks { tls: Some(config), http2: true }).await;
    let said = server.ask(Some(&by(&ca)), true).await.unwrap();
    assert_eq!(said, format!("HTTP/2.0 {} /a?b=c", server.address));
    let (ca, config) = signed("127.0.0.1", &[]);
    let without = Server::start(Speaks { tls: Some(config), http2: false }).await;
    let refused = without.ask(Some(&by(&ca)), true).await;
    let Err(Failure::NotSent(why)) = &refused else { panic!("{refused:?}") };
    assert!(why.contains("HTTP/2"), "{why}");
}

#[tokio::test]
async fn requests_of_http2_share_a_connection() {
    let server = Server::start(Speaks { tls: None, http2: true }).await;
    let client = server.client(None, true);
    let said = say(&client).await.unwrap();
    assert_eq!(said, format!("HTTP/2.0 {} /a?b=c", server.address));
    let all = futures::future::join_all((0..40).map(|_| say(&client))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_of_http2_that_was_closed_is_opened_again() {
    let first = Server::start(Speaks { tls: None, http2: true }).await;
    let client = first.client(None, true);
    say(&client).await.unwrap();
    let address = first.address;
    drop(first);
    // The same address, as after a restart.
    let limit = Instant::now() + Duration::from_secs(10);
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(e) => assert!(Instant::now() < limit, "{e}"),
        }
        tokio::task::yield_now().await;
    };
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, true));
        }
    });
    assert!(say(&client).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_read_as_a_certificate_is_said() {
    let server = Server::start(Speaks { tls: None, http2: false }).await;
    let said = server.ask(Some(&by("nothing")), false).await;
    let Err(Failure::NotSent(why)) = &said else { panic!("{said:?}") };
    assert!(why.contains("no certificate"), "{why}");
}
