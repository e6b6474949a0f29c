//! Builds that fail on a real engine. They need Docker and an image of ours to build from, named by
//! `LAB_TEST_BASE`; the one about the bootstrap needs a `TMPDIR` of 60 MB, such as a small tmpfs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bollard::Docker;

use crate::images::context::{Context, ContextFile};
use crate::images::{ImageError, ImageName, base, build};

/// The error of a build on the test's base with this step, and the progress up to then.
async fn failing(run: &str) -> (ImageError, Vec<String>) {
    let base = std::env::var("LAB_TEST_BASE").expect("LAB_TEST_BASE names an image to build from");
    let dockerfile = format!("ARG BASE\nFROM ${{BASE}}\nRUN {run}\n");
    let file = ContextFile { bytes: dockerfile.into(), mode: 0o644 };
    let files = BTreeMap::from([("Dockerfile".to_owned(), file)]);
    let context = Context::new(ImageName::Net, files, Some(base));
    let contexts = BTreeMap::from([(ImageName::Net, context)]);
    let said = Mutex::new(Vec::new());
    let progress = |p: crate::images::ImageProgress| said.lock().unwrap().push(p.to_string());
    let docker = Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let result = build::build_all(&docker, &contexts, vec![ImageName::Net], &progress).await;
    (result.expect_err("the step fails"), said.into_inner().unwrap())
}

#[tokio::test]
#[ignore = "needs Docker and LAB_TEST_BASE"]
async fn a_step_that_fills_a_disk_is_a_full_disk() {
    // A container of a build has 64 MB there. Docker counts the two labels as steps.
    let (error, said) = failing("echo before && dd if=/dev/zero of=/dev/shm/fill bs=1M").await;
    let text = error.to_string();
    assert!(matches!(error, ImageError::DiskFull { .. }), "{text}");
    for part in ["image net", "at step 3/5: RUN echo before", "MiB free at ", "(Docker's data)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(said.iter().any(|s| s.starts_with("image net: step 3/5: RUN echo")), "{said:?}");
}

#[tokio::test]
#[ignore = "needs Docker and LAB_TEST_BASE"]
async fn a_failing_step_is_shown_with_what_it_printed() {
    let (error, _) = failing("echo one; echo two; exit 7").await;
    insta::assert_snapshot!(error, @r"
    image net cannot be built: the command returned 7
      step 3/5: RUN echo one; echo two; exit 7
        one
        two
    ");
}

#[tokio::test]
#[ignore = "needs Docker, mmdebstrap, Debian's packages and a TMPDIR of 60 MB"]
async fn a_bootstrap_without_room_is_a_full_disk() {
    let docker = Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let error = base::bootstrap(&docker, "lab/rootfs:test", "no answer", &|_| {}).await;
    let text = error.expect_err("there is no room").to_string();
    let place =
        format!("MiB free at {} (where mmdebstrap unpacks)", std::env::temp_dir().display());
    for part in ["no space left on the device for image base", &place, "(Docker's data)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
