//! Whatever the text is, there is an answer.

use proptest::prelude::*;

use super::BASE;
use crate::spec::parse;

/// Pieces that YAML parsers stumble over.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[-a-z0-9_]{1,6}",
        4 => prop::sample::select(vec![
            ":", ": ", "- ", "-", "\n", "\n  ", "\n    ", "\t", "{", "}", "[", "]", ",", "&a ",
            "*a", "!t ", "!!str ", "|", ">", "|2-\n", "\"", "'", "\\x", "#", " #", "%", "%TAG ",
            "---", "...", "? ", "~", "<<", "\r", "\r\n", "\u{0}", "\u{feff}", "\u{85}", "ä", "🦀",
            "stage", "tiers", "zones", "kind: postgres", "fault: kill-primary", "1e999", "-0", ".inf",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn on_any_text(text in any::<String>()) {
        let _ = parse(&text, "s.yaml").map_err(|e| e.to_string());
    }

    #[test]
    fn on_what_looks_like_yaml(pieces in prop::collection::vec(piece(), 0..40)) {
        let _ = parse(&pieces.concat(), "s.yaml").map_err(|e| e.to_string());
    }

    /// A valid stage with a piece put in the place of some of its text.
    #[test]
    fn on_a_spoilt_stage(at in 0..BASE.len(), length in 0..30_usize, piece in piece()) {
        let end = (at + length).min(BASE.len());
        let text = format!("{}{piece}{}", &BASE[..at], &BASE[end..]);
        if let Err(errors) = parse(&text, "s.yaml") {
            // A lone carriage return ends a line in YAML.
            let lines = text.matches(['\n', '\r']).count() + 1;
            for problem in errors.problems() {
                prop_assert!((1..=lines).contains(&problem.line), "{problem:?}");
            }
        }
    }
}

#[test]
fn deep_nesting_has_a_limit() {
    for text in ["[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(100_000)] {
        let errors = parse(&text, "s.yaml").unwrap_err().to_string();
        assert!(errors.contains("nested more than 32 levels deep"), "{errors}");
    }
}

#[test]
fn aliases_cannot_multiply_without_end() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let before = format!("*a{}", n - 1);
        text.push_str(&format!("a{n}: &a{n} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    let errors = parse(&text, "s.yaml").unwrap_err().to_string();
    assert!(errors.contains("s.yaml:5:") && errors.contains("more than 50000 values"), "{errors}");
}

#[test]
fn a_huge_text_is_refused_unread() {
    let errors = parse(&"# x\n".repeat(70_000), "s.yaml").unwrap_err().to_string();
    assert!(errors.contains("at most 256 KiB"), "{errors}");
}
