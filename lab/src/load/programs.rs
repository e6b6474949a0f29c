//! Operations that are no requests over HTTP: programs that read a line of JSON for each and write one.
//!
//! A program is started when one is needed, and kept: it does one operation after the other. How many there
//! are is bounded, as in a pool of connections. One that has not answered in time is out of step; it gets a
//! while to answer all the same, and is let go then: its input ends, and with that it ends.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

use super::client::Failure;
use super::connection::Reply;
use crate::spec::workload::{Answer, Exec};

/// Programs of one kind that run at the same time, at most.
const MOST: usize = 32;
/// How long one that is late may still answer.
const LATE: Duration = Duration::from_secs(10);
/// The longest line, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;
/// What is kept of what a program says beside its answers.
const MOST_WORDS: usize = 500;

/// Who starts programs.
pub trait Programs: fmt::Debug + Send + Sync {
    /// Starts one.
    fn open(&self, exec: Exec) -> BoxFuture<'static, Result<Opened, String>>;
}

/// A program that was started.
pub struct Opened {
    /// Where it runs.
    pub node: String,
    /// What it writes, until it ends.
    pub output: BoxStream<'static, Said>,
    /// What it reads.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// A piece of what a program writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// On its standard output: answers.
    Out(Bytes),
    /// On its standard error: words for people.
    Err(Bytes),
}

/// The programs that run for one client.
#[derive(Default)]
pub struct Pool {
    kinds: Mutex<HashMap<Exec, Arc<Kind>>>,
}

/// Those of one command.
struct Kind {
    idle: Mutex<Vec<Program>>,
    most: Arc<Semaphore>,
}

struct Program {
    opened: Opened,
    /// Of the line that is coming in.
    line: Vec<u8>,
    words: String,
    /// It counts until it has ended.
    _permit: OwnedSemaphorePermit,
}

/// Why there is no answer.
enum Ended {
    /// The program has ended, and what it said.
    Gone(String),
    /// What it wrote cannot be an answer.
    Nonsense(String),
}

impl Pool {
    /// Lets a program do one operation.
    ///
    /// # Errors
    /// Whether it may have been done, and why there is no answer.
    pub async fn send(
        &self,
        programs: &Arc<dyn Programs>,
        exec: &Exec,
        line: &[u8],
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let kind = self.kind(exec);
        let mut program = kind.take(programs, exec, deadline).await.map_err(Failure::NotSent)?;
        let node = program.opened.node.clone();
        let at = |reason: &str| format!("{reason} ({node})");
        match timeout_at(deadline.into(), program.write(line)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(Failure::Lost(at(&program.in_words(&e.to_string())))),
            Err(_) => return Err(Failure::Lost(at("its command does not read"))),
        }
        match timeout_at(deadline.into(), program.read()).await {
            Ok(Ok(reply)) => {
                kind.idle().push(program);
                Ok(reply)
            }
            Ok(Err(Ended::Gone(words))) => Err(Failure::Lost(at(&program.in_words(&words)))),
            Ok(Err(Ended::Nonsense(why))) => Err(Failure::Lost(at(&why))),
            Err(_) => {
                tokio::spawn(kind.late(program));
                Err(Failure::Lost(at("no answer in time")))
            }
        }
    }

    fn kind(&self, exec: &Exec) -> Arc<Kind> {
        let mut kinds = lock(&self.kinds);
        let kind = kinds.entry(exec.clone()).or_insert_with(|| {
            Arc::new(Kind { idle: Mutex::default(), most: Arc::new(Semaphore::new(MOST)) })
        });
        Arc::clone(kind)
    }
}

impl Kind {
    /// One that has nothing to do, or a new one.
    async fn take(
        &self,
        programs: &Arc<dyn Programs>,
        exec: &Exec,
        deadline: Instant,
    ) -> Result<Program, String> {
        while let Some(mut program) = self.next_idle() {
            if program.waits() {
                return Ok(program);
            }
        }
        let permit = timeout_at(deadline.into(), Arc::clone(&self.most).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(format!("all {MOST} programs of this operation are busy"));
        };
        // Somebody may have become free while this one waited, but a new one serves as well.
        let opened = timeout_at(deadline.into(), programs.open(exec.clone())).await;
        let opened = opened.map_err(|_| "the command does not start in time".to_owned())??;
        Ok(Program { opened, line: Vec::new(), words: String::new(), _permit: permit })
    }

    /// One that is late is in step again when it has answered.
    async fn late(self: Arc<Self>, mut program: Program) {
        if let Ok(Ok(_)) = timeout(LATE, program.read()).await {
            self.idle().push(program);
        }
    }

    fn next_idle(&self) -> Option<Program> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Program>> {
        lock(&self.idle)
    }
}

impl Program {
    /// Whether it still runs, and has said nothing that nobody asked for.
    fn waits(&mut self) -> bool {
        loop {
            match self.opened.output.next().now_or_never() {
                None => return true,
                Some(Some(Said::Err(words))) => self.hear(&words),
                Some(Some(Said::Out(_)) | None) => return false,
            }
        }
    }

