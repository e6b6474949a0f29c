//! Texts that are not YAML, or YAML that stage files do not use.

use insta::assert_snapshot;

use super::{errors, errors_of};

#[test]
fn empty_file() {
    assert_snapshot!(errors_of(""), @r"
    s.yaml:1:1: the file is empty
      allowed: a stage: `stage`, `title`, `users`, …
      help: `lab show stage-1` shows a complete one
    ");
}

#[test]
fn only_a_comment() {
    assert_snapshot!(errors_of("# nothing\n"), @r"
    s.yaml:1:1: the file is empty
      allowed: a stage: `stage`, `title`, `users`, …
      help: `lab show stage-1` shows a complete one
    ");
}

#[test]
fn a_word() {
    assert_snapshot!(errors_of("hello\n"), @r"
    s.yaml:1:1: the stage is the text `hello`
      allowed: a map of fields
    ");
}

#[test]
fn a_list() {
    assert_snapshot!(errors_of("- a\n- b\n"), @r"
    s.yaml:1:1: the stage is a list
      allowed: a map of fields
    ");
}

#[test]
fn tab_in_the_indentation() {
    assert_snapshot!(errors(&[("  - name: eu\n    zones", "  - name: eu\n\tzones")]), @r"
    s.yaml:7:1: a tab in the indentation
      allowed: spaces
    ");
}

#[test]
fn tab_before_the_first_field() {
    assert_snapshot!(errors(&[("  lb:\n    kind", "  lb:\n\tkind")]), @r"
    s.yaml:10:1: a tab in the indentation
      allowed: spaces
    ");
}

#[test]
fn missing_quote() {
    assert_snapshot!(errors(&[("title: A small stage", "title: \"A small stage")]), @r"
    s.yaml:2:8: not valid YAML: invalid indentation in quoted scalar
      help: often the cause is in the line above: indentation, a missing quote or a missing `:`
    ");
}

#[test]
fn colon_in_text() {
    assert_snapshot!(errors(&[("intent: For tests.", "intent: for: tests")]), @r"
    s.yaml:4:12: not valid YAML: mapping values are not allowed in this context
      help: often the cause is in the line above: indentation, a missing quote or a missing `:`
    ");
}

#[test]
fn unclosed_list() {
    assert_snapshot!(errors(&[("zones: [a]\n", "zones: [a\n")]), @r"
    s.yaml:13:12: not valid YAML: illegal placement of ':' indicator
      help: often the cause is in the line above: indentation, a missing quote or a missing `:`
    ");
}

#[test]
fn second_document() {
    assert_snapshot!(errors(&[("traffic:\n", "---\ntraffic:\n")]), @r"
    s.yaml:30:1: a second YAML document in the file
      allowed: one stage in one file
    ");
}

#[test]
fn tag() {
    assert_snapshot!(errors(&[("stage: small", "stage: !!str small")]), @r"
    s.yaml:1:8: the YAML tag `!!str`
      allowed: values without tags
    ");
}

#[test]
fn key_that_is_a_list() {
    assert_snapshot!(errors(&[("stage: small", "[a, b]: small")]), @r"
    s.yaml:1:1: a key that is a list or a map
      allowed: text as key
    ");
}

#[test]
fn alias_of_nothing() {
    assert_snapshot!(errors(&[("stage: small", "stage: *small")]), @r"
    s.yaml:1:8: not valid YAML: while parsing node, found unknown anchor
      help: often the cause is in the line above: indentation, a missing quote or a missing `:`
    ");
}

#[test]
fn alias_of_itself() {
    assert_snapshot!(errors(&[("zones: [a]\n", "zones: &z [*z]\n")]), @r"
    s.yaml:12:16: an alias that contains itself
      allowed: an alias of something that ends before it
    ");
}
