//! The house rules that no compiler knows. Each failure names file, line and rule.
//!
//! A line scan: comments are cut off, and so are tests, which may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of source has fewer lines than this.
const LONGEST: usize = 400;

/// Longer files, each with its reason.
const LONGER: [(&str, &str); 0] = [];

/// Imports that break the table in ARCHITECTURE.md: importer, imported, and what mends it.
const KNOWN: [(&str, &str, &str); 1] =
    [("control", "run", "the canary's two constants belong where both can import them")];

/// What only some modules may use: the words, who may, and the single files that may as well.
const RESERVED: [(&[&str], &[&str], &[&str]); 5] = [
    (&["bollard"], &["engine", "images"], &[]),
    (&["serde_yaml"], &["spec"], &[]),
    (
        &[
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "stdout()",
            "stderr()",
            "io::stdout",
            "io::stderr",
        ],
        &["report"],
        &[],
    ),
    // The clock, chance and the world outside are not for those who decide.
    (
        &[
            "tokio",
            "Instant",
            "SystemTime",
            "rand",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "std::process",
            "std::env",
            "std::thread",
        ],
        &[
            "balancer", "chaos", "cli", "control", "deploy", "dns", "engine", "images", "load",
            "report", "run",
        ],
        &[],
    ),
    (
        &["std::fs", "fs::File"],
        &[
            "balancer", "chaos", "cli", "control", "dns", "engine", "images", "load", "report",
            "run",
        ],
        &["lab/src/spec/load.rs", "lab/src/journal/file.rs"],
    ),
];

#[test]
fn modules_import_only_what_the_table_in_the_architecture_allows() {
    let allowed = table(&read("ARCHITECTURE.md"));
    assert!(
        !allowed.is_empty(),
        "ARCHITECTURE.md has no table with the columns `module`, `imports`"
    );
    let mut wrong = Vec::new();
    let mut mended: BTreeSet<(&str, &str)> = KNOWN.iter().map(|(a, b, _)| (*a, *b)).collect();
    for (path, module) in modules() {
        let Some(allowed) = allowed.get(&module) else {
            wrong.push(format!("{path}: module `{module}` is not in the table in ARCHITECTURE.md"));
            continue;
        };
        for imported in imports(&code(&read(&path))) {
            if imported == module || allowed.contains(&imported) {
                continue;
            }
            match KNOWN.iter().find(|(a, b, _)| (*a, *b) == (&*module, &*imported)) {
                Some((a, b, _)) => drop(mended.remove(&(*a, *b))),
                None => wrong.push(format!("{path}: `{module}` must not import `{imported}`")),
            }
        }
    }
    wrong.extend(mended.iter().map(|(a, b)| format!("{a} -> {b} is mended: strike it from KNOWN")));
    none(&wrong);
}

#[test]
fn the_table_of_imports_has_no_cycle_and_names_what_exists() {
    let table = table(&read("ARCHITECTURE.md"));
    let existing: BTreeSet<String> = modules().into_iter().map(|(_, module)| module).collect();
    let mut wrong: Vec<String> = table
        .iter()
        .flat_map(|(module, imports)| imports.iter().chain([module]))
        .filter(|name| !existing.contains(*name))
        .map(|name| format!("ARCHITECTURE.md: there is no lab/src/{name}"))
        .collect();
    // What imports only what is already settled is settled; a cycle never is.
    let mut settled: BTreeSet<&String> = BTreeSet::new();
    while let Some((module, _)) = table
        .iter()
        .find(|(m, imports)| !settled.contains(m) && imports.iter().all(|i| settled.contains(i)))
    {
        settled.insert(module);
    }
    wrong.extend(table.keys().filter(|module| !settled.contains(module)).map(|module| {
        format!("ARCHITECTURE.md: `{module}` is in a cycle of imports, or above one")
    }));
    none(&wrong);
}

#[test]
fn clients_streams_clocks_and_chance_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, module) in modules() {
        let text = code(&read(&path));
        for (words, owners, files) in RESERVED {
            if owners.contains(&module.as_str()) || files.contains(&path.as_str()) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                for word in words.iter().filter(|word| has_word(line, word)) {
                    wrong.push(format!("{path}:{}: `{word}` is for {owners:?}", number + 1));
                }
            }
        }
    }
    none(&wrong);
}

#[test]
fn files_of_source_are_short() {
    let mut wrong = Vec::new();
    let mut longer: BTreeMap<&str, &str> = LONGER.into();
    for path in tracked().into_iter().filter(|path| is_source(path)) {
        let lines = read(&path).lines().count();
        if lines >= LONGEST && longer.remove(path.as_str()).is_none() {
            wrong.push(format!("{path}: {lines} lines; split it, or give a reason in LONGER"));
        }
    }
    wrong.extend(longer.keys().map(|path| format!("{path} is short now: strike it from LONGER")));
    none(&wrong);
}

