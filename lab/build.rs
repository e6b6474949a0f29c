//! The images' folders and the built-in stages are compiled into the program. Cargo sees when an
//! embedded file changes, but not when one is added: that takes watching the folders.

use std::path::Path;

fn main() {
    // Naming anything ends Cargo's habit of watching the whole package.
    watch(Path::new("build.rs"));
    watch(Path::new("../stages"));
    let images = Path::new("../images");
    // The folder itself too, for a folder that is added. Only its own entries: `images/app` is a
    // crate, of which only the Dockerfile is embedded.
    for entry in std::fs::read_dir(images).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.ends_with("app") {
            watch(&path.join("Dockerfile"));
        } else {
            watch(&path);
        }
    }
}

/// Cargo looks at a folder with everything in it.
fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
