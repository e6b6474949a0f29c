//! The interface of `native-tls` without any TLS.
//!
//! The client `toxiproxy_rust` talks plain HTTP to addresses inside a lab, yet its HTTP library is
//! built with TLS and cannot be told otherwise. The real crate would make everybody who builds the
//! lab install OpenSSL's headers and link all of it, statically, into the program. Here every
//! attempt at TLS is an error, and a [`TlsStream`] cannot exist: nothing that should be encrypted is
//! ever sent in the clear.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::marker::PhantomData;

/// There is no TLS.
#[derive(Debug)]
pub struct Error;

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this program was built without TLS")
    }
}

impl std::error::Error for Error {}

/// Of everything that needs TLS.
pub type Result<T> = std::result::Result<T, Error>;

/// Can be built, but not used.
#[derive(Clone, Debug)]
pub struct TlsConnector(());

impl TlsConnector {
    /// A connector.
    ///
    /// # Errors
    /// None; clients make one before they know whether they need it.
    pub fn new() -> Result<Self> {
        Ok(Self(()))
    }

    /// Settings that do not matter.
    pub fn builder() -> TlsConnectorBuilder {
        TlsConnectorBuilder(())
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn connect<S>(
        &self,
        _: &str,
        _: S,
    ) -> std::result::Result<TlsStream<S>, HandshakeError<S>> {
        Err(HandshakeError::Failure(Error))
    }
}

/// Settings that do not matter.
#[derive(Debug)]
pub struct TlsConnectorBuilder(());

impl TlsConnectorBuilder {
    /// Ignored.
    pub fn danger_accept_invalid_certs(&mut self, _: bool) -> &mut Self {
        self
    }

    /// Ignored.
    pub fn use_sni(&mut self, _: bool) -> &mut Self {
        self
    }

    /// Ignored.
    pub fn disable_built_in_roots(&mut self, _: bool) -> &mut Self {
        self
    }

    /// Ignored.
    pub fn add_root_certificate(&mut self, _: Certificate) -> &mut Self {
        self
    }

    /// Ignored.
    pub fn min_protocol_version(&mut self, _: Option<Protocol>) -> &mut Self {
        self
    }

    /// Ignored.
    pub fn max_protocol_version(&mut self, _: Option<Protocol>) -> &mut Self {
        self
    }

    /// A connector.
    ///
    /// # Errors
    /// None.
    pub fn build(&self) -> Result<TlsConnector> {
        TlsConnector::new()
    }
}

/// Cannot exist.
#[derive(Clone, Debug)]
pub struct TlsAcceptor(Infallible);

impl TlsAcceptor {
    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn accept<S>(&self, _: S) -> std::result::Result<TlsStream<S>, HandshakeError<S>> {
        match self.0 {}
    }
}

/// Cannot exist.
#[derive(Clone, Debug)]
pub struct Certificate(Infallible);

impl Certificate {
    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn from_der(_: &[u8]) -> Result<Self> {
        Err(Error)
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn from_pem(_: &[u8]) -> Result<Self> {
        Err(Error)
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        match self.0 {}
    }
}

/// Versions by name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SSL 3.0
    Sslv3,
    /// TLS 1.0
    Tlsv10,
    /// TLS 1.1
    Tlsv11,
    /// TLS 1.2
    Tlsv12,
}

/// Why there is no [`TlsStream`].
#[derive(Debug)]
pub enum HandshakeError<S> {
    /// There is no TLS.
    Failure(Error),
    /// Cannot exist.
    WouldBlock(MidHandshakeTlsStream<S>),
}

/// Cannot exist.
#[derive(Debug)]
pub struct MidHandshakeTlsStream<S>(Infallible, PhantomData<S>);

impl<S> MidHandshakeTlsStream<S> {
    /// What it is about.
    pub fn get_mut(&mut self) -> &mut S {
        match self.0 {}
    }

    /// Goes on.
    ///
    /// # Errors
    /// Always.
    pub fn handshake(self) -> std::result::Result<TlsStream<S>, HandshakeError<S>> {
        match self.0 {}
    }
}

/// Cannot exist.
#[derive(Debug)]
pub struct TlsStream<S>(Infallible, PhantomData<S>);

impl<S> TlsStream<S> {
    /// What it is about.
    pub fn get_ref(&self) -> &S {
        match self.0 {}
    }

    /// What it is about.
    pub fn get_mut(&mut self) -> &mut S {
        match self.0 {}
    }

    /// Ends.
    ///
    /// # Errors
    /// Always.
    pub fn shutdown(&mut self) -> io::Result<()> {
        match self.0 {}
    }

    /// Who it is.
    ///
    /// # Errors
    /// Always.
    pub fn peer_certificate(&self) -> Result<Option<Certificate>> {
        match self.0 {}
    }
}

impl<S> Read for TlsStream<S> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }
}

impl<S> Write for TlsStream<S> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match self.0 {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0 {}
    }
}
