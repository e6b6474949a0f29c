//! From a node's specification to its two containers.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig,
    NetworkingConfig, PortBinding, VolumeCreateRequest,
};
use bollard::query_parameters::{CreateContainerOptions, UploadToContainerOptions};

use super::host::DEFAULT_SOCKET;
use super::{Engine, EngineError, LABEL_NODE, LABEL_SPEC};
use crate::plan::node::{ConfigFile, NodeSpec, Redirect};
use crate::plan::observed::{LABEL_IMAGE, LABEL_RESERVE, Part};
use crate::plan::releases::{LABEL_RELEASE, LABEL_TIER};
use crate::plan::{holder_name, main_name, network_name};

/// Processes and threads of one node: one that begins more and more must not take the machine with it. The largest
/// that ours need is some hundreds (a database with all its connections).
const MOST_PROCESSES: i64 = 4096;

impl Engine {
    /// Creates and starts the container that owns the node's address. It holds `NET_ADMIN` inside
    /// its own namespace and nothing else: faults are packet-filter rules in there.
    pub(super) async fn run_holder(&self, node: &NodeSpec, image: &str) -> Result<(), EngineError> {
        let name = holder_name(&self.lab, &node.name);
        let endpoint = EndpointSettings {
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some(node.address.to_string()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let publish = node.publish.map(|p| {
            let binding = PortBinding {
                host_ip: Some("127.0.0.1".into()),
                host_port: Some(if p.host == 0 { String::new() } else { p.host.to_string() }),
            };
            let protocols = if p.udp { &["tcp", "udp"][..] } else { &["tcp"] };
            let port =
                |protocol| (format!("{}/{protocol}", p.container), Some(vec![binding.clone()]));
            protocols.iter().map(port).collect::<HashMap<_, _>>()
        });
        let body = ContainerCreateBody {
            image: Some(image.into()),
            hostname: Some(node.name.clone()),
            cmd: (!node.redirects.is_empty()).then(redirected_holder),
            labels: Some(self.node_labels(node, Part::Holder)),
            exposed_ports: publish.as_ref().map(|ports| ports.keys().cloned().collect()),
            stop_signal: Some("SIGKILL".into()),
            host_config: Some(HostConfig {
                network_mode: Some(network_name(&self.lab)),
                cap_drop: Some(vec!["ALL".into()]),
                cap_add: Some(vec!["NET_ADMIN".into()]),
                security_opt: Some(vec!["no-new-privileges".into()]),
                port_bindings: publish,
                pids_limit: Some(64),
                dns: (!node.dns.is_empty())
                    .then(|| node.dns.iter().map(Ipv4Addr::to_string).collect()),
                extra_hosts: (!node.hosts.is_empty()).then(|| extra_hosts(node)),
                ..Default::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some([(network_name(&self.lab), endpoint)].into()),
            }),
            ..Default::default()
        };
        let files: Vec<ConfigFile> = redirects(node).into_iter().collect();
        self.create(&name, body, &files).await?;
        self.start(&name).await
    }

    /// Creates a node's main container inside its holder's namespace, and starts it unless it is in
    /// reserve. Nothing in it can get more rights than it begins with, whosever image it is.
    pub(super) async fn run_main(&self, node: &NodeSpec) -> Result<(), EngineError> {
        let name = main_name(&self.lab, &node.name);
        let mut binds: Vec<String> = node.binds.iter().map(|bind| self.own_socket(bind)).collect();
        for (kept, path) in node.kept() {
            let volume = kept.name(&self.lab, &node.name);
            self.ensure_volume(&volume, node).await?;
            binds.push(format!("{volume}:{path}"));
        }
        let (cap_add, cap_drop) = node.capabilities();
        let mut labels = self.node_labels(node, Part::Main);
        // A name that stands for another image by then is found out by it.
        labels.extend(self.image_id(&node.image).await?.map(|id| (LABEL_IMAGE.to_owned(), id)));
        let body = ContainerCreateBody {
            image: Some(node.image.clone()),
            user: node.user().map(str::to_owned),
            entrypoint: (!node.entrypoint.is_empty()).then(|| node.entrypoint.clone()),
            cmd: (!node.command.is_empty()).then(|| node.command.clone()),
            env: Some(node.env.iter().map(|(k, v)| format!("{k}={v}")).collect()),
            labels: Some(labels),
            host_config: Some(HostConfig {
                network_mode: Some(format!("container:{}", holder_name(&self.lab, &node.name))),
                binds: (!binds.is_empty()).then_some(binds),
                init: node.init.then_some(true),
                cap_add: Some(cap_add),
                cap_drop: Some(cap_drop),
                security_opt: Some(vec!["no-new-privileges".into()]),
                nano_cpus: node.limits.map(|l| l.nano_cpus),
                memory: node.limits.map(|l| l.memory_bytes),
                pids_limit: Some(MOST_PROCESSES),
                log_config: Some(HostConfigLogConfig {
                    typ: Some("json-file".into()),
                    config: Some(
                        [("max-size".into(), "10m".into()), ("max-file".into(), "2".into())].into(),
                    ),
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.create(&name, body, &node.files).await?;
        if node.reserve { Ok(()) } else { self.start(&name).await }
    }

    async fn create(
        &self,
        name: &str,
        body: ContainerCreateBody,
        files: &[ConfigFile],
    ) -> Result<(), EngineError> {
        let options = CreateContainerOptions { name: Some(name.into()), ..Default::default() };
        self.docker
            .create_container(Some(options), body)
            .await
            .map_err(|e| EngineError::create(name, e))?;
        if files.is_empty() { Ok(()) } else { self.upload(name, files).await }
    }

    /// Puts files into a container, which need not run.
    ///
    /// # Errors
    /// There is none, or Docker refuses.
    pub async fn upload(&self, name: &str, files: &[ConfigFile]) -> Result<(), EngineError> {
        let options = UploadToContainerOptions { path: "/".into(), ..Default::default() };
        let body = bollard::body_full(archive(files)?.into());
        self.docker
            .upload_to_container(name, Some(options), body)
            .await
            .map_err(|e| EngineError::docker("configure", name, e))
    }

    /// The control plane talks to the engine that the lab runs on, wherever its socket is.
    fn own_socket(&self, bind: &str) -> String {
        match (bind.strip_prefix(DEFAULT_SOCKET), self.host.socket()) {
            (Some(inside), Some(socket)) => format!("{socket}{inside}"),
            _ => bind.to_owned(),
        }
    }

    async fn ensure_volume(&self, volume: &str, node: &NodeSpec) -> Result<(), EngineError> {
        let request = VolumeCreateRequest {
            name: Some(volume.into()),
            labels: Some(self.labels("volume", &[(LABEL_NODE, &node.name)]).into_iter().collect()),
            ..Default::default()
        };
        self.docker
            .create_volume(request)
            .await
            .map(drop)
            .map_err(|e| EngineError::create(volume, e))
    }

    fn node_labels(
        &self,
        node: &NodeSpec,
        part: Part,
    ) -> std::collections::HashMap<String, String> {
        let spec = if part == Part::Holder { node.holder_hash() } else { node.hash() };
        let address = node.address.to_string();
        let mut labels = vec![
            (LABEL_NODE, node.name.as_str()),
            (LABEL_SPEC, &spec),
            (LABEL_TIER, &node.tier),
            ("lab.kind", &node.kind),
            ("lab.region", &node.region),
            ("lab.zone", &node.zone),
            ("lab.address", &address),
        ];
        let release = node.release.as_deref().filter(|_| part == Part::Main);
        labels.extend(release.map(|release| (LABEL_RELEASE, release)));
        labels.extend(node.reserve.then_some((LABEL_RESERVE, "true")));
        self.labels(part.as_str(), &labels).into_iter().collect()
    }
}

/// Where a holder finds the rules for its node's connections.
const REDIRECTS: &str = "/etc/lab/redirects.nft";

/// The rules go with the namespace, so whoever starts the holder again makes them again.
fn redirected_holder() -> Vec<String> {
    let script = format!("nft -f {REDIRECTS} && exec sleep infinity");
    ["sh", "-c", &script].map(str::to_owned).to_vec()
}

/// The rules by which connections along a faultable edge lead to the network proxy, whatever their caller was
/// told; nothing where none do.
fn redirects(node: &NodeSpec) -> Option<ConfigFile> {
    if node.redirects.is_empty() {
        return None;
    }
    let rule = |r: &Redirect| {
        format!("ip daddr {} tcp dport {} dnat to {}\n", r.to.ip(), r.to.port(), r.via)
    };
    let rules: String = node.redirects.iter().map(rule).collect();
    let content = format!(
        "table ip lab_edges {{\nchain out {{\ntype nat hook output priority -100\n{rules}}}\n}}\n"
    );
    Some(ConfigFile { path: REDIRECTS.into(), content })
}

/// Lines of a hosts file, as Docker takes them.
fn extra_hosts(node: &NodeSpec) -> Vec<String> {
    node.hosts.iter().map(|(name, at)| format!("{name}:{at}")).collect()
}

/// A tar archive of configuration files, readable by everyone in the container: components run as
/// users of their own.
fn archive(files: &[ConfigFile]) -> Result<Vec<u8>, EngineError> {
    let io = |source| EngineError::Io { path: "configuration archive".into(), source };
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(0o644);
        let path = file.path.trim_start_matches('/');
        tar.append_data(&mut header, path, file.content.as_bytes()).map_err(io)?;
    }
    tar.into_inner().map_err(io)
}
