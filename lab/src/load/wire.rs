//! A TCP stream of which two questions can be asked that HTTP libraries leave open: is it still
//! open at this moment, and was anything written to it?

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The stream, as the HTTP library has it.
#[derive(Clone, Debug)]
pub struct Wire {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stream: TcpStream,
    written: AtomicU64,
}

/// The stream, as the pool of idle connections has it. It does not keep the stream open.
#[derive(Clone, Debug)]
pub struct IdleWire {
    shared: Weak<Shared>,
    /// The other side may send what nobody asked for: TLS its tickets, HTTP/2 its frames.
    talkative: bool,
}

impl Wire {
    /// Wraps a connected stream.
    pub fn new(stream: TcpStream) -> Self {
        Self { shared: Arc::new(Shared { stream, written: AtomicU64::new(0) }) }
    }

    /// A reference that does not keep the stream open.
    pub fn idle(&self) -> IdleWire {
        IdleWire { shared: Arc::downgrade(&self.shared), talkative: false }
    }

    /// The same for a connection on which the other side may speak first.
    pub fn talkative(&self) -> IdleWire {
        IdleWire { talkative: true, ..self.idle() }
    }

    /// Bytes handed to the operating system so far. What was not counted was not sent.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }
}

impl IdleWire {
    /// The stream, if an idle HTTP connection on it can still be used. The operating system is
    /// asked and not the async runtime, which may not have heard yet that the server closed it:
    /// after a pause of this process a request would be written into the void.
    pub fn open(&self) -> Option<Wire> {
        let shared = self.shared.upgrade()?;
        let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        // Data that nobody asked for makes it as useless as its end.
        match recv(&shared.stream, &mut [0_u8; 1][..], peek) {
            Err(rustix::io::Errno::AGAIN) => Some(Wire { shared }),
            Ok((_, bytes)) if bytes > 0 && self.talkative => Some(Wire { shared }),
            _ => None,
        }
    }

    /// Whether both are of one stream.
    pub fn is(&self, other: &Self) -> bool {
        self.shared.ptr_eq(&other.shared)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.shared.stream.poll_read_ready(context))?;
            match self.shared.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.shared.stream.poll_write_ready(context))?;
            match self.shared.stream.try_write(data) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    let count = result.as_ref().map_or(0, |&n| u64::try_from(n).unwrap_or(0));
                    self.shared.written.fetch_add(count, Ordering::Relaxed);
                    return Poll::Ready(result);
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library drops the stream right after; until then nobody else may write to it.
        let result = rustix::net::shutdown(&self.shared.stream, rustix::net::Shutdown::Write);
        Poll::Ready(result.map_err(io::Error::from))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Wire::new(stream), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_close_is_seen_before_the_runtime_hears_of_it() {
        let (wire, server) = pair().await;
        assert!(wire.idle().open().is_some());
        drop(server);
        // No await: the runtime has had no chance to look.
        assert!(wire.idle().open().is_none());
    }

    #[tokio::test]
    async fn the_pool_does_not_keep_a_stream_open() {
        let (wire, _server) = pair().await;
        let idle = wire.idle();
        drop(wire);
        assert!(idle.open().is_none());
    }

    #[tokio::test]
    async fn what_was_written_is_counted() {
        let (mut wire, _server) = pair().await;
        assert_eq!(wire.written(), 0);
        wire.write_all(b"hello").await.unwrap();
        assert_eq!(wire.written(), 5);
    }
}
