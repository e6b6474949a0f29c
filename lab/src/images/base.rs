//! Where the base comes from: a registry when one answers, otherwise Debian's packages.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::CreateImageOptions;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::disk::{self, Place};
use super::pull::{Pulled, pull};
use super::{ImageError, ImageName, ImageProgress, store};

/// The public image that equals what the bootstrap makes.
const PUBLIC: (&str, &str) = ("debian", "trixie-slim");
/// The release that both are.
const RELEASE: &str = "trixie";
/// The image that all of this is for.
const BASE: &str = ImageName::Base.as_str();
/// Lines of a failing bootstrap that are shown.
const TAIL: usize = 15;
/// Longest wait for a registry to begin to answer; a pull that has begun may take its time.
const REGISTRY_ANSWERS_WITHIN: Duration = Duration::from_secs(6);

/// Reference of a root file system to build the base from.
pub async fn rootfs(
    docker: &Docker,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<String, ImageError> {
    let bootstrapped = bootstrapped_reference();
    if store::exists(docker, &bootstrapped).await? {
        return Ok(bootstrapped);
    }
    let public = format!("{}:{}", PUBLIC.0, PUBLIC.1);
    if store::exists(docker, &public).await? {
        return Ok(public);
    }
    // Said once a registry answers at all.
    let begun = AtomicBool::new(false);
    let told = |pulled: &Pulled| {
        if !begun.swap(true, Ordering::Relaxed) {
            progress(ImageProgress::Base("pulling"));
        }
        progress(ImageProgress::Pulled(public.clone(), pulled.clone()));
    };
    match pull(docker, &public, Some(REGISTRY_ANSWERS_WITHIN), &told).await {
        Ok(()) => Ok(public),
        Err(reason) if disk::is_full(&reason) => {
            let doing = format!("while {public} was pulled");
            Err(disk::full(docker, BASE, doing, None).await)
        }
        Err(registry) => {
            bootstrap(docker, &bootstrapped, &registry, progress).await?;
            Ok(bootstrapped)
        }
    }
}

/// The mirror is part of the name: another one may hold other packages.
fn bootstrapped_reference() -> String {
    let mirror = std::env::var("LAB_DEBIAN_MIRROR").unwrap_or_default();
    let digest = Sha256::digest(format!("{RELEASE} {mirror}"));
    let hash: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
    format!("lab/rootfs:{hash}")
}

/// Builds a minimal Debian from its packages, straight into the engine.
pub(super) async fn bootstrap(
    docker: &Docker,
    reference: &str,
    registry: &str,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), ImageError> {
    progress(ImageProgress::Base("no registry answers, bootstrapping from Debian's packages"));
    let mut command = Command::new("mmdebstrap");
    // Not --quiet: it hides what apt says, and with it that the disk is full.
    command.args(["--variant=minbase", RELEASE, "-"]);
    command.args(std::env::var("LAB_DEBIAN_MIRROR").ok());
    // Killed with us: it removes its temporary folder when it is asked to end.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => ImageError::NoBase { registry: registry.into() },
        _ => ImageError::Io { path: "mmdebstrap".into(), source: e },
    })?;
    let output = child
        .wait_with_output()
        .await
        .map_err(|source| ImageError::Io { path: "mmdebstrap".into(), source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if disk::is_full(&said) {
            let doing = "while mmdebstrap unpacked Debian".into();
            return Err(disk::full(docker, BASE, doing, Some(Place::temporary())).await);
        }
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].iter().map(|l| (*l).into()).collect();
        return Err(ImageError::Bootstrap { tail });
    }
    import(docker, reference, output.stdout).await
}

async fn import(docker: &Docker, reference: &str, tar: Vec<u8>) -> Result<(), ImageError> {
    let (repo, tag) = reference.split_once(':').unwrap_or((reference, "latest"));
    let options = CreateImageOptions {
        from_src: Some("-".into()),
        repo: Some(repo.into()),
        tag: Some(tag.into()),
        changes: vec!["LABEL lab.image=rootfs".into()],
        ..Default::default()
    };
    let body = bollard::body_full(tar.into());
    let mut stream = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
    while let Some(step) = stream.next().await {
        match step {
            Err(e) if disk::is_full(&e.to_string()) => {
                let doing = "while Docker was given the bootstrapped Debian".into();
                return Err(disk::full(docker, BASE, doing, None).await);
            }
            other => drop(other?),
        }
    }
    Ok(())
}
