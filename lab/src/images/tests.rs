use super::ImageName;
use super::context::{Context, Programs, contexts_of};

fn all() -> std::collections::BTreeMap<ImageName, Context> {
    contexts_of(&Programs::of(b"lab", b"shop"), Some(b"ca".to_vec()))
}

fn references(
    contexts: &std::collections::BTreeMap<ImageName, Context>,
) -> std::collections::BTreeMap<ImageName, String> {
    contexts.iter().map(|(n, c)| (*n, c.reference())).collect()
}

#[test]
fn every_image_has_a_dockerfile_and_a_parent_that_is_built_before_it() {
    let contexts = all();
    for name in ImageName::ALL {
        assert!(contexts[&name].files.contains_key("Dockerfile"), "{name:?}");
        assert_eq!(contexts[&name].parent.is_some(), name != ImageName::Base, "{name:?}");
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
        references(&contexts_of(&Programs::of(b"lab", b"shop 2"), Some(b"ca".to_vec()))),
    );
    let changed: Vec<_> = ImageName::ALL.into_iter().filter(|n| old[n] != new[n]).collect();
    assert_eq!(changed, [ImageName::App, ImageName::Box]);
}

#[test]
fn a_changed_base_renames_everything() {
    let (old, new) = (
        references(&all()),
        references(&contexts_of(&Programs::of(b"lab", b"shop"), Some(b"other".to_vec()))),
    );
    assert!(ImageName::ALL.into_iter().all(|n| old[&n] != new[&n]));
}

#[test]
fn content_mode_and_path_are_part_of_the_hash() {
    let base = &all()[&ImageName::Net];
    let changed = |change: &dyn Fn(&mut Context)| {
        let mut context = base.clone();
        change(&mut context);
        context.hash() != base.hash()
    };
    assert!(changed(&|c| c.files.get_mut("Dockerfile").unwrap().bytes.push(b'\n')));
    assert!(changed(&|c| c.files.get_mut("Dockerfile").unwrap().mode = 0o600));
    assert!(changed(&|c| {
        let file = c.files.remove("Dockerfile").unwrap();
        c.files.insert("Dockerfile2".into(), file);
    }));
    assert!(changed(&|c| c.parent = Some("lab/base:other".into())));
    assert!(!changed(&|_| {}));
}
