//! What can go wrong between us and Docker, in words a user can act on.

use bollard::errors::Error as Docker;

use super::Host;
use super::permission::Forbidden;
use crate::plan::layout::Subnet;
use crate::spec::machine::starved;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No engine answers.
    #[error("Docker does not answer: {0}")]
    Unreachable(String),
    /// Docker refused an operation.
    #[error("cannot {action} {object}: {reason}")]
    Refused {
        /// What was tried.
        action: String,
        /// On what.
        object: String,
        /// What Docker said.
        reason: String,
        /// HTTP status of the answer.
        status: Option<u16>,
    },
    /// A published port is taken by somebody else.
    #[error("port {port} of 127.0.0.1 is in use")]
    PortInUse {
        /// The port.
        port: String,
    },
    /// A name that the lab needs is taken by a container that is not the lab's.
    #[error("the name {name} is taken by something that does not belong to this lab")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The disk is full.
    #[error("no space left on the device: {0}")]
    DiskFull(String),
    /// The engine that was chosen cannot be used.
    #[error("cannot use the engine {engine}: {why}")]
    NoEngine {
        /// Which, and who chose it.
        engine: String,
        /// Why.
        why: String,
    },
    /// The containers of an engine cannot be reached by their addresses.
    #[error("the containers of the engine {engine} cannot be reached by their addresses: {why}")]
    OutOfReach {
        /// Which, and who chose it.
        engine: String,
        /// What was seen.
        why: String,
    },
    /// No subnet is free.
    #[error("no private subnet is free for a lab; in the way: {by}")]
    NoSubnet {
        /// What is in the way.
        by: String,
    },
    /// The subnet that was asked for is not free.
    #[error("the subnet {} is not free; in the way: {by}", .subnet.cidr())]
    SubnetTaken {
        /// The subnet.
        subnet: Subnet,
        /// What is in the way.
        by: String,
    },
    /// Somebody else took the subnet between the choice and the use.
    #[error("the subnet {} was taken by somebody else at this moment", .subnet.cidr())]
    SubnetLost {
        /// The subnet.
        subnet: Subnet,
    },
    /// The routes of this machine cannot be read.
    #[error("cannot read the routes of this machine: {0}")]
    Routes(String),
    /// A node did not become ready.
    #[error("{node} is not ready after {seconds:.0} s: {missing}")]
    NotReady {
        /// The node.
        node: String,
        /// How long it was waited for.
        seconds: f64,
        /// What was still false.
        missing: String,
        /// The last lines of its log.
        log: String,
    },
    /// A node died while it was waited for.
    #[error("{node} stopped: {state}{}", because(cause.as_deref()))]
    Died {
        /// The node.
        node: String,
        /// Its tier.
        tier: String,
        /// Its state.
        state: String,
        /// What it had no right to do, if that is why.
        cause: Option<Box<Forbidden>>,
        /// The last lines of its log.
        log: String,
    },
    /// A node, or a process in it, was killed for want of memory while the node was waited for.
    #[error("{node} {}", starved(*.limit_mib))]
    Starved {
        /// The node.
        node: String,
        /// Its tier.
        tier: String,
        /// Its limit in MiB, if it has one.
        limit_mib: Option<u64>,
        /// The last lines of its log.
        log: String,
    },
    /// Another command works on this lab.
    #[error("another lab command (process {pid}) is working on the lab `{lab}`")]
    Busy {
        /// The lab.
        lab: String,
        /// Who holds it.
        pid: String,
    },
    /// A lab that runs has names that this version does not give.
    #[error("the lab `{lab}` was started by an earlier version of this program ({name})")]
    Earlier {
        /// The lab.
        lab: String,
        /// One of its names.
        name: String,
    },
    /// Something of ours that Docker holds cannot be understood.
    #[error("{0}")]
    Corrupt(String),
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl EngineError {
    /// No engine answers.
    pub(super) fn unreachable(host: &Host, e: Docker) -> Self {
        match Self::lost(e) {
            Self::Unreachable(text) => Self::Unreachable(format!("{host}: {text}")),
            other => other,
        }
    }

    /// An engine that answered does not any more.
    fn lost(e: Docker) -> Self {
        let mut text = e.to_string();
        let mut source = std::error::Error::source(&e);
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            source = inner.source();
        }
        Self::Unreachable(text)
    }

    /// HTTP status of a refusal.
    pub(super) fn status(e: &Docker) -> Option<u16> {
        match e {
            Docker::DockerResponseServerError { status_code, .. } => Some(*status_code),
            _ => None,
        }
    }

    /// Whether the object is not there (any more).
    pub(super) fn is_absent(e: &Docker) -> bool {
        Self::status(e) == Some(404)
    }

    /// Any refusal.
    pub(super) fn docker(action: &str, object: &str, e: Docker) -> Self {
        let status = Self::status(&e);
        let reason = match e {
            Docker::DockerResponseServerError { message, .. } => message,
            Docker::HyperResponseError { .. } | Docker::IOError { .. } => {
                return Self::lost(e);
            }
            other => other.to_string(),
        };
        if reason.contains("no space left on device") {
            return Self::DiskFull(reason);
        }
        Self::Refused { action: action.into(), object: object.into(), reason, status }
    }

    /// A refusal to start: ports and names get their own words.
    pub(super) fn start(object: &str, e: Docker) -> Self {
        let error = Self::docker("start", object, e);
        if let Self::Refused { reason, .. } = &error {
            let taken = ["port is already allocated", "address already in use"];
            if taken.iter().any(|t| reason.contains(t)) {
                return Self::PortInUse { port: port_in(reason) };
            }
        }
        error
    }

    /// A refusal to create: a taken name gets its own words.
    pub(super) fn create(object: &str, e: Docker) -> Self {
        if Self::status(&e) == Some(409) {
            return Self::NameTaken { name: object.into() };
        }
        Self::docker("create", object, e)
    }

    /// A refusal to create a network: somebody who was quicker gets its own words.
    pub(super) fn create_network(name: &str, subnet: Subnet, e: Docker) -> Self {
        match Self::create(name, e) {
            Self::Refused { reason, .. } if reason.contains("overlap") => {
                Self::SubnetLost { subnet }
            }
            other => other,
        }
    }

    /// The next command a user should try, if there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable(_) => {
                "start Docker (`systemctl start docker`), or set DOCKER_HOST; `lab doctor` checks \
                 the machine"
                    .into()
            }
            Self::PortInUse { .. } => {
                "stop what listens there, or give `--port N` (0: any free port)".into()
            }
            Self::NameTaken { .. } => {
                "remove or rename it, or run the lab under another name: `--lab NAME`".into()
            }
            Self::DiskFull(_) => "free some space; `lab images clean` removes the lab's own".into(),
            Self::NoEngine { .. } => {
                "`docker context ls` lists the engines; `--host unix:///var/run/docker.sock` is the local one"
                    .into()
            }
            Self::OutOfReach { .. } => {
                "choose an engine that runs as root on this machine itself: `--host`, `--context`, or \
                 DOCKER_HOST"
                    .into()
            }
            Self::NoSubnet { .. } => {
                "remove an unused network (`docker network ls`), or choose a /16 with `--subnet CIDR`"
                    .into()
            }
            Self::SubnetTaken { .. } => {
                "choose another one with `--subnet CIDR`; without it the first free one is taken".into()
            }
            Self::SubnetLost { .. } => "run the command again".into(),
            Self::Routes(_) => "`ip route show table all` should show them".into(),
            Self::Died { tier, cause: Some(cause), .. } => {
                let named = cause.capability.map_or_else(
                    || "name the capability of Linux that it needs".to_owned(),
                    |capability| format!("write `{capability}`"),
                );
                format!(
                    "{named} in `cap_add` of tier `{tier}` (take it out of `cap_drop`), or begin as \
                     another `user`"
                )
            }
            Self::NotReady { .. } | Self::Died { .. } => {
                "`lab logs NODE` shows more; `lab up` tries again, `lab down` removes everything"
                    .into()
            }
            Self::Starved { tier, limit_mib: Some(_), .. } => format!(
                "give tier `{tier}` more in the stage file (`memory_mib` of its `size`, or `min` of its \
                 `capacity`), then `lab down` and `lab up`"
            ),
            Self::Starved { .. } => "stop something, or run a smaller stage; `lab doctor`".into(),
            Self::Busy { .. } => "wait for it to end, or run this lab under `--lab NAME`".into(),
            Self::Earlier { .. } => {
                "`lab down` removes it, and what was active in it; `lab up` starts it anew".into()
            }
            Self::Corrupt(_) => "`lab down` removes the lab".into(),
            Self::Refused { reason, .. } if reason.contains("No command specified") => {
                "its image says nothing that could be run: give it a `CMD` or an `ENTRYPOINT`".into()
            }
            Self::Refused { reason, .. } if reason.contains("unable to find user") => {
                "its image does not know this user: correct `user` of the tier, or `USER` of the image"
                    .into()
            }
            Self::Refused { .. } | Self::Io { .. } => return None,
        })
    }

    /// The last lines of the failing node's log, if a node failed.
    pub fn log(&self) -> Option<&str> {
        match self {
            Self::NotReady { log, .. } | Self::Died { log, .. } | Self::Starved { log, .. } => {
                Some(log)
            }
            _ => None,
        }
    }
}

/// What a node had no right to do, as it says it itself.
fn because(cause: Option<&Forbidden>) -> String {
    let words = |c: &Forbidden| format!(", because it has no right to do what it does: {}", c.line);
    cause.map(words).unwrap_or_default()
}

/// The port in Docker's message (`Bind for 127.0.0.1:8080 failed: ...`).
fn port_in(reason: &str) -> String {
    reason
        .split_once("127.0.0.1:")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect())
        .filter(|p: &String| !p.is_empty())
        .unwrap_or_else(|| "that the stage publishes".into())
}
