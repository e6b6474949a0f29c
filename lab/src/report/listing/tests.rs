use super::*;

const COLUMNS: [Column<'_>; 3] =
    [Column::Value("NODE"), Column::Prose("HEALTH"), Column::Value("ADDRESS")];

fn row(node: &str, health: &str, address: &str) -> Vec<String> {
    [node, health, address].map(str::to_owned).to_vec()
}

#[test]
fn prose_is_wrapped_between_words_and_values_stay_whole() {
    let health = "not ready: port 5432 does not answer, and has not for a while";
    let rows = || [row("users-db-a1", health, "172.30.101.12:5432"), row("b", "ready", "c")];
    insta::assert_snapshot!(plain(&COLUMNS, rows(), 50), @r"
    NODE         HEALTH             ADDRESS
    users-db-a1  not ready: port    172.30.101.12:5432
                 5432 does not
                 answer, and has
                 not for a while
    b            ready              c
    ");
    // Too narrow for what must stay whole: wider, and whole.
    let narrow = plain(&COLUMNS, rows(), 10);
    assert!(narrow.contains("users-db-a1") && narrow.contains("172.30.101.12:5432"), "{narrow}");
    assert!(!plain(&COLUMNS, rows(), 300).contains("answer,\n"), "wide enough for one line");
}

#[test]
fn what_fits_is_as_narrow_as_it_can_be() {
    let text = plain(&COLUMNS, [row("a", "ready", "b")], 80);
    assert_eq!(text, "NODE  HEALTH  ADDRESS\na     ready   b");
}

#[test]
fn a_paragraph_keeps_its_words_its_lines_and_its_indents() {
    let text = "one two three\n  four five six\n\nhttp://127.0.0.1:8080/a/long/address";
    let expected = "one two\nthree\n  four\n  five\n  six\n\nhttp://127.0.0.1:8080/a/long/address";
    assert_eq!(wrapped(text, 8, 0), expected);
    assert_eq!(wrapped("error: one two", 10, 2), "error: one\n  two");
    let command = "one `lab chaos list` two three `lab";
    assert_eq!(wrapped(command, 12, 0), "one\n`lab chaos list`\ntwo three\n`lab");
}
