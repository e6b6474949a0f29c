//! One load for all requests of a task that want the same at the same time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use super::load::Loaded;
use crate::db::{Cause, Failure, GaveUp};
use crate::shop::Rejection;
use crate::trace;

type Result = std::result::Result<Loaded, GaveUp<Rejection>>;
type InFlight = Shared<BoxFuture<'static, Result>>;

/// Loads in flight, by key.
#[derive(Clone, Default)]
pub struct Flights {
    by_key: Arc<Mutex<HashMap<String, InFlight>>>,
}

/// Ends a flight however its load ends.
struct Landing {
    flights: Flights,
    key: String,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.map(|by_key| by_key.remove(&self.key));
    }
}

impl Flights {
    /// Waits for the load of `key` that is in flight, or for `load`, which then is. It goes on when
    /// the client that began it goes away: others wait for it.
    pub async fn join<F>(&self, key: &str, load: impl FnOnce() -> F) -> Result
    where
        F: Future<Output = Result> + Send + 'static,
    {
        let (flight, joined) = self.map(|by_key| match by_key.get(key) {
            Some(flight) => (flight.clone(), true),
            None => {
                let landing = Landing { flights: self.clone(), key: key.to_owned() };
                let loading = load();
                let task = tokio::spawn(trace::carried(async move {
                    let _landing = landing;
                    loading.await
                }));
                let flight = task.map(|ended| ended.unwrap_or_else(|_| Err(broken()))).boxed();
                let flight = flight.shared();
                by_key.insert(key.to_owned(), flight.clone());
                (flight, false)
            }
        });
        flight.await.map(|loaded| Loaded { joined, ..loaded })
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.map(|by_key| by_key.len())
    }

    fn map<T>(&self, f: impl FnOnce(&mut HashMap<String, InFlight>) -> T) -> T {
        f(&mut self.by_key.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn broken() -> GaveUp<Rejection> {
    GaveUp::Failed(Failure::clean(Cause::Refused, "the load of the value broke off"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::super::entry::Entry;
    use super::*;
    use crate::db::Position;

    fn loaded() -> Result {
        let entry = Entry { at_ms: 1, position: Position::default(), body: "1".into() };
        let entry = Arc::new(entry);
        Ok(Loaded { entry, served_by: None, by_another: false, joined: false })
    }

    #[tokio::test]
    async fn all_who_come_during_a_load_share_it_and_the_next_begins_another() {
        let (flights, loads) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Notify::new());
        let load = || {
            let (loads, gate) = (Arc::clone(&loads), Arc::clone(&gate));
            move || async move {
                loads.fetch_add(1, Ordering::SeqCst);
                gate.notified().await;
                loaded()
            }
        };
        let crowd = futures::future::join_all((0..10).map(|_| flights.join("k", load())));
        let (ended, ()) = futures::future::join(crowd, async { gate.notify_one() }).await;
        let joined: Vec<bool> = ended.iter().map(|e| e.as_ref().unwrap().joined).collect();
        assert_eq!(joined.iter().filter(|joined| !**joined).count(), 1, "one load was its own");
        assert_eq!((loads.load(Ordering::SeqCst), flights.len()), (1, 0));
        gate.notify_one();
        assert!(!flights.join("k", load()).await.unwrap().joined);
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_load_goes_on_when_its_first_client_leaves() {
        let (flights, gate) = (Flights::default(), Arc::new(Notify::new()));
        let waiting = Arc::clone(&gate);
        let first = flights.join("k", || async move {
            waiting.notified().await;
            loaded()
        });
        // Polled once, so that it begins, and then dropped.
        assert!(first.now_or_never().is_none());
        let second = flights.join("k", || async { Err(broken()) });
        gate.notify_one();
        assert!(second.await.is_ok(), "it joined the first load");
    }
}