    async fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        let mut line = line.to_vec();
        line.push(b'\n');
        self.opened.input.write_all(&line).await?;
        self.opened.input.flush().await
    }

    /// The next line, as an answer.
    async fn read(&mut self) -> Result<Reply, Ended> {
        loop {
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.line.drain(..=end).collect();
                return answer(&line[..end]);
            }
            match self.opened.output.next().await {
                None => return Err(Ended::Gone("it ended before it answered".to_owned())),
                Some(Said::Err(words)) => self.hear(&words),
                Some(Said::Out(bytes)) if self.line.len() + bytes.len() > LONGEST => {
                    return Err(Ended::Nonsense("its answer has no end".to_owned()));
                }
                Some(Said::Out(bytes)) => self.line.extend_from_slice(&bytes),
            }
        }
    }

    fn hear(&mut self, words: &[u8]) {
        self.words.push_str(&String::from_utf8_lossy(words));
        if let Some((cut, _)) = self.words.char_indices().rev().nth(MOST_WORDS) {
            self.words.drain(..cut);
        }
    }

    /// Why it did not answer, with the last that it said.
    fn in_words(&self, reason: &str) -> String {
        match self.words.lines().map(str::trim).rfind(|line| !line.is_empty()) {
            Some(last) => format!("{reason}: {last}"),
            None => reason.to_owned(),
        }
    }
}

/// A line as an answer: its `status` is 200 unless it says otherwise.
fn answer(line: &[u8]) -> Result<Reply, Ended> {
    let shown = || String::from_utf8_lossy(line).chars().take(60).collect::<String>();
    let value: Value = serde_json::from_slice(line)
        .map_err(|_| Ended::Nonsense(format!("its answer is no line of JSON: {:?}", shown())))?;
    let status = match value.get("status") {
        None => Some(200),
        Some(status) => status.as_u64().and_then(|n| u16::try_from(n).ok()),
    };
    let status = status.filter(|status| (100..600).contains(status)).ok_or_else(|| {
        Ended::Nonsense(format!(
            "`status` in its answer is no number from 100 to 599: {:?}",
            shown()
        ))
    })?;
    let body = Bytes::copy_from_slice(line);
    let answer = Answer::new(status, hyper::HeaderMap::new(), body);
    Ok(Reply { status, caches: None, answer })
}

/// Nothing is left half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::Here;

    fn sh(script: &str) -> Exec {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        Exec { tier: "client".into(), command }
    }

    async fn ask(pool: &Pool, exec: &Exec, ms: u64) -> Result<Reply, Failure> {
        let programs: Arc<dyn Programs> = Arc::new(Here);
        let deadline = Instant::now() + Duration::from_millis(ms);
        pool.send(&programs, exec, br#"{"key":"k1"}"#, deadline).await
    }

    #[tokio::test]
    async fn one_program_does_one_operation_after_the_other() {
        let pool = Pool::default();
        let exec =
            sh(r#"while read -r line; do echo "{\"status\":201,\"pid\":$$,\"was\":$line}"; done"#);
        let first = ask(&pool, &exec, 5000).await.unwrap();
        let second = ask(&pool, &exec, 5000).await.unwrap();
        assert_eq!((first.status, &first.answer.body), (201, &second.answer.body));
        assert!(String::from_utf8_lossy(&first.answer.body).contains(r#""was":{"key":"k1"}"#));
    }

    #[tokio::test]
    async fn without_a_status_it_is_a_success() {
        let reply = ask(&Pool::default(), &sh("read -r line; echo '{}'"), 5000).await.unwrap();
        assert_eq!(reply.status, 200);
    }

    #[tokio::test]
    async fn what_a_program_did_not_answer_may_have_been_done() {
        for (script, why) in [
            ("read -r line; echo broken pipe >&2; exit 1", "broken pipe"),
            ("read -r line; echo done", "no line of JSON: \"done\""),
            (r#"read -r line; echo '{"status":"good"}'"#, "`status`"),
            ("read -r line; read -r line", "no answer in time"),
        ] {
            let ended = ask(&Pool::default(), &sh(script), 700).await;
            let Err(Failure::Lost(reason)) = &ended else { panic!("{script}: {ended:?}") };
            assert!(reason.contains(why) && reason.ends_with("(here)"), "{script}: {reason}");
        }
    }

    #[tokio::test]
    async fn what_does_not_start_was_not_done() {
        let exec = Exec { tier: "client".into(), command: vec!["/no/such/program".into()] };
        assert!(matches!(ask(&Pool::default(), &exec, 5000).await, Err(Failure::NotSent(_))));
    }

    #[tokio::test]
    async fn one_that_ended_while_nobody_asked_is_not_asked() {
        let pool = Pool::default();
        let exec = sh("read -r line; echo \"{\\\"pid\\\":$$}\"");
        let first = ask(&pool, &exec, 5000).await.unwrap();
        let kind = pool.kind(&exec);
        let limit = Instant::now() + Duration::from_secs(10);
        while lock(&kind.idle).iter_mut().any(Program::waits) {
            assert!(Instant::now() < limit, "it never ends");
            tokio::task::yield_now().await;
        }
        let second = ask(&pool, &exec, 5000).await.unwrap();
        assert_ne!(first.answer.body, second.answer.body);
    }

    #[tokio::test]
    async fn one_that_is_late_is_in_step_again_when_it_has_answered() {
        let pool = Pool::default();
        // The first answer comes when the file is there.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("go");
        let script = format!(
            "while read -r line; do until [ -e {} ]; do sleep 0.01; done; echo \"{{\\\"pid\\\":$$}}\"; done",
            file.display()
        );
        let exec = sh(&script);
        assert!(matches!(ask(&pool, &exec, 300).await, Err(Failure::Lost(_))));
        std::fs::write(&file, "").unwrap();
        let kind = pool.kind(&exec);
        let limit = Instant::now() + Duration::from_secs(10);
        while lock(&kind.idle).is_empty() {
            assert!(Instant::now() < limit, "it never comes back");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(ask(&pool, &exec, 5000).await.is_ok());
        assert_eq!(lock(&kind.idle).len(), 1, "it is the same one");
    }
}
