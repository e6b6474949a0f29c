//! A stub resolver: asks the name servers of one zone for one name.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::message;

/// How long one name server may take before the next one is asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a name stands for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// How long they may be kept.
    pub ttl: Duration,
}

/// Who is asked, for what. The name server that answered last is asked first.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
    name: String,
    id: u16,
}

impl Resolver {
    /// A resolver of this name.
    pub fn new(servers: Vec<SocketAddr>, name: &str) -> Self {
        Self { servers, name: name.to_owned(), id: 1 }
    }

    /// The addresses at this moment.
    ///
    /// # Errors
    /// No name server answers, or the last one says that there is no address.
    pub async fn resolve(&mut self) -> Result<Resolved, String> {
        let mut problem = "there is no name server".to_owned();
        for turn in 0..self.servers.len() {
            self.id = self.id.wrapping_add(1);
            let server = self.servers[turn];
            let asked = ask(server, self.id, &self.name);
            match timeout(PATIENCE, asked).await {
                Ok(Ok(answer)) => {
                    self.servers.rotate_left(turn);
                    let ttl = Duration::from_secs(answer.ttl_s.into());
                    return Ok(Resolved { addresses: answer.addresses, ttl });
                }
                Ok(Err(e)) => problem = format!("{server}: {e}"),
                Err(_) => problem = format!("{server}: no answer in time"),
            }
        }
        Err(problem)
    }
}

async fn ask(server: SocketAddr, id: u16, name: &str) -> Result<message::Answer, String> {
    let question = message::question(id, name).ok_or_else(|| format!("`{name}` is no name"))?;
    let words = |e: std::io::Error| e.to_string();
    let socket = UdpSocket::bind("0.0.0.0:0").await.map_err(words)?;
    socket.connect(server).await.map_err(words)?;
    socket.send(&question).await.map_err(words)?;
    let mut bytes = [0; message::LONGEST];
    let length = socket.recv(&mut bytes).await.map_err(words)?;
    message::answer(id, &bytes[..length])
}