#[test]
fn no_file_names_a_package_registry_or_a_place_of_one_machine() {
    // Spelled with spaces, because this file is checked as well.
    let hosts = [
        "crates io",
        "pypi org",
        "pythonhosted org",
        "npmjs org",
        "npmjs com",
        "deb debian org",
        "security debian org",
        "archive ubuntu com",
        "registry-1 docker io",
        "index docker io",
        "hub docker com",
        "ghcr io",
        "quay io",
        "gcr io",
        "ecr aws",
        "mcr microsoft com",
        "proxy golang org",
        "static rust-lang org",
    ];
    let hosts = hosts.map(|host| host.replace(' ', "."));
    let places = [" work ", " tmp bash"].map(|place| place.replace(' ', "/"));
    let mut wrong = Vec::new();
    // The lock file's format demands the registry's name.
    for path in tracked().into_iter().filter(|path| path != "Cargo.lock") {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let hosts = hosts.iter().filter(|host| has_word(line, host));
            let places = places.iter().filter(|place| line.contains(place.as_str()));
            wrong.extend(hosts.chain(places).map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    none(&wrong);
}

#[test]
fn every_stage_is_in_a_table_of_a_readme() {
    let tables = read("README.md") + &read("stages/README.md");
    let stages: Vec<String> = tracked()
        .iter()
        .filter_map(|path| path.strip_prefix("stages/")?.strip_suffix(".yaml"))
        // A folder below has something else.
        .filter(|stage| !stage.contains('/'))
        .map(str::to_owned)
        .collect();
    assert!(!stages.is_empty(), "there is no stage in stages/");
    let missing: Vec<String> = stages
        .iter()
        .filter(|stage| !tables.lines().any(|line| line.starts_with(&format!("| `{stage}` |"))))
        .map(|stage| format!("stages/{stage}.yaml: no row `| `{stage}` | …` in a README's table"))
        .collect();
    none(&missing);
}

#[test]
fn the_scan_sees_imports_and_words_and_neither_comments_nor_tests() {
    let text = "use crate::plan::node; // crate::no\n/// crate::no\nuse crate::{\n    spec,\n    \
                verify::{self as v, crate_no},\n};\nlet a = \"http://x\"; crate::run::now();\n\
                #[cfg(test)]\nmod tests {\n use crate::no;\n}\n";
    let found = imports(&code(text));
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        ["plan", "run", "spec", "verify"]
    );
    assert!(has_word("use std::time::Instant;", "Instant") && !has_word("Instantly", "Instant"));
    assert!(has_word("rand::random()", "rand") && !has_word("operand", "rand"));
    assert!(!has_word("eprintln!(x)", "println!"));
    let parsed = table(
        "| module | imports |\n|---|---|\n| `spec` | – |\n| `run` | `spec`, `plan` |\n\
                        | `cli` | all of the above |\n\nx\n",
    );
    assert_eq!(parsed["spec"], BTreeSet::new());
    assert_eq!((parsed["run"].len(), parsed["cli"].len()), (2, 2));
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file that git keeps, or would keep.
fn tracked() -> Vec<String> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(args).current_dir(root()).output();
    let listed =
        listed.unwrap_or_else(|e| panic!("git, which knows what the project's files are: {e}"));
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let paths = String::from_utf8_lossy(&listed.stdout);
    let there = |path: &&str| root().join(path).is_file();
    paths.split_terminator('\0').filter(there).map(str::to_owned).collect()
}

fn is_source(path: &str) -> bool {
    let script = path.starts_with("scripts/") || path.contains("/bin/");
    script || [".rs", ".sh", ".py", ".sql", ".css", ".js"].iter().any(|end| path.ends_with(end))
}

/// Files of the crate `lab` that are no tests, each with its module.
fn modules() -> Vec<(String, String)> {
    let tests = ["tests.rs", "testing.rs", "faulty.rs"];
    tracked()
        .into_iter()
        .filter_map(|path| {
            let (module, rest) = path.strip_prefix("lab/src/")?.split_once('/')?;
            let test = rest
                .split('/')
                .any(|part| part == "tests" || part == "faulty" || tests.contains(&part));
            (rest.ends_with(".rs") && !test).then(|| (path.clone(), module.to_owned()))
        })
        .collect()
}

/// A file without comments and without its tests, which come last; lines keep their numbers.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let uncommented = |line: &str| {
        let cut = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        cut.map_or(line, |(at, _)| &line[..at]).to_owned()
    };
    text[..end].lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

/// The modules that code names as `crate::name` or `crate::{name, …}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.extend(first_name(rest)),
            Some(group) => {
                let (mut depth, mut item) = (1, String::new());
                for c in group.chars() {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    if depth == 0 || (depth == 1 && c == ',') {
                        found.extend(first_name(item.trim()));
                        item.clear();
                    } else {
                        item.push(c);
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    found
}

fn first_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Whether a line has a word that is not part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(part);
        let ends_in_name = word.ends_with(part);
        let after = line[at + word.len()..].chars().next().is_some_and(part);
        !(before || ends_in_name && after)
    })
}

/// The table of imports: module to what it may import.
fn table(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let names = |cell: &str| {
        let quoted = cell.split('`').skip(1).step_by(2);
        quoted.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let mut table = BTreeMap::new();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| module | imports"))
        .take_while(|line| line.starts_with('|'));
    for row in rows {
        let mut cells = row.trim_matches('|').split('|');
        let (Some(module), Some(imported)) = (cells.next(), cells.next()) else { continue };
        let Some(module) = names(module).pop_first() else { continue };
        let mut allowed = names(imported);
        if imported.contains("all of the above") {
            allowed.extend(table.keys().cloned());
        }
        table.insert(module, allowed);
    }
    table
}
