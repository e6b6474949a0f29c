//! The stages that come with the tool.

use include_dir::{Dir, include_dir};

use super::tree;

static STAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../stages");

/// A stage that comes with the tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name, such as `stage-1k`.
    pub name: &'static str,
    /// Its YAML text.
    pub text: &'static str,
}

/// The built-in stages in the order of growth: by the number of their users.
pub fn builtin() -> Vec<BuiltIn> {
    let mut stages: Vec<BuiltIn> = STAGES
        .files()
        .filter(|file| file.path().extension().is_some_and(|e| e == "yaml"))
        .filter_map(|file| {
            let name = file.path().file_stem()?.to_str()?;
            Some(BuiltIn { name, text: file.contents_utf8()? })
        })
        .collect();
    stages.sort_by_key(|stage| (users(stage.text), stage.name));
    stages
}

/// The text of another file that comes with the tool, by its path below `stages/`.
pub fn embedded(path: &str) -> Option<&'static str> {
    STAGES.get_file(path)?.contents_utf8()
}

fn users(text: &str) -> Option<u64> {
    let root = tree::read(text).ok()?;
    root.entry("users")?.value.scalar()?.parse().ok()
}
