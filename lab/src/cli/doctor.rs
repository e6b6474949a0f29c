//! `lab doctor`: what this machine can and cannot do, with the mend for each line.

use super::error::ENVIRONMENT;
use super::{CliError, Global};
use crate::images::{Space, docker_data};
use crate::plan::subnet::of_labs;
use crate::report::Ui;

/// Memory that the largest stage of this version needs, in MiB.
const MEMORY_MIB: u64 = 3 << 10;
/// Disk that all images of this version need, in MiB.
const DISK_MIB: u64 = 4 << 10;

struct Line {
    good: bool,
    /// The lab cannot work without it.
    needed: bool,
    what: String,
    mend: &'static str,
}

/// Checks the machine; exit code 4 when something needed is missing.
pub async fn run(global: &Global, ui: &Ui) -> Result<u8, CliError> {
    let mut lines = docker(global).await;
    lines.push(memory());
    lines.push(tool(
        "mmdebstrap",
        "builds the base image where no registry answers",
        "apt-get install mmdebstrap (not needed when images can be pulled)",
    ));
    let able = lines.iter().all(|l| l.good || !l.needed);
    for line in &lines {
        let mark = match (line.good, line.needed) {
            (true, _) => "ok  ",
            (false, true) => "FAIL",
            (false, false) => "warn",
        };
        ui.prose(&format!("{mark}  {}", line.what), 6);
        if !line.good {
            ui.prose(&format!("      mend: {}", line.mend), 6);
        }
    }
    Ok(if able { 0 } else { ENVIRONMENT })
}

async fn docker(global: &Global) -> Vec<Line> {
    let needed = |good, what: String, mend| Line { good, needed: true, what, mend };
    let engine = match global.engine().await {
        Ok(engine) => engine,
        Err(e) => {
            return vec![needed(
                false,
                e.to_string(),
                "systemctl start docker, or choose another engine: --host, --context, DOCKER_HOST",
            )];
        }
    };
    let version = engine.docker().version().await.unwrap_or_default();
    let info = engine.docker().info().await.unwrap_or_default();
    let mut lines = vec![
        needed(
            true,
            format!(
                "Docker Engine {} (API {}), storage {}, at {}",
                version.version.unwrap_or_default(),
                version.api_version.unwrap_or_default(),
                info.driver.unwrap_or_default(),
                engine.host()
            ),
            "",
        ),
        match engine.seems_out_of_reach().await {
            Ok(None) => needed(true, "containers can be reached by their addresses".into(), ""),
            Ok(Some(e)) | Err(e) => needed(
                false,
                e.to_string(),
                "choose an engine that runs as root on this machine: --host, --context, DOCKER_HOST",
            ),
        },
        needed(
            nftables(),
            "packet filters (nftables) for silent faults".into(),
            "load the kernel module nf_tables: modprobe nf_tables",
        ),
    ];
    lines.push(match engine.free_subnet(&of_labs()).await {
        Ok(subnet) => needed(true, format!("subnet {} is free for a lab", subnet.cidr()), ""),
        Err(e) => needed(
            false,
            e.to_string(),
            "remove what is in the way, or choose one: lab up --subnet CIDR",
        ),
    });
    if let Some((root, space)) = docker_data(engine.docker()).await {
        lines.push(disk(&root, space));
    }
    lines
}

/// The kernel has nftables built in, loaded, or as a module.
fn nftables() -> bool {
    let loaded = |file: &str, word: &str| {
        std::fs::read_to_string(file).is_ok_and(|t| t.lines().any(|l| l.contains(word)))
    };
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let modules = format!("/lib/modules/{}", release.trim());
    loaded("/proc/modules", "nf_tables")
        || loaded(&format!("{modules}/modules.builtin"), "nf_tables")
        || loaded(&format!("{modules}/modules.dep"), "nf_tables")
        || loaded("/proc/kallsyms", "nf_tables")
}

fn memory() -> Line {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|l| l.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok())
        .map_or(0u64, |kib: u64| kib >> 10);
    Line {
        good: available >= MEMORY_MIB,
        needed: false,
        what: format!("{available} MiB of memory available, {MEMORY_MIB} wanted"),
        mend: "stop something, or run a smaller stage",
    }
}

fn disk(root: &str, space: Option<Space>) -> Line {
    let free = space.map(|s| s.bytes >> 20);
    Line {
        good: free.is_none_or(|f| f >= DISK_MIB),
        needed: false,
        what: match free {
            Some(free) => format!("{free} MiB of disk free for images ({root}), {DISK_MIB} wanted"),
            None => format!("free disk at {root} cannot be read from here"),
        },
        mend: "docker system prune, or `lab images clean`",
    }
}

fn tool(name: &str, why: &str, mend: &'static str) -> Line {
    let good = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()));
    Line { good, needed: false, what: format!("{name}: {why}"), mend }
}
