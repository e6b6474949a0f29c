//! What Docker's builder says, read as steps: which one is under way, and the last lines of what it
//! printed.

use std::collections::VecDeque;
use std::fmt;

use super::disk;

/// Lines of a failing step that are shown.
const TAIL: usize = 15;
/// Characters of an instruction that are shown: a `RUN` may be a whole script.
const INSTRUCTION: usize = 160;

/// A step of a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub number: u32,
    /// The number of steps.
    pub of: u32,
    /// What it does, shortened to one line.
    pub instruction: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}/{}: {}", self.number, self.of, self.instruction)
    }
}

impl Step {
    /// Reads `Step 3/7 : RUN apt-get update`.
    fn parse(line: &str) -> Option<Self> {
        let (count, instruction) = line.strip_prefix("Step ")?.split_once(" : ")?;
        let (number, of) = count.split_once('/')?;
        Some(Self {
            number: number.parse().ok()?,
            of: of.parse().ok()?,
            instruction: shortened(instruction, INSTRUCTION),
        })
    }
}

/// What the builder said so far.
#[derive(Clone, Debug, Default)]
pub struct BuildLog {
    unfinished: String,
    step: Option<Step>,
    tail: VecDeque<String>,
    disk_full: bool,
}

impl BuildLog {
    /// Takes the next piece of the stream, which need not end with a line; returns the step that
    /// begins in it.
    pub fn push(&mut self, piece: &str) -> Option<Step> {
        self.unfinished.push_str(piece);
        let mut begun = None;
        while let Some(end) = self.unfinished.find('\n') {
            let line: String = self.unfinished.drain(..=end).collect();
            begun = self.line(&line).or(begun);
        }
        begun
    }

    fn line(&mut self, line: &str) -> Option<Step> {
        let line = as_seen(line);
        if let Some(step) = Step::parse(&line) {
            *self = Self {
                step: Some(step),
                unfinished: std::mem::take(&mut self.unfinished),
                ..Self::default()
            };
            return self.step.clone();
        }
        if !line.trim().is_empty() && !is_bookkeeping(&line) {
            self.disk_full |= disk::is_full(&line);
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(line);
        }
        None
    }

    /// The build ended here: what is not a whole line yet counts as one.
    pub fn end(mut self) -> Ended {
        self.push("\n");
        Ended { step: self.step, tail: self.tail.into(), disk_full: self.disk_full }
    }
}

/// How a build ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The last step, if there was one.
    pub step: Option<Step>,
    /// The last lines that it printed.
    pub tail: Vec<String>,
    /// It complained about a full disk.
    pub disk_full: bool,
}

/// The builder's own lines about its intermediate images and containers.
fn is_bookkeeping(line: &str) -> bool {
    line.starts_with(" ---> ") || line.starts_with("Removing intermediate container ")
}

/// A line as a terminal would show it in the end: without colours (the builder prints stderr in red)
/// and without what a carriage return overwrote.
fn as_seen(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line.trim_end();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.trim_end().rsplit('\r').next().unwrap_or_default().to_owned()
}

/// One line of at most `limit` characters.
fn shortened(text: &str, limit: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Why a build failed, from the builder's last message, which repeats a failing command in full.
pub fn reason(message: &str) -> String {
    match message.rsplit_once("returned a non-zero code: ") {
        Some((_, code)) => format!("the command returned {}", code.trim()),
        None => message.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Docker 20.10 sends it: the end of a step's line is a piece of its own.
    const PIECES: [&str; 9] = [
        "Step 1/3 : FROM lab/base:1",
        "\n",
        " ---> 0123456789ab\n",
        "Step 2/3 : RUN set -e;     apt-get update -q;",
        "\n",
        " ---> Running in 0123456789ab\n",
        "Get:1 trixie InRelease\nFetched 1 of 2\rFetched 2 ",
        "of 2\n\x1b[91mE: Unable to locate package nginy\n\x1b[0m",
        "last words",
    ];

    fn pushed(pieces: &[&str]) -> (BuildLog, Vec<Step>) {
        let mut log = BuildLog::default();
        let steps = pieces.iter().filter_map(|p| log.push(p)).collect();
        (log, steps)
    }

    fn step(number: u32, of: u32, instruction: &str) -> Step {
        Step { number, of, instruction: instruction.into() }
    }

    #[test]
    fn steps_are_reported_as_they_begin() {
        let (_, steps) = pushed(&PIECES);
        let run = "RUN set -e; apt-get update -q;";
        assert_eq!(steps, [step(1, 3, "FROM lab/base:1"), step(2, 3, run)]);
        assert_eq!(steps[1].to_string(), format!("step 2/3: {run}"));
    }

    #[test]
    fn a_failing_step_is_shown_with_its_own_last_lines_as_a_terminal_shows_them() {
        let ended = pushed(&PIECES).0.end();
        assert_eq!(ended.step.map(|s| s.number), Some(2));
        assert_eq!(
            ended.tail,
            [
                "Get:1 trixie InRelease",
                "Fetched 2 of 2",
                "E: Unable to locate package nginy",
                "last words"
            ]
        );
        assert!(!ended.disk_full);
    }

    #[test]
    fn only_the_last_lines_of_the_last_step_are_kept() {
        let mut log = BuildLog::default();
        log.push(
            "Step 1/2 : RUN one\nno space left on device\nof the first step\nStep 2/2 : RUN two\n",
        );
        for n in 0..100 {
            log.push(&format!("line {n}\n"));
        }
        let ended = log.end();
        assert_eq!(ended.tail.len(), TAIL);
        assert_eq!((ended.tail[0].as_str(), ended.tail[TAIL - 1].as_str()), ("line 85", "line 99"));
        assert!(!ended.disk_full, "an earlier step's complaint is not this one's");
    }

    #[test]
    fn a_complaint_about_the_disk_counts_however_much_follows_it() {
        let mut log = BuildLog::default();
        log.push("Step 1/1 : RUN x\ndd: error writing '/x': No space left on device\n");
        for n in 0..100 {
            log.push(&format!("line {n}\n"));
        }
        assert!(log.end().disk_full);
    }

    #[test]
    fn long_instructions_and_odd_lines_do_no_harm() {
        let long = format!("Step 1/1 : RUN {}\n", "ä".repeat(500));
        let (log, steps) = pushed(&[&long]);
        assert_eq!(steps[0].instruction.chars().count(), INSTRUCTION + 1);
        assert!(steps[0].instruction.ends_with('…') && log.end().tail.is_empty());
        for odd in ["Step x/1 : RUN", "Step 1 : RUN", "Step 1/2 RUN", "\x1b[", "\r", "\x1b[91"] {
            assert_eq!(pushed(&[odd, "\n"]).1, [], "{odd:?}");
        }
    }

    #[test]
    fn the_reason_does_not_repeat_the_command() {
        let said = "The command '/bin/sh -c exit 7' returned a non-zero code: 7";
        assert_eq!(reason(said), "the command returned 7");
        assert_eq!(reason("COPY failed: no source files\n"), "COPY failed: no source files");
    }
}
