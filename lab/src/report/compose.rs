//! A stage as a Compose file: the same images, addresses, configuration and readiness. The control
//! plane is left out: it repairs what the lab's labels name, and Compose has none of them.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::json;

use super::compose_variables;
use crate::plan::layout::Subnet;
use crate::plan::node::{NodeSpec, Probe, Volume};
use crate::plan::ports::{REDIS_PORT, SENTINEL_PORT};
use crate::spec::model::Stage;

/// The Compose file. Strings are written as JSON, which YAML contains.
pub fn compose(stage: &Stage, nodes: &[NodeSpec], subnet: Subnet) -> String {
    let kept: Vec<&NodeSpec> = nodes.iter().filter(|n| n.kind != "control").collect();
    let head = format!(
        "# {}: {}\n# Written by `lab export compose`; needs the images that `lab images build` makes.\n{}",
        stage.stage,
        stage.title,
        compose_variables::explained(&kept, subnet)
    );
    head + &compose_variables::with_net(&body(stage, &kept, subnet), subnet)
}

fn body(stage: &Stage, kept: &[&NodeSpec], subnet: Subnet) -> String {
    let mut out = format!("name: {}\nservices:\n", stage.stage);
    let every = seconds_between_looks(kept.len());
    for node in kept {
        service(&mut out, node, every, subnet);
        depends_on(&mut out, node, kept);
    }
    let _ = writeln!(out, "networks:\n  default:\n    ipam:\n      config:");
    let _ = writeln!(out, "        - subnet: {}", subnet.cidr());
    let _ = writeln!(out, "          gateway: {}", subnet.gateway());
    let volumes = kept.iter().flat_map(|n| n.kept().map(|(kept, _)| volume(n, kept)));
    let volumes: BTreeSet<String> = volumes.collect();
    let volumes: String = volumes.iter().map(|name| format!("  {name}: {{}}\n")).collect();
    if !volumes.is_empty() {
        let _ = write!(out, "volumes:\n{volumes}");
    }
    let files: Vec<_> = kept.iter().flat_map(|n| n.files.iter().map(move |f| (n, f))).collect();
    if !files.is_empty() {
        out += "configs:\n";
        for (i, (node, file)) in files.iter().enumerate() {
            let content = literal(json!(file.content));
            let n = files[..i].iter().filter(|(other, _)| other.name == node.name).count();
            let _ = writeln!(out, "  {}-{n}:\n    content: {content}", node.name);
        }
    }
    out
}

/// As Compose has to be told: it expands `$` wherever it stands, and a doubled one stays.
fn literal(value: serde_json::Value) -> String {
    value.to_string().replace('$', "$$")
}

/// How often Docker looks at each node. A look is a process in the container: 44 in a second are more than
/// two cores can start, and then nothing ever gets ready (measured: `stage-1m` within 46 s at one look in
/// 5 s, 64 s at one in 3 s, never at one in a second).
fn seconds_between_looks(nodes: usize) -> usize {
    (nodes / 8).max(1)
}

/// For how long a node may take to be ready, in seconds.
const READY_WITHIN: usize = 90;

