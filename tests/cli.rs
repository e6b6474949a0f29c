//! The command line as people type it: each block of `tests/cli/*.md` is a command that needs no engine,
//! and what it says. `TRYCMD=overwrite cargo test -p lab --test cli` writes what is said now; read the
//! difference before you keep it.

#![allow(missing_docs)]

#[test]
fn the_command_line_says_what_is_written_down() {
    let cases = trycmd::TestCases::new();
    cases.register_bin("lab", std::path::Path::new(env!("CARGO_BIN_EXE_lab")));
    cases.case(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cli/*.md"));
}
