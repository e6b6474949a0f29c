//! The program itself: arguments, configuration, signals.
#![allow(clippy::unwrap_used, reason = "also what helps a test is a test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

struct Program {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

impl Program {
    fn start(config: &str) -> (Self, tempfile::NamedTempFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_netproxy"))
            .args(["--host", "127.0.0.1", "--port", "0", "--config"])
            .arg(file.path())
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        (Self { child, log }, file)
    }

    /// The next line of the log.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const TWO: &str = r#"[
    {"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "enabled": true},
    {"name": "b", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "enabled": false}]"#;

#[test]
fn the_configured_proxies_are_there_and_sigterm_ends_it_at_once() {
    let (mut program, _file) = Program::start(TWO);
    let enabled = program.line();
    assert_eq!((&enabled["message"], &enabled["proxy"]), (&"enabled".into(), &"a".into()));
    let address = program.line()["address"].as_str().unwrap().to_owned();
    let mut api = TcpStream::connect(&address).unwrap();
    write!(api, "GET /proxies HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    api.read_to_string(&mut answer).unwrap();
    let all: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((&all["a"]["enabled"], &all["b"]["enabled"]), (&true.into(), &false.into()));

    let open = TcpStream::connect(&address).unwrap();
    let start = Instant::now();
    let id = rustix::process::Pid::from_child(&program.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(program.child.wait().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop(open);
}

#[test]
fn a_configuration_that_cannot_be_used_ends_it() {
    let twice = TWO.replace(r#""b""#, r#""""#);
    for (config, problem) in [("{", "a JSON list of"), (twice.as_str(), "name at proxy 2")] {
        let (mut program, _file) = Program::start(config);
        let message = program.line()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(problem), "{message}");
        assert!(!program.child.wait().unwrap().success());
    }
}
