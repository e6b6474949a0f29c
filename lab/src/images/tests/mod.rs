//! What images are made of, and how their builds fail.

mod pull;
mod real;

use std::collections::BTreeMap;

use crate::images::ImageName;
use crate::images::context::{Context, ContextFile, Programs, contexts_of};

fn all() -> BTreeMap<ImageName, Context> {
    contexts_of(&Programs::of(b"lab", b"shop", b"netproxy"), Some(b"ca".to_vec()))
}

fn references(contexts: &BTreeMap<ImageName, Context>) -> BTreeMap<ImageName, String> {
    contexts.iter().map(|(n, c)| (*n, c.reference())).collect()
}

#[test]
fn every_image_has_a_dockerfile_and_a_parent_that_is_built_before_it() {
    let contexts = all();
    for name in ImageName::ALL {
        assert!(contexts[&name].files().contains_key("Dockerfile"), "{name:?}");
        assert_eq!(contexts[&name].parent().is_some(), name != ImageName::Base, "{name:?}");
        assert!(name.parent().is_none_or(|p| p < name), "{name:?}");
    }
}

#[test]
fn equal_content_gives_equal_references_and_archives() {
    assert_eq!(references(&all()), references(&all()));
    assert_eq!(
        all()[&ImageName::Box].archive().unwrap(),
        all()[&ImageName::Box].archive().unwrap()
    );
}

#[test]
fn a_changed_program_renames_only_the_images_that_hold_it() {
    let (old, new) = (
        references(&all()),
        references(&contexts_of(
            &Programs::of(b"lab", b"shop 2", b"netproxy"),
            Some(b"ca".to_vec()),
        )),
    );
    let changed: Vec<_> = ImageName::ALL.into_iter().filter(|n| old[n] != new[n]).collect();
    assert_eq!(changed, [ImageName::App, ImageName::Box]);
}

#[test]
fn every_program_is_where_its_dockerfile_expects_it() {
    for (name, program) in [
        (ImageName::Nginx, "lab"),
        (ImageName::Control, "lab"),
        (ImageName::App, "shop"),
        (ImageName::NetProxy, "netproxy"),
    ] {
        let context = &all()[&name];
        assert_eq!(context.files()[program].bytes, program.as_bytes(), "{name:?}");
        let dockerfile = String::from_utf8_lossy(&context.files()["Dockerfile"].bytes);
        assert!(
            dockerfile.contains(&format!("COPY {program} /usr/local/bin/{program}")),
            "{name:?}"
        );
    }
}

#[test]
fn a_changed_base_renames_everything() {
    let (old, new) = (
        references(&all()),
        references(&contexts_of(
            &Programs::of(b"lab", b"shop", b"netproxy"),
            Some(b"other".to_vec()),
        )),
    );
    assert!(ImageName::ALL.into_iter().all(|n| old[&n] != new[&n]));
}

#[test]
fn content_mode_and_path_are_part_of_the_hash() {
    let base = &all()[&ImageName::Net];
    let changed = |change: &dyn Fn(&mut BTreeMap<String, ContextFile>)| {
        let mut files = base.files().clone();
        change(&mut files);
        Context::new(base.name, files, base.parent().map(str::to_owned)).hash() != base.hash()
    };
    assert!(changed(&|f| f.get_mut("Dockerfile").unwrap().bytes.push(b'\n')));
    assert!(changed(&|f| f.get_mut("Dockerfile").unwrap().mode = 0o600));
    assert!(changed(&|f| {
        let file = f.remove("Dockerfile").unwrap();
        f.insert("Dockerfile2".into(), file);
    }));
    assert!(!changed(&|_| {}));
    let on = |parent: &str| Context::new(base.name, base.files().clone(), Some(parent.into()));
    assert_ne!(on("lab/base:other").hash(), base.hash());
    assert_eq!(on(base.parent().unwrap()).hash(), base.hash());
}
