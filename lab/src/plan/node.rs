//! What one node is to be: everything the engine needs to know to create it, as plain data.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use super::{nth_volume_name, shared_volume_name};

/// A node that should exist. Two specs with equal hashes describe the same node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// `<tier>-<zone><n>`, such as `web-a1`.
    pub name: String,
    /// The tier it belongs to.
    pub tier: String,
    /// The spelling of its kind in stage files; `control` for the control plane.
    pub kind: String,
    /// Its region; empty for a node that belongs to none (the control plane).
    pub region: String,
    /// Its zone; empty for a node that belongs to none.
    pub zone: String,
    /// Its address in the lab's network.
    pub address: Ipv4Addr,
    /// Image reference of the main container.
    pub image: String,
    /// Command of the main container; empty for the image's own.
    pub command: Vec<String>,
    /// Entry point of the main container; empty for the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Environment of the main container.
    pub env: BTreeMap<String, String>,
    /// Configuration files put into the main container before it starts.
    pub files: Vec<ConfigFile>,
    /// Where the node's own volume is mounted, if it keeps data.
    pub data: Option<String>,
    /// Further folders that the node keeps, each a volume of its own; `name:folder` is one that all nodes share
    /// that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// What names mean inside that never mean anything else: name to address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<String, Ipv4Addr>,
    /// Who is asked for all other names; whom the machine asks, when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
    /// Connections that lead elsewhere than where they were opened to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<Redirect>,
    /// Host paths mounted read-write (`host:container`); only the control plane has one.
    pub binds: Vec<String>,
    /// CPU and memory limits; none when absent.
    pub limits: Option<Limits>,
    /// Published port: container port and wanted port of 127.0.0.1 (0: any free one).
    pub publish: Option<Publish>,
    /// When the node is ready.
    pub probe: Probe,
    /// Tiers whose nodes must be ready before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// It is created and not started: a scaling group starts and ends it as it needs to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reserve: bool,
    /// An init process passes signals on: for images of somebody else's, whose program may not listen to
    /// any as the first process of a container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    /// What an image of somebody else's may do; ours have no rights at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<Rights>,
    /// The release of its tier that it runs, where the tier has releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Nodes with smaller numbers start first: the longest chain to readiness begins there.
    pub priority: u8,
}

#[cfg(test)]
impl NodeSpec {
    /// A task of a tier `web`, with nothing that a node need not have.
    pub fn for_tests(name: &str) -> Self {
        Self {
            name: name.into(),
            tier: "web".into(),
            kind: "service".into(),
            region: "eu".into(),
            zone: "a".into(),
            address: Ipv4Addr::new(10, 77, 1, 10),
            image: "lab/app:1".into(),
            command: Vec::new(),
            entrypoint: Vec::new(),
            env: BTreeMap::new(),
            files: Vec::new(),
            data: None,
            volumes: Vec::new(),
            hosts: BTreeMap::new(),
            dns: Vec::new(),
            redirects: Vec::new(),
            binds: Vec::new(),
            limits: None,
            publish: None,
            probe: Probe::Tcp { port: 80 },
            needs: Vec::new(),
            reserve: false,
            init: false,
            rights: None,
            release: None,
            priority: 0,
        }
    }
}

/// What the processes of a container may do; by default what Docker gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Capabilities of Linux besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    /// Capabilities less.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
    /// The user; the image's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl NodeSpec {
    /// Capabilities to add and to drop: of what is ours all are dropped.
    pub fn capabilities(&self) -> (Vec<String>, Vec<String>) {
        match &self.rights {
            Some(rights) => (rights.cap_add.clone(), rights.cap_drop.clone()),
            None => (Vec::new(), vec!["ALL".into()]),
        }
    }

    /// The folders that it keeps, and which volume each is.
    pub fn kept(&self) -> impl Iterator<Item = (Volume<'_>, &str)> {
        let all = self.data.iter().chain(&self.volumes).map(String::as_str).enumerate();
        all.map(|(index, text)| match text.split_once(':') {
            Some((name, path)) => (Volume::Shared(name), path),
            None => (Volume::Own(index), text),
        })
    }

    /// The user that it begins as, where the stage says it.
    pub fn user(&self) -> Option<&str> {
        self.rights.as_ref()?.user.as_deref()
    }
}

/// What a folder of a node is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume<'a> {
    /// One of the node's own, by its number.
    Own(usize),
    /// One that all nodes have that name it.
    Shared(&'a str),
}

impl Volume<'_> {
    /// What Docker calls it.
    pub fn name(self, lab: &str, node: &str) -> String {
        match self {
            Self::Own(index) => nth_volume_name(lab, node, index),
            Self::Shared(name) => shared_volume_name(lab, name),
        }
    }
}

/// A file in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Absolute path.
    pub path: String,
    /// What is in it.
    pub content: String,
}

/// CPU and memory of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Billionths of a core.
    pub nano_cpus: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Port inside the node.
    pub container: u16,
    /// Port of 127.0.0.1; 0 lets Docker choose.
    pub host: u16,
    /// The same port over UDP as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub udp: bool,
}

/// Connections to one address lead to another, which is not told to whoever opens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// Where they are opened to.
    pub to: SocketAddrV4,
    /// Where they lead.
    pub via: SocketAddrV4,
}

/// What has to answer before a node counts as ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// `GET path` answers 2xx.
    Http {
        /// Port.
        port: u16,
        /// Path.
        path: String,
    },
    /// A TCP connection is accepted.
    Tcp {
        /// Port.
        port: u16,
    },
    /// Its container has ended with success.
    Done,
    /// Its container runs.
    Runs,
    /// What its image calls healthy (`HEALTHCHECK`); of one that says nothing, that a port takes connections, or
    /// that it runs.
    OfImage {
        /// The port, if it has any.
        port: Option<u16>,
    },
    /// A command in its container succeeds.
    Command {
        /// The command and its arguments.
        command: Vec<String>,
    },
    /// Patroni on this node reports a whole cluster: one leader, every other member and
    /// every replica streaming, and a synchronous standby where one is promised.
    PatroniCluster {
        /// Number of members that can be the primary.
        members: u16,
        /// Number of read replicas beside them.
        #[serde(default)]
        replicas: u16,
        /// Whether one of them must be a synchronous standby.
        synchronous: bool,
    },
    /// A Redis server has its data, and all replicas if it is the primary, or its link if it is one.
    Redis {
        /// What it asks of clients.
        password: String,
        /// Number of replicas.
        replicas: u16,
    },
    /// All Sentinels of a tier agree on a primary that is alive, and know each other.
    Sentinels {
        /// What they call the tier.
        name: String,
        /// Their addresses.
        sentinels: Vec<Ipv4Addr>,
        /// Number of replicas.
        replicas: u16,
    },
}

impl NodeSpec {
    /// Hash over everything that a running container cannot change: a node with another hash is
    /// recreated. Hexadecimal, 16 characters.
    pub fn hash(&self) -> String {
        self.digest()
    }

    /// The same for the container that owns the network namespace: it does not change with releases.
    pub fn holder_hash(&self) -> String {
        match self.release {
            None => self.digest(),
            Some(_) => {
                let (image, env) = (String::new(), BTreeMap::new());
                Self { image, env, release: None, ..self.clone() }.digest()
            }
        }
    }

    fn digest(&self) -> String {
        use sha2::{Digest, Sha256};
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
    }
}
