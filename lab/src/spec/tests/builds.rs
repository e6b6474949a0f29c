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
