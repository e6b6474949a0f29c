//! A stage as a Compose file: the same images, addresses, configuration and readiness. The control
//! plane is left out: it repairs what the lab's labels name, and Compose has none of them.

use std::fmt::Write;

use serde_json::json;

use crate::plan::layout::Subnet;
use crate::plan::node::{NodeSpec, Probe};
use crate::plan::ports::{REDIS_PORT, SENTINEL_PORT};
use crate::spec::model::Stage;

/// The Compose file. Strings are written as JSON, which YAML contains.
pub fn compose(stage: &Stage, nodes: &[NodeSpec], subnet: Subnet) -> String {
    let mut out = format!(
        "# {}: {}\n# Written by `lab export compose`; needs the images that `lab images build` makes.\n\
         name: {}\nservices:\n",
        stage.stage, stage.title, stage.stage
    );
    let kept: Vec<&NodeSpec> = nodes.iter().filter(|n| n.kind != "control").collect();
    for node in &kept {
        service(&mut out, node);
    }
    let _ = writeln!(out, "networks:\n  default:\n    ipam:\n      config:");
    let _ = writeln!(out, "        - subnet: {}", subnet.cidr());
    let _ = writeln!(out, "          gateway: {}", subnet.gateway());
    if kept.iter().any(|n| n.data.is_some()) {
        out += "volumes:\n";
        for node in kept.iter().filter(|n| n.data.is_some()) {
            let _ = writeln!(out, "  {}-data: {{}}", node.name);
        }
    }
    let files: Vec<_> = kept.iter().flat_map(|n| n.files.iter().map(move |f| (n, f))).collect();
    if !files.is_empty() {
        out += "configs:\n";
        for (i, (node, file)) in files.iter().enumerate() {
            // Compose expands `$`; a doubled one stays.
            let content = json!(file.content.replace('$', "$$"));
            let n = files[..i].iter().filter(|(other, _)| other.name == node.name).count();
            let _ = writeln!(out, "  {}-{n}:\n    content: {content}", node.name);
        }
    }
    out
}

fn service(out: &mut String, node: &NodeSpec) {
    let _ =
        writeln!(out, "  {}:\n    image: {}\n    hostname: {}", node.name, node.image, node.name);
    if node.init {
        out.push_str("    init: true\n");
    }
    if !node.command.is_empty() {
        let _ = writeln!(out, "    command: {}", json!(node.command));
    }
    if !node.env.is_empty() {
        let _ = writeln!(out, "    environment: {}", json!(node.env));
    }
    for (i, file) in node.files.iter().enumerate() {
        let head = if i == 0 { "    configs:\n" } else { "" };
        let _ =
            writeln!(out, "{head}      - source: {}-{i}\n        target: {}", node.name, file.path);
    }
    if let Some(path) = &node.data {
        let _ = writeln!(out, "    volumes: [\"{}-data:{path}\"]", node.name);
    }
    if let Some(publish) = node.publish {
        let port = format!("127.0.0.1:{}:{}", publish.host, publish.container);
        let udp = if publish.udp { format!(", \"{port}/udp\"") } else { String::new() };
        let _ = writeln!(out, "    ports: [\"{port}\"{udp}]");
    }
    if let Some(limits) = node.limits {
        let _ = writeln!(
            out,
            "    cpus: {}\n    mem_limit: {}",
            limits.nano_cpus as f64 / 1e9,
            limits.memory_bytes
        );
    }
    let _ = writeln!(
        out,
        "    cap_drop: [ALL]\n    security_opt: [\"no-new-privileges:true\"]\n    networks:\n      \
         default:\n        ipv4_address: {}",
        node.address
    );
    let _ = writeln!(
        out,
        "    healthcheck:\n      test: {}\n      interval: 1s\n      timeout: 2s\n      retries: 90",
        json!(["CMD", "bash", "-c", health_command(&node.probe)])
    );
}

/// The probe as a command that every image of ours can run: bash speaks TCP.
fn health_command(probe: &Probe) -> String {
    let http = |port: u16, path: &str| {
        format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3 && \
             head -1 <&3 | grep -q ' 2'"
        )
    };
    let tcp = |port: u16| format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    match probe {
        Probe::Http { port, path } => http(*port, path),
        Probe::Tcp { port } => tcp(*port),
        Probe::Redis { .. } => tcp(REDIS_PORT),
        Probe::Sentinels { .. } => tcp(SENTINEL_PORT),
        Probe::PatroniCluster { synchronous: true, .. } => {
            "exec 3<>/dev/tcp/127.0.0.1/8008 && printf 'GET /cluster HTTP/1.0\\r\\n\\r\\n' >&3 && \
             grep -q sync_standby <&3"
                .into()
        }
        Probe::PatroniCluster { .. } => http(8008, "/primary"),
    }
}
