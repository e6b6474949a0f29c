//! The journals of these tests as files, each with what it was judged to be.
//!
//! The tests build their journals in Rust, so they change with the types; the files do not. Whatever is
//! rebuilt, journals of before must stay readable and be judged as before, and these are the proof.
//!
//! `UPDATE_JOURNALS=1 cargo test -p lab --lib verify::faulty` writes what the tests judge. Files of tests
//! that are gone stay, and what a changed verdict means is seen in the difference.
//!
//! Most journals differ from others in a few lines. `journals/lines.jsonl` has what they have in common and
//! is never written again. A line `[skip, count]` in another file stands for `count` lines of it, which begin
//! `skip` lines after the last that stood for some. What is longer than [`LONGEST`] even so is left out.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::journal::Entry;
use crate::verify::{ExperimentFindings, JudgeError, RunFindings};

/// Longest file, in bytes.
const LONGEST: usize = 30_000;

/// The first line of a file: what the journal was judged to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Expected {
    /// The exit code of the run, or none when it cannot be judged.
    exit_code: Option<u8>,
    experiments: Vec<ExpectedExperiment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ExpectedExperiment {
    name: String,
    verdict: String,
    standing: String,
    /// Acknowledged writes that are missing, where that is known.
    lost: Option<u64>,
    /// Check to what it said.
    findings: BTreeMap<String, String>,
}

impl Expected {
    fn of(found: &Result<RunFindings, JudgeError>) -> Self {
        let Ok(found) = found else { return Self { exit_code: None, experiments: Vec::new() } };
        let experiments = found.experiments.iter().map(ExpectedExperiment::of).collect();
        Self { exit_code: Some(found.exit_code()), experiments }
    }

    /// Whether it was found again. A check that did not exist then may have passed since.
    fn is_met_by(&self, now: &Self) -> bool {
        let mut now = now.clone();
        for (before, now) in self.experiments.iter().zip(&mut now.experiments) {
            now.findings
                .retain(|check, part| part != "pass" || before.findings.contains_key(check));
        }
        *self == now
    }
}

impl ExpectedExperiment {
    fn of(found: &ExperimentFindings) -> Self {
        let part = |f: &crate::verify::Finding| (f.check.as_str().into(), f.part.as_str().into());
        Self {
            name: found.name.clone(),
            verdict: found.verdict.as_str().into(),
            standing: found.standing.as_str().into(),
            lost: found.measured.lost.as_ref().map(|lost| lost.count),
            findings: found.findings.iter().map(part).collect(),
        }
    }
}

/// Judges a journal, and writes it down where that is asked for.
pub fn judge(entries: &[Entry]) -> Result<RunFindings, JudgeError> {
    let found = crate::verify::judge(entries);
    if is_update() {
        let path = next_path();
        let text = file(&Expected::of(&found), entries);
        if text.len() <= LONGEST {
            path.parent().map(fs::create_dir_all).unwrap().unwrap();
            fs::write(path, text).unwrap();
        }
    }
    found
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_JOURNALS").is_some()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify/faulty/journals")
}

/// Where the next journal of the running test belongs: `<module>/<test>-<n>.jsonl`.
fn next_path() -> PathBuf {
    thread_local!(static JUDGED: Cell<u32> = const { Cell::new(0) });
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default();
    let (module, test) = name.rsplit_once("::").expect("tests on threads of their own");
    let module = module.rsplit("::").next().unwrap_or(module);
    let n = JUDGED.replace(JUDGED.get() + 1) + 1;
    folder().join(module).join(format!("{test}-{n}.jsonl"))
}

/// What several journals have in common.
fn common() -> &'static [String] {
    static COMMON: OnceLock<Vec<String>> = OnceLock::new();
    COMMON.get_or_init(|| {
        let text = fs::read_to_string(folder().join("lines.jsonl")).unwrap();
        text.lines().map(str::to_owned).collect()
    })
}

/// A journal as the text of a file.
fn file(expected: &Expected, entries: &[Entry]) -> String {
    static PLACES: OnceLock<HashMap<&str, usize>> = OnceLock::new();
    let places = PLACES
        .get_or_init(|| common().iter().enumerate().map(|(n, line)| (line.as_str(), n)).collect());
    let mut lines = vec![serde_json::to_string(expected).unwrap()];
    // The common lines that are not written yet, and where the ones before them ended.
    let (mut open, mut end) = (0..0, 0);
    let mut close = |open: &mut Range<usize>, lines: &mut Vec<String>| {
        if open.start < open.end {
            lines.push(format!("[{},{}]", open.start as i64 - end, open.len()));
            end = open.end as i64;
        }
        *open = 0..0;
    };
    for entry in entries {
        let line = serde_json::to_string(entry).unwrap();
        match places.get(line.as_str()) {
            Some(place) if open.start < open.end && open.end == *place => open.end += 1,
            Some(place) => {
                close(&mut open, &mut lines);
                open = *place..place + 1;
            }
            None => {
                close(&mut open, &mut lines);
                lines.push(line);
            }
        }
    }
    close(&mut open, &mut lines);
    lines.join("\n") + "\n"
}

/// What a file says: what is expected, and the journal.
fn read(text: &str) -> (Expected, Vec<Entry>) {
    let mut lines = text.lines();
    let expected = serde_json::from_str(lines.next().unwrap()).unwrap();
    let (mut entries, mut end) = (Vec::new(), 0_i64);
    for line in lines {
        match serde_json::from_str::<(i64, usize)>(line) {
            Ok((skipped, count)) => {
                let from = usize::try_from(end + skipped).unwrap();
                let lines = common()[from..from + count].iter();
                entries.extend(lines.map(|line| serde_json::from_str::<Entry>(line).unwrap()));
                end = (from + count) as i64;
            }
            Err(_) => entries.push(serde_json::from_str(line).unwrap()),
        }
    }
    (expected, entries)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("journals/lines.jsonl") => {}
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn frozen_journals_are_read_and_judged_as_before() {
    if is_update() {
        return;
    }
    let (mut wrong, files) = (Vec::new(), files(&folder()));
    assert!(files.len() > 200, "{} journals", files.len());
    for path in files {
        let (expected, entries) = read(&fs::read_to_string(&path).unwrap());
        let now = Expected::of(&crate::verify::judge(&entries));
        if !expected.is_met_by(&now) {
            wrong.push(format!("{}\n  was {expected:?}\n  now {now:?}", path.display()));
        }
    }
    let help = "when that is meant: UPDATE_JOURNALS=1 cargo test -p lab --lib verify::faulty";
    assert!(wrong.is_empty(), "{}\n{help}", wrong.join("\n"));
}

#[test]
fn a_journal_comes_back_from_its_file_as_it_was() {
    use crate::verify::testing::{Scenario, run};
    let entries = run([Scenario::new("zone").entries(), Scenario::new("kill").entries()]);
    let expected = Expected::of(&crate::verify::judge(&entries));
    let text = file(&expected, &entries);
    assert_eq!(read(&text), (expected, entries));
}
