//! Exit codes are a contract: scripts decide by them.

use std::path::PathBuf;

use super::*;
use crate::chaos::ResolveError;
use crate::plan::layout::Subnet;
use crate::spec;

fn io() -> std::io::Error {
    std::io::ErrorKind::PermissionDenied.into()
}

/// Code and hint of an error.
fn outcome(error: impl Into<CliError>) -> (u8, Option<String>) {
    let error = error.into();
    assert!(!error.message.is_empty());
    (error.code, error.hint)
}

fn code(error: impl Into<CliError>) -> u8 {
    outcome(error).0
}

#[test]
fn the_codes_are_the_documented_ones() {
    assert_eq!([USAGE, INCONCLUSIVE, ENVIRONMENT, BUG, INTERRUPTED], [2, 3, 4, 70, 130]);
    assert_eq!((CliError::usage("x").code, CliError::environment("x").code), (2, 4));
    assert_eq!(CliError::usage("x").hint("y").hint.as_deref(), Some("y"));
}

#[test]
fn a_wrong_stage_or_a_wrong_request_is_2() {
    assert_eq!(code(spec::load("stage-1kk").unwrap_err()), 2);
    assert_eq!(code(spec::load("./no/such.yaml").unwrap_err()), 2);
    assert_eq!(code(spec::parse("stage: [", "x.yaml").map_err(SpecError::from).unwrap_err()), 2);
    let resolve = ChaosError::Resolve(ResolveError::NoNode("tier web has no node".into()));
    assert_eq!(outcome(resolve), (2, Some("`lab chaos list`".into())));
    let (code, hint) = outcome(RunError::NotRunning { lab: "lab".into() });
    assert_eq!(code, 2);
    assert!(hint.is_some_and(|h| h.contains("lab up")));
    let (code, hint) =
        outcome(RunError::AnotherStage { lab: "lab".into(), running: "stage-1".into() });
    assert_eq!(code, 2);
    assert!(hint.is_some_and(|h| h.contains("lab down") && h.contains("--lab")));
}

#[test]
fn an_effect_that_was_not_seen_is_3() {
    assert_eq!(code(ChaosError::Unconfirmed("db-a1 is running".into())), 3);
}

#[test]
fn a_machine_that_is_not_able_is_4_and_has_a_next_step() {
    let refused = |status| EngineError::Refused {
        action: "start".into(),
        object: "lab.web-a1".into(),
        reason: "no".into(),
        status,
    };
    for error in [
        EngineError::Unreachable("no socket".into()),
        EngineError::PortInUse { port: "8080".into() },
        EngineError::NameTaken { name: "lab.web-a1".into() },
        EngineError::DiskFull("layer".into()),
        EngineError::NoSubnet { by: "the route to 10.0.0.0/8".into() },
        EngineError::SubnetTaken { subnet: Subnet(10, 9), by: "the network x".into() },
        EngineError::SubnetLost { subnet: Subnet(10, 9) },
        EngineError::Routes("no".into()),
        EngineError::NoEngine { engine: "ssh://far (DOCKER_HOST)".into(), why: "SSH".into() },
        EngineError::OutOfReach { engine: "unix:///x (--host)".into(), why: "no answer".into() },
        EngineError::Busy { lab: "lab".into(), pid: "1".into() },
        EngineError::Earlier { lab: "lab".into(), name: "lab-web-a1".into() },
    ] {
        let text = error.to_string();
        let (code, hint) = outcome(error);
        assert_eq!((code, hint.is_some()), (4, true), "{text}");
    }
    assert_eq!(code(refused(Some(500))), 4);
    for error in [
        ImageError::DiskFull { image: "base".into(), doing: "x".into(), free: "y".into() },
        ImageError::NoProgram { name: "shop", path: "x".into() },
        ImageError::NotStatic { path: "x".into() },
        ImageError::NoBase { registry: "no answer".into() },
        ImageError::Bootstrap { tail: Vec::new() },
        ImageError::Build { image: "net".into(), reason: "x".into(), step: None, tail: Vec::new() },
    ] {
        let text = error.to_string();
        let (code, hint) = outcome(error);
        assert_eq!((code, hint.is_some()), (4, true), "{text}");
    }
    for error in [
        RunError::NoImage { image: "x".into(), tier: "web".into(), reason: "404".into() },
        RunError::NotWhole { seconds: 1.0, missing: vec![("web-a1".into(), "no answer".into())] },
    ] {
        let text = error.to_string();
        let (code, hint) = outcome(error);
        assert_eq!((code, hint.is_some()), (4, true), "{text}");
    }
    assert_eq!(outcome(ChaosError::NotHealed("x".into())).0, 4);
    assert_eq!(code(JournalError::Io { path: PathBuf::from("j"), source: io() }), 4);
    assert_eq!(code(LoadError::NoTargets), 4);
    assert_eq!(code(ControlError::Serve(io())), 4);
    assert_eq!(code(RunError::Io { path: PathBuf::from("runs"), source: io() }), 4);
}

#[test]
fn what_only_we_can_have_got_wrong_is_70() {
    assert_eq!(code(EngineError::Corrupt("label".into())), 70);
    assert_eq!(outcome(RunError::Corrupt("the stage".into())), (70, Some("`lab down`".into())));
}

#[test]
fn wrapping_an_error_changes_neither_code_nor_hint() {
    let port = || EngineError::PortInUse { port: "8080".into() };
    let plain = outcome(port());
    assert_eq!(outcome(RunError::Engine(port())), plain);
    assert_eq!(outcome(ChaosError::Engine(port())), plain);
    assert_eq!(outcome(RunError::Chaos(ChaosError::Engine(port()))), plain);
    assert_eq!(code(RunError::Chaos(ChaosError::Unconfirmed("x".into()))), 3);
    assert_eq!(code(RunError::Engine(EngineError::Corrupt("x".into()))), 70);
    let full = ImageError::DiskFull { image: "base".into(), doing: "x".into(), free: "y".into() };
    assert!(outcome(RunError::Image(full)).1.is_some_and(|h| h.contains("docker system df")));
}

#[test]
fn the_log_of_a_node_that_failed_is_shown() {
    let died = |log: &str| {
        let (node, state) = ("db-a1".to_owned(), "exited (1)".to_owned());
        let (tier, cause) = ("db".to_owned(), None);
        CliError::from(EngineError::Died { node, tier, state, cause, log: log.into() }).message
    };
    assert_eq!(
        died("one\ntwo\n"),
        "db-a1 stopped: exited (1); its log ends with:\n    one\n    two"
    );
    assert_eq!(died(" \n"), "db-a1 stopped: exited (1)");
}
