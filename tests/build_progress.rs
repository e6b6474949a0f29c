//! What `scripts/lab` says while it compiles, from what cargo writes with its progress bar.

#![allow(missing_docs)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a line of shell with what the scripts share.
fn bash(line: &str, path: Option<&str>, stdin: &str) -> Output {
    let script = format!("set -euo pipefail; root={ROOT}; . $root/scripts/common.sh; {line}");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::piped());
    if let Some(path) = path {
        command.env("PATH", format!("{path}:{}", std::env::var("PATH").expect("a PATH")));
    }
    let mut child = command.spawn().expect("bash");
    let mut to = child.stdin.take().expect("its stdin");
    to.write_all(stdin.as_bytes()).expect("bash reads");
    drop(to);
    child.wait_with_output().expect("bash ends")
}

fn said(stdin: &str) -> String {
    let output = bash("follow_build", None, stdin);
    assert!(output.status.success());
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn nothing_is_said_when_nothing_is_built() {
    assert_eq!(said(""), "");
    assert_eq!(said("    Finished `release` profile [optimized] target(s) in 0.24s\n"), "");
}

#[test]
fn a_log_hears_of_what_is_compiled_and_not_of_every_crate() {
    let cargo = "   Compiling serde v1.0.229\n    Building [=>       ] 3/293: serde, libc  \r   \
                 Compiling libc v0.2\n    Building [==>      ] 4/293: libc, syn    \r    \
                 Finished `release` profile\n";
    assert_eq!(said(cargo), "=> compiling: 3 of 293 (serde, libc), 0 s\n");
}

#[test]
fn what_is_wrong_goes_through_as_it_is() {
    let wrong = "error[E0308]: mismatched types\n --> lab/src/x.rs:1:2\n  |\n1 | let a: b = 1/2;\n\n\
                 error: could not compile `lab` (lib) due to 1 previous error\n";
    let cargo = format!("   Compiling lab v0.1.0\n    Building [==> ] 292/293: lab  \r{wrong}");
    assert_eq!(said(&cargo), format!("=> compiling: 292 of 293 (lab), 0 s\n{wrong}"));
    let coloured =
        "\x1b[1m\x1b[92m   Compiling\x1b[0m lab\n\x1b[1m\x1b[33mwarning\x1b[0m: unused\n";
    assert_eq!(said(coloured), "\x1b[1m\x1b[33mwarning\x1b[0m: unused\n");
}

#[test]
fn a_build_that_fails_ends_the_script() {
    let dir = std::env::temp_dir().join(format!("lab-fake-cargo-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder for the test");
    let cargo = dir.join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho 'error: no such crate' >&2\nexit 101\n")
        .expect("a folder for the test");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("a folder for the test");
    let output = bash("build_release; echo built", dir.to_str(), "");
    fs::remove_dir_all(&dir).expect("a folder for the test");
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(stderr, "error: no such crate\nerror: the build failed\n");
}
