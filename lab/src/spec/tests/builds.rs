//! Folders of which images are made.

use crate::spec::load;
use crate::spec::model::{Container, Kind};

const STAGE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/mariadb/notes.yaml"));

/// What is said about the stage when its page is built of `folder`, with this Dockerfile in `page`.
fn loaded(folder: &str, dockerfile: &str) -> Result<Container, String> {
    let around = tempfile::tempdir().unwrap();
    std::fs::create_dir(around.path().join("page")).unwrap();
    std::fs::write(around.path().join("page/Dockerfile"), dockerfile).unwrap();
    let file = around.path().join("s.yaml");
    let text = STAGE
        .replacen("build: page", &format!("build: {folder}"), 1)
        .replace("build: db", "image: db");
    std::fs::write(&file, text).unwrap();
    let loaded = load(file.to_str().unwrap()).map_err(|e| e.to_string())?;
    let Kind::Container(page) = loaded.0.tiers["page"].kind.clone() else { panic!("another kind") };
    Ok(page)
}

#[test]
fn a_folder_beside_the_stage_is_found_and_its_image_has_a_name() {
    let page = loaded("./page", "ARG BASE\nFROM $BASE\n").unwrap();
    assert!(page.build.unwrap().ends_with("/page"));
    assert!(page.image.starts_with("lab/built:mariadb-page-"), "{}", page.image);
}

#[test]
fn what_is_wrong_with_a_folder_is_said_with_a_line() {
    let missing = loaded("./pages", "FROM a\n").unwrap_err();
    assert!(missing.contains("s.yaml:11:12:") && missing.contains("No such file"), "{missing}");
    let buildkit = loaded("page", "FROM a\nRUN --mount=type=cache,target=/x b\n").unwrap_err();
    assert!(buildkit.contains("page/Dockerfile:2:1: only BuildKit"), "{buildkit}");
}

/// What is said about a stage with these tiers, of which each may read `vars.env` and build `./web`.
fn stage_of(tier: &str, variables: &str) -> Result<crate::spec::model::Stage, String> {
    let around = tempfile::tempdir().unwrap();
    std::fs::create_dir(around.path().join("web")).unwrap();
    std::fs::write(around.path().join("web/Dockerfile"), "ARG BASE\nFROM $BASE\n").unwrap();
    std::fs::write(around.path().join("vars.env"), variables).unwrap();
    std::fs::write(around.path().join("more.env"), "B=more\nC=3\n").unwrap();
    let file = around.path().join("s.yaml");
    let text = format!(
        "stage: own\ntitle: t\nintent: i\nusers: 10\ntime_scale: 60\nregions: [{{name: eu, zones: [a]}}]\n\
         tiers:\n  web: {tier}\ntraffic: {{entry: web, rate_per_s: 5}}\n\
         workload: {{operations: {{a: {{get: /}}}}}}\nobjectives: {{availability_percent: 99, p99_ms: 1000, rto_ms: 10000}}\nexperiments: {{}}\n"
    );
    std::fs::write(&file, text).unwrap();
    load(file.to_str().unwrap()).map(|(stage, _)| stage).map_err(|e| e.to_string())
}

#[test]
fn a_service_is_built_and_told_what_a_container_is() {
    let tier = "{kind: service, build: ./web, zones: [a], command: [serve], entrypoint: [/run], \
                env_file: [vars.env, more.env], env: {C: own}, files: {/etc/a: b}, volumes: [/data]}";
    let stage = stage_of(tier, "A='1 $x'\nB=2\n").unwrap();
    let Kind::Service(web) = &stage.tiers["web"].kind else { panic!("another kind") };
    assert!(web.image.starts_with("lab/built:own-web-"), "{}", web.image);
    assert!(web.build.as_ref().unwrap().ends_with("/web") && !web.is_ours());
    let env: Vec<String> = web.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(env, ["A=1 $x", "B=more", "C=own"]);
    assert_eq!((web.env_file.len(), web.command.len(), web.volumes.len()), (0, 1, 1));
}

#[test]
fn one_file_needs_no_list_and_its_mistakes_have_lines() {
    let tier = "{kind: container, image: i, zones: [a], ports: [80], env_file: vars.env}";
    let stage = stage_of(tier, "A=1\n").unwrap();
    let Kind::Container(web) = &stage.tiers["web"].kind else { panic!("another kind") };
    assert_eq!(web.env["A"], "1");
    let wrong = stage_of(tier, "A=1\nB\n").unwrap_err();
    assert!(wrong.contains("vars.env:2:1: a variable without a value"), "{wrong}");
    let missing = stage_of(&tier.replace("vars", "other"), "").unwrap_err();
    assert!(missing.contains("s.yaml:8:") && missing.contains("other.env"), "{missing}");
}

#[test]
fn the_demo_application_is_built_and_started_by_the_lab_alone() {
    for field in ["command: [a]", "entrypoint: [a]", "files: {/a: b}", "volumes: [/a]"] {
        let wrong = stage_of(&format!("{{kind: service, zones: [a], {field}}}"), "").unwrap_err();
        assert!(wrong.contains("runs the demo application, whose"), "{field}: {wrong}");
    }
    let two = stage_of("{kind: service, image: i, build: ./web, zones: [a]}", "").unwrap_err();
    assert!(two.contains("tier `web` has two images"), "{two}");
    let twice = "{kind: service, image: i, zones: [a], volumes: [/a, /a/]}";
    assert!(stage_of(twice, "").unwrap_err().contains("keeps this folder twice"));
}
