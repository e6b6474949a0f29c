//! Asking targets whether they are alive.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::config::BalancerConfig;

/// The result of probing the target with this number.
pub type Probed = (usize, Result<(), String>);

/// Probes every target in its interval and sends the results. The probes end when the returned set
/// is dropped. There are none when checks are switched off.
pub fn start(config: &BalancerConfig, results: &mpsc::Sender<Probed>) -> JoinSet<()> {
    let mut probers = JoinSet::new();
    if config.health_check.interval_ms == 0 {
        return probers;
    }
    let every = Duration::from_millis(config.health_check.interval_ms);
    let limit = Duration::from_millis(config.health_check.timeout_ms);
    for (index, target) in config.targets.iter().enumerate() {
        let (address, path, results) =
            (target.address, config.health_path.clone(), results.clone());
        probers.spawn(async move {
            let mut turn = interval(every);
            turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turn.tick().await;
                let result = probe(address, &path, limit).await;
                if results.send((index, result)).await.is_err() {
                    return;
                }
            }
        });
    }
    probers
}

/// One probe on a connection of its own. It passes when the answer is 200, the documented default
/// of an application load balancer.
///
/// # Errors
/// Why it failed, in a few words.
pub async fn probe(address: SocketAddr, path: &str, limit: Duration) -> Result<(), String> {
    match timeout(limit, status(address, path)).await {
        Ok(Ok(200)) => Ok(()),
        Ok(Ok(status)) => Err(format!("status {status}")),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(format!("no answer within {limit:?}")),
    }
}

async fn status(address: SocketAddr, path: &str) -> Result<u16, String> {
    Ok(ask(address, path).await?.status().as_u16())
}

/// Asks on a connection of its own.
///
/// # Errors
/// Why there was no answer.
pub async fn ask(address: SocketAddr, path: &str) -> Result<Response<Incoming>, String> {
    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    // It ends with `sender`, and its errors reach the request.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, "lab-health-check")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|e| e.to_string())?;
    sender.send_request(request).await.map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::{Behaviour, Server, refusing};

    const LIMIT: Duration = Duration::from_millis(300);

    async fn against(behaviour: Behaviour) -> Result<(), String> {
        let server = Server::start(move |_| behaviour.clone()).await;
        let result = probe(server.address, "/healthz", LIMIT).await;
        assert_eq!(server.seen()[0].line, "GET /healthz");
        result
    }

    #[tokio::test]
    async fn only_200_passes() {
        let answer = |status| Behaviour::Answer(status, "", "ok".into());
        assert_eq!(against(answer(200)).await, Ok(()));
        for status in [204, 302, 404, 500, 503] {
            assert_eq!(against(answer(status)).await, Err(format!("status {status}")));
        }
        assert!(against(Behaviour::Reset).await.is_err());
        assert_eq!(against(Behaviour::Hang).await, Err("no answer within 300ms".into()));
        assert!(probe(refusing().await, "/", LIMIT).await.unwrap_err().contains("refused"));
    }

    #[tokio::test]
    async fn every_target_is_probed_again_and_again() {
        let good = Server::start(|_| Behaviour::Answer(200, "", "ok".into())).await;
        let bad = Server::start(|_| Behaviour::Answer(503, "", "no".into())).await;
        let mut config = super::super::tests::config(&[1, 2]);
        config.targets[0].address = good.address;
        config.targets[1].address = bad.address;
        config.health_check.interval_ms = 5;
        let (sender, mut results) = mpsc::channel(8);
        let probers = start(&config, &sender);
        assert_eq!(probers.len(), 2);
        let mut counts = [0, 0];
        while counts[0] < 3 || counts[1] < 3 {
            let (index, result) = results.recv().await.unwrap();
            assert_eq!(result.is_ok(), index == 0, "{index} {result:?}");
            counts[index] += 1;
        }
    }

    #[tokio::test]
    async fn without_interval_nothing_is_probed() {
        let mut config = super::super::tests::config(&[1]);
        config.health_check.interval_ms = 0;
        let (sender, _results) = mpsc::channel(8);
        assert!(start(&config, &sender).is_empty());
    }
}
