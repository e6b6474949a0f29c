//! What is shipped: the built-in stages and the JSON Schema.

use std::path::Path;

use serde_json::Value;

use super::{BASE, spoilt};
use crate::spec::model::Stage;
use crate::spec::{Origin, SpecError, builtin, definition_hash, load, parse, schema};

const SCHEMA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../stages/stage.schema.json");

fn as_json(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap()
}

/// Whether an editor that knows the schema would accept the text.
fn editor_accepts(yaml: &str) -> bool {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("stage.schema.json", schema()).unwrap();
    let index = compiler.compile("stage.schema.json", &mut schemas).unwrap();
    schemas.validate(&as_json(yaml), index).is_ok()
}

#[test]
fn built_in_stages_are_valid_and_in_the_order_of_growth() {
    let names: Vec<_> = builtin().iter().map(|s| s.name).collect();
    assert_eq!(
        names,
        ["stage-1", "stage-100", "stage-1k", "stage-10k", "stage-100k", "stage-500k", "stage-1m"]
    );
    let mut users = 0;
    for built_in in builtin() {
        let (stage, origin) = load(built_in.name).unwrap();
        assert_eq!(stage.stage, built_in.name);
        assert_eq!(origin, Origin::BuiltIn(built_in.name));
        assert!(stage.users > users, "{}", stage.stage);
        users = stage.users;
        let first = built_in.text.lines().next();
        assert_eq!(first, Some("# yaml-language-server: $schema=stage.schema.json"));
        assert!(stage.before.is_some() || stage.stage == "stage-1");
        assert!(stage.tiers.values().all(|tier| tier.note.is_some()), "{}", stage.stage);
    }
}

#[test]
fn what_a_stage_lacks_breaks_it_and_the_next_one_survives() {
    let expectations = |name: &str| -> Vec<String> {
        let (stage, _) = load(name).unwrap();
        let line = |(name, e): (&String, &crate::spec::model::Experiment)| {
            format!("{name}: {:?}", e.expect).to_lowercase()
        };
        stage.experiments.iter().map(line).collect()
    };
    let stage_1 = [
        "kill-app: survives",
        "kill-web-server: survives",
        "kill-database-process: survives",
        "lose-disk: breaks",
        "kill-box: breaks",
    ];
    assert_eq!(expectations("stage-1"), stage_1);
    let stage_100 = [
        "kill-app: survives",
        "kill-web-server: survives",
        "kill-primary: breaks",
        "lose-disk: survives",
        "kill-box: breaks",
    ];
    assert_eq!(expectations("stage-100"), stage_100);
    let breaks = |stage: &str| -> Vec<String> {
        expectations(stage).into_iter().filter(|e| e.ends_with("breaks")).collect()
    };
    assert_eq!(breaks("stage-1k"), ["reads-without-primary: breaks"]);
    assert_eq!(breaks("stage-10k"), ["flash-crowd: breaks", "storm-and-failover: breaks"]);
    let without_group = ["spike: breaks", "flood: breaks", "bad-deploy-errors: breaks"];
    assert_eq!(breaks("stage-100k"), without_group);
    // What breaks below survives above.
    let survives =
        |stage: &str, what: &str| expectations(stage).contains(&format!("{what}: survives"));
    assert!(survives("stage-1k", "kill-primary"));
    assert!(survives("stage-10k", "reads-without-primary"));
    assert!(survives("stage-100k", "storm-and-failover"));
    assert!(survives("stage-100k", "flash-crowd"));
    assert!(survives("stage-500k", "flood") && survives("stage-500k", "spike"));
    assert!(breaks("stage-500k").contains(&"mail-outage: breaks".to_owned()));
    assert!(survives("stage-1m", "mail-outage"));
    assert!(survives("stage-500k", "bad-deploy-errors"));
}

/// Container labels and journals carry the stage as JSON.
#[test]
fn stages_survive_json() {
    for text in builtin().iter().map(|s| s.text).chain([BASE]) {
        let stage = parse(text, "s.yaml").unwrap();
        let json = serde_json::to_string(&stage).unwrap();
        let back: Stage = serde_json::from_str(&json).unwrap();
        assert_eq!(back, stage);
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
        assert_eq!(definition_hash(&back), definition_hash(&stage));
    }
}

#[test]
fn the_schema_file_is_up_to_date() {
    let generated = schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&generated).unwrap() + "\n";
        std::fs::write(SCHEMA_FILE, text).unwrap();
    }
    let text = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();
    let checked_in: Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(
        checked_in == generated,
        "stages/stage.schema.json is not what the types say: run this test with UPDATE_SCHEMA=1"
    );
}

