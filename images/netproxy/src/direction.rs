//! One direction of one connection: reads, lets the toxics act, writes.

use std::sync::atomic::Ordering::Relaxed;

use bytes::BytesMut;
use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::metrics::Counter;
use crate::pipeline::Pipeline;
use crate::toxic::{Chunk, Ending, Item, Stream, Toxics};

/// Toxiproxy reads as much at once.
const READ_SIZE: usize = 32 * 1024;

/// Both peers are to get a TCP reset.
#[derive(Debug)]
pub struct Reset;

/// A direction with what it needs.
pub struct Direction<'a> {
    /// Where it comes from.
    pub input: ReadHalf<'a>,
    /// Where it goes to.
    pub output: WriteHalf<'a>,
    /// Which one it is.
    pub stream: Stream,
    /// The toxics of the proxy, now and after each change.
    pub toxics: watch::Receiver<Toxics>,
    /// Counts its bytes.
    pub counter: &'a Counter,
}

impl Direction<'_> {
    /// Runs until the sender, the receiver or a toxic ends it; then the receiver is closed, which
    /// ends the other direction as soon as that has nothing left to deliver.
    pub async fn run(mut self) -> Result<(), Reset> {
        let toxics = self.toxics.borrow_and_update().clone();
        let mut pipeline = Pipeline::new(self.stream, &toxics, Instant::now());
        let ending = self.carry(&mut pipeline).await;
        if ending == Ending::Reset {
            return Err(Reset);
        }
        // A peer that is gone needs no closing.
        let _ = shutdown(self.output.as_ref(), Shutdown::Both);
        Ok(())
    }

    async fn carry(&mut self, pipeline: &mut Pipeline) -> Ending {
        let mut buffer = BytesMut::new();
        let mut ended = false;
        loop {
            pipeline.advance(Instant::now());
            let deadline = pipeline.deadline();
            let reading = !ended && pipeline.wants_input();
            let pending: &[u8] = match pipeline.out().front() {
                Some(Item::End(ending)) => return *ending,
                Some(Item::Data(chunk)) => &chunk.bytes,
                None => &[],
            };
            // In this order: what arrives after a toxic was added must not get past it.
            tokio::select! {
                biased;
                changed = self.toxics.changed() => {
                    if changed.is_err() {
                        return Ending::Close;
                    }
                    let toxics = self.toxics.borrow_and_update().clone();
                    pipeline.apply(&toxics, Instant::now());
                }
                written = self.output.write(pending), if !pending.is_empty() => match written {
                    Ok(len) if len > 0 => self.written(pipeline, len),
                    _ => return Ending::Close,
                },
                () = until(deadline), if deadline.is_some() => {}
                read = self.input.read_buf(room(&mut buffer)), if reading => {
                    // A sender that reset its connection has ended as well.
                    ended = read.map_or(true, |len| len == 0);
                    pipeline.push(self.received(&mut buffer, ended));
                }
            }
        }
    }

    fn received(&self, buffer: &mut BytesMut, ended: bool) -> Item {
        if ended {
            return Item::End(Ending::Close);
        }
        let bytes = buffer.split().freeze();
        self.counter.received.fetch_add(bytes.len() as u64, Relaxed);
        Item::Data(Chunk { bytes, since: Instant::now() })
    }

    fn written(&self, pipeline: &mut Pipeline, len: usize) {
        self.counter.sent.fetch_add(len as u64, Relaxed);
        if let Some(Item::Data(chunk)) = pipeline.out().front_mut() {
            let _ = chunk.bytes.split_to(len);
            if chunk.bytes.is_empty() {
                pipeline.out().pop_front();
            }
        }
    }
}

/// A buffer with room: memory is taken anew only while what was read from it is still on the way.
fn room(buffer: &mut BytesMut) -> &mut BytesMut {
    if buffer.capacity() < READ_SIZE / 8 {
        buffer.reserve(READ_SIZE);
    }
    buffer
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