fn service(out: &mut String, node: &NodeSpec, every: usize, subnet: Subnet) {
    let _ =
        writeln!(out, "  {}:\n    image: {}\n    hostname: {}", node.name, node.image, node.name);
    if node.init {
        out.push_str("    init: true\n");
    }
    if !node.entrypoint.is_empty() {
        let _ = writeln!(out, "    entrypoint: {}", literal(json!(node.entrypoint)));
    }
    if !node.command.is_empty() {
        let _ = writeln!(out, "    command: {}", literal(json!(node.command)));
    }
    if !node.env.is_empty() {
        let _ = writeln!(out, "    environment: {}", literal(json!(node.env)));
    }
    for (i, file) in node.files.iter().enumerate() {
        let head = if i == 0 { "    configs:\n" } else { "" };
        let _ =
            writeln!(out, "{head}      - source: {}-{i}\n        target: {}", node.name, file.path);
    }
    let kept: Vec<String> =
        node.kept().map(|(n, path)| format!("{}:{path}", volume(node, n))).collect();
    if !kept.is_empty() {
        let _ = writeln!(out, "    volumes: {}", literal(json!(kept)));
    }
    if !node.hosts.is_empty() {
        let line = |(name, at): (&String, &_)| format!("{name}={at}");
        let lines: Vec<String> = node.hosts.iter().map(line).collect();
        let _ = writeln!(out, "    extra_hosts: {}", literal(json!(lines)));
    }
    if let Some(publish) = node.publish {
        let port = compose_variables::published(node, publish, subnet);
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
    if let Some(user) = node.user() {
        let _ = writeln!(out, "    user: {}", literal(json!(user)));
    }
    let (cap_add, cap_drop) = node.capabilities();
    for (field, names) in [("cap_add", cap_add), ("cap_drop", cap_drop)] {
        if !names.is_empty() {
            let _ = writeln!(out, "    {field}: [{}]", names.join(", "));
        }
    }
    let _ = writeln!(
        out,
        "    security_opt: [\"no-new-privileges:true\"]\n    networks:\n      \
         default:\n        ipv4_address: {}",
        node.address
    );
    if node.probe == Probe::Done {
        // What ends with success is left alone.
        out.push_str("    restart: on-failure\n");
        return;
    }
    let test = match &node.probe {
        Probe::Command { command } => [vec!["CMD".to_owned()], command.clone()].concat(),
        other => ["CMD", "bash", "-c", &health_command(other)].map(str::to_owned).to_vec(),
    };
    let _ = writeln!(
        out,
        "    healthcheck:\n      test: {}\n      interval: {every}s\n      timeout: 2s\n      retries: {}",
        literal(json!(test)),
        READY_WITHIN.div_ceil(every)
    );
}

/// Who must be ready, or done, before.
fn depends_on(out: &mut String, node: &NodeSpec, all: &[&NodeSpec]) {
    let needed = all.iter().filter(|other| node.needs.contains(&other.tier) && !other.reserve);
    for (i, other) in needed.enumerate() {
        let head = if i == 0 { "    depends_on:\n" } else { "" };
        let condition = match other.probe {
            Probe::Done => "service_completed_successfully",
            _ => "service_healthy",
        };
        let _ = writeln!(out, "{head}      {}: {{condition: {condition}}}", other.name);
    }
}

/// What one of a node's volumes is called.
fn volume(node: &NodeSpec, kept: Volume<'_>) -> String {
    match kept {
        Volume::Own(0) => format!("{}-data", node.name),
        Volume::Own(more) => format!("{}-data{}", node.name, more + 1),
        Volume::Shared(name) => format!("{name}-shared"),
    }
}

/// The probe as a command that every image of ours can run: bash speaks TCP.
fn health_command(probe: &Probe) -> String {
    let http = |port: u16, path: &str| {
        format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET {path} HTTP/1.0\\r\\nHost: lab\\r\\n\\r\\n' >&3 && \
             head -1 <&3 | grep -q ' 2'"
        )
    };
    let tcp = |port: u16| format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    match probe {
        Probe::Http { port, path } => http(*port, path),
        Probe::Tcp { port } => tcp(*port),
        Probe::OfImage { port: Some(port) } => tcp(*port),
        Probe::Done | Probe::Runs | Probe::OfImage { .. } | Probe::Command { .. } => "true".into(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::node::{ConfigFile, Limits, Publish, Rights};

    fn node(name: &str) -> NodeSpec {
        NodeSpec::for_tests(name)
    }

    fn written(nodes: &[NodeSpec]) -> serde_json::Value {
        let yaml = compose(&crate::verify::testing::stage(), nodes, Subnet(10, 77));
        serde_yaml::from_str(&yaml).unwrap_or_else(|e| panic!("{e} in:\n{yaml}"))
    }

    #[test]
    fn what_a_node_is_made_of_is_in_the_compose_file() {
        let whole = NodeSpec {
            init: true,
            env: [("PRICE".to_owned(), "a: \"$5\"".to_owned())].into(),
            command: vec!["serve".into(), "$HOME".into()],
            files: vec![ConfigFile { path: "/etc/a".into(), content: "costs $5\n".into() }],
            data: Some("/data".into()),
            entrypoint: vec!["tini".into()],
            volumes: vec!["/var/lib/more".into()],
            hosts: [("db".to_owned(), "10.77.1.12".parse().unwrap())].into(),
            limits: Some(Limits { nano_cpus: 500_000_000, memory_bytes: 1024 }),
            publish: Some(Publish { container: 80, host: 8080, udp: true }),
            ..node("web-a1")
        };
        let file = written(&[whole, node("web-a2")]);
        let web = &file["services"]["web-a1"];
        assert_eq!(web["init"], true);
        assert_eq!(web["command"], json!(["serve", "$$HOME"]));
        assert_eq!(web["environment"]["PRICE"], "a: \"$$5\"", "Compose expands a single one");
        assert_eq!(web["configs"], json!([{ "source": "web-a1-0", "target": "/etc/a" }]));
        assert_eq!(file["configs"]["web-a1-0"]["content"], "costs $$5\n");
        assert_eq!(web["entrypoint"], json!(["tini"]));
        assert_eq!(web["volumes"], json!(["web-a1-data:/data", "web-a1-data2:/var/lib/more"]));
        assert_eq!(file["volumes"], json!({ "web-a1-data": {}, "web-a1-data2": {} }));
        assert_eq!(web["extra_hosts"], json!(["db=${LAB_NET:-10.77}.1.12"]));
        assert_eq!(
            web["ports"],
            json!([
                "127.0.0.1:${LAB_PORT_WEB_A1:-25780}:80",
                "127.0.0.1:${LAB_PORT_WEB_A1:-25780}:80/udp"
            ])
        );
        assert_eq!((&web["cpus"], &web["mem_limit"]), (&json!(0.5), &json!(1024)));
        assert_eq!(web["networks"]["default"]["ipv4_address"], "${LAB_NET:-10.77}.1.10");
        let net = &file["networks"]["default"]["ipam"]["config"][0];
        assert_eq!(net["subnet"], "${LAB_NET:-10.77}.0.0/16");
        assert_eq!(net["gateway"], "${LAB_NET:-10.77}.0.1");
        let bare = &file["services"]["web-a2"];
        assert_eq!(bare["cap_drop"], json!(["ALL"]), "what is ours has no rights");
        let rights = Rights {
            cap_add: vec!["SYS_NICE".into()],
            user: Some("1000:1000".into()),
            ..Rights::default()
        };
        let own = NodeSpec { rights: Some(rights), ..node("web-a3") };
        let own = written(&[own])["services"]["web-a3"].clone();
        assert_eq!((&own["user"], &own["cap_add"]), (&json!("1000:1000"), &json!(["SYS_NICE"])));
        assert!(own["cap_drop"].is_null(), "as Docker gives it: {own}");
        assert_eq!(own["security_opt"], json!(["no-new-privileges:true"]));
        for absent in ["init", "command", "configs", "volumes", "ports", "cpus"] {
            assert!(bare[absent].is_null(), "{absent}: {bare}");
        }
    }

    /// Whoever passes a request on tells the next one its host: without one, nginx refuses it.
    #[test]
    fn nodes_are_looked_at_as_often_as_a_small_machine_can_and_as_a_client_would() {
        let mut web = node("web-a1");
        web.probe = Probe::Http { port: 80, path: "/readyz".into() };
        let many: Vec<_> = (0..44).map(|n| node(&format!("web-b{n}"))).chain([web]).collect();
        let health = written(&many)["services"]["web-a1"]["healthcheck"].clone();
        assert_eq!((&health["interval"], &health["retries"]), (&json!("5s"), &json!(18)));
        let command = health["test"][3].as_str().unwrap();
        assert!(command.contains(r"GET /readyz HTTP/1.0\r\nHost: lab\r\n\r\n"), "{command}");
        let few = written(&[node("web-a1")]);
        assert_eq!(few["services"]["web-a1"]["healthcheck"]["interval"], "1s");
    }

    #[test]
    fn what_may_be_chosen_stands_at_the_head() {
        let publish = Some(Publish { container: 80, host: 8080, udp: false });
        let web = NodeSpec { publish, ..node("web-a1") };
        let yaml = compose(&crate::verify::testing::stage(), &[web], Subnet(10, 77));
        assert!(yaml.contains("LAB_NET (the first two numbers of all addresses, 10.77)"), "{yaml}");
        assert!(yaml.contains("LAB_NET=10.99 LAB_PORT_WEB_A1=0 docker compose"), "{yaml}");
        let body = yaml.split_once("name:").unwrap().1;
        assert!(!body.replace("${LAB_NET:-10.77}", "").contains("10.77"), "{yaml}");
    }

    /// It repairs what the lab's labels name, and Compose has none of them.
    #[test]
    fn the_control_plane_is_left_out() {
        let control = NodeSpec { kind: "control".into(), ..node("control") };
        let file = written(&[node("web-a1"), control]);
        assert!(file["services"]["control"].is_null() && !file["services"]["web-a1"].is_null());
    }
}