#[test]
fn editors_accept_what_we_accept() {
    assert!(editor_accepts(BASE));
    for stage in builtin() {
        assert!(editor_accepts(stage.text), "{}", stage.name);
    }
    assert!(editor_accepts(&spoilt(&[("fault: kill-task", "faults: [kill-task]")])));
}

#[test]
fn editors_refuse_what_we_refuse() {
    for change in [
        ("stage: small", "stag: small"),
        ("stage: small", "stage: Small"),
        ("replication:", "replicaton:"),
        ("kind: postgres", "kind: postgers"),
        ("    kind: service\n", "    kind: service\n    coordination: store\n"),
        ("{fault: kill-primary, mode: crash}", "{fault: kill-primary, mod: crash}"),
        ("fault: kill-task", "fault: {fault: kill-task, zne: a}"),
        ("fault: kill-task", "fault: kill-process"),
        ("    fault: kill-task\n", ""),
        ("    fault: kill-task\n", "    fault: kill-task\n    faults: [kill-task]\n"),
        ("primary: a", "primary: [a, b]"),
        ("coordination: store", "coordination:"),
        ("rate_per_s: 50", "rate_per_s: 20001"),
        ("availability_percent: 99", "availability_percent: 101"),
        ("{a: 1, b: 1}", "{a: 0, b: 1}"),
        ("  store:\n", "  Store:\n"),
    ] {
        let text = spoilt(&[change]);
        assert!(!editor_accepts(&text), "{change:?}");
        assert!(parse(&text, "s.yaml").is_err(), "{change:?}");
    }
}

#[test]
fn the_schema_describes_every_field() {
    fn undescribed(value: &Value, path: &str, out: &mut Vec<String>) {
        let Value::Object(map) = value else { return };
        for (name, property) in
            map.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let known = property.is_boolean() || property.get("const").is_some();
            if !known && property.get("description").is_none() {
                out.push(format!("{path}.{name}"));
            }
        }
        for (key, value) in map {
            undescribed(value, &format!("{path}/{key}"), out);
            for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                undescribed(item, &format!("{path}/{key}/{i}"), out);
            }
        }
    }
    let mut missing = Vec::new();
    undescribed(&schema(), "", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
    assert!(!schema().to_string().contains("\"x-"), "remarks for our own messages are internal");
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let error = load("stage-2m").unwrap_err();
    assert!(matches!(&error, SpecError::UnknownStage { known, .. } if known.len() == 7));
    insta::assert_snapshot!(error, @r"
    there is no built-in stage `stage-2m`
      allowed: stage-1, stage-100, stage-1k, stage-10k, stage-100k, stage-500k, stage-1m
      did you mean `stage-1m`?
      help: `lab list` shows the built-in stages; a path to a YAML file works too
    ");
    assert!(!load("nonsense").unwrap_err().to_string().contains("did you mean"));
}

#[test]
fn files_are_read_once_and_refused_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write("good.yaml", BASE.as_bytes());
    let (stage, origin) = load(&good).unwrap();
    assert_eq!((stage.stage.as_str(), origin), ("small", Origin::File(Path::new(&good).into())));

    let message = |file: &str| load(file).unwrap_err().to_string();
    let latin1 = write("latin1.yml", b"stage: small\ntitle: gr\xfc\xdfe\n");
    assert!(message(&latin1).contains("latin1.yml:2:10: the file is not UTF-8: byte 0xfc"));
    let huge = write("huge.yaml", &b"\xff".repeat(300_000));
    assert!(message(&huge).contains("more than 256 KiB"), "{}", message(&huge));
    let wrong = write("wrong.yaml", BASE.replace("users", "user").as_bytes());
    assert!(message(&wrong).contains("wrong.yaml:3:1: unknown field `user` in the stage"));
    let absent = dir.path().join("absent.yaml");
    let text = message(absent.to_str().unwrap());
    assert!(text.contains("there is no stage file `") && !text.contains("os error"), "{text}");
    let folder = message(&format!("{}/", dir.path().display()));
    assert!(folder.contains("` is a folder, not a stage file\n"), "{folder}");
}

#[test]
fn a_stage_without_experiments_is_a_stage() {
    let (before, _) = BASE.split_once("experiments:\n").unwrap();
    let without = parse(before, "s.yaml").unwrap();
    assert_eq!(without, parse(&format!("{before}experiments: {{}}\n"), "s.yaml").unwrap());
    assert!(without.experiments.is_empty());
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_refused() {
    let text = load("/dev/zero").unwrap_err().to_string();
    assert!(text.contains("more than 256 KiB"), "{text}");
}
