//! What is wrong in a workload, where, and what is allowed.

use proptest::prelude::*;

use super::{EXAMPLE, good, with_operations};
use crate::spec::workload::parse;

/// All problems of a text, as a user sees them.
fn problems(text: &str) -> String {
    parse(text, "w.yaml").unwrap_err().to_string()
}

/// The problems of a workload with one operation, on line 3.
fn of_operation(operation: &str) -> String {
    problems(&with_operations(&format!("    {operation}")))
}

#[track_caller]
fn begins(text: &str, wanted: &str) {
    assert!(text.starts_with(wanted), "{text}\n  does not begin with\n{wanted}");
}

#[test]
fn the_example_is_good() {
    let workload = good(EXAMPLE);
    assert_eq!(workload.operations.len(), 4);
    assert_eq!(workload.weights(), 65);
    assert_eq!(workload.refused, [401]);
}

#[test]
fn unknown_fields_are_named_with_what_was_meant() {
    let found = of_operation("a: {get: /, wieght: 3}");
    begins(&found, "w.yaml:3:17: unknown field `wieght` in operation `a`");
    assert!(found.contains("did you mean `weight`?"), "{found}");

    let found = of_operation("a: {post: /, key: {header: K}, promise: {reed: 'GET /{key}'}}");
    begins(&found, "w.yaml:3:46: unknown field `reed` in `workload.operations.a.promise`");
    assert!(found.contains("did you mean `read`?"), "{found}");

    begins(&problems("wrkload: {}"), "w.yaml:1:1: unknown field `wrkload` in the file");
    begins(&problems("{}"), "w.yaml:1:1: the file has no `workload`");
    begins(&problems("workload: {users: 0, operations: {}}"), "w.yaml:1:19: `workload.users` is 0");
    begins(&problems(""), "w.yaml:1:1: the file is empty");
}

#[test]
fn weights_that_are_all_zero_are_refused() {
    let found = of_operation("a: {weight: 0, get: /}");
    begins(&found, "w.yaml:2:3: the weights of all operations are 0");
}

#[test]
fn a_variable_that_nothing_sets_is_named_where_it_stands() {
    let found = of_operation(r#"a: {get: "/items/{int 1 5}/{usr}"}"#);
    begins(&found, "w.yaml:3:33: nothing sets the variable `usr`");
    assert!(found.contains("did you mean `user`?"), "{found}");
    // What was sent is known afterwards, and not before.
    let found = of_operation(r#"a: {post: /, json: {item: "{item}"}}"#);
    begins(&found, "w.yaml:3:33: nothing sets the variable `item`");
    // `begin` may name what a step before took, and not what comes later.
    let begin = "workload:\n  begin: [{get: '/{token}'}, {get: /, take: {token: json.t}}]\n  operations: {a: {get: /}}";
    begins(&problems(begin), "w.yaml:2:20: nothing sets the variable `token`");
}

#[test]
fn generators_are_used_as_they_can_be() {
    let found = of_operation(r#"a: {get: "/{intt 1 5}"}"#);
    begins(&found, "w.yaml:3:17: unknown generator `intt`");
    assert!(found.contains("did you mean `int`?"), "{found}");
    begins(&of_operation(r#"a: {get: "/{int 1}"}"#), "w.yaml:3:17: `int` is not used like this");
    begins(
        &of_operation(r#"a: {get: "/{int 5 1}"}"#),
        "w.yaml:3:21: the range of `int` ends before it begins",
    );
    begins(&of_operation(r#"a: {get: "/{int 1 5"}"#), "w.yaml:3:16: a `{` without its `}`");
    begins(&of_operation(r#"a: {get: "/x}"}"#), "w.yaml:3:17: a `}` without its `{`");
    begins(&of_operation("a: {get: /, with: {int: x}}"), "w.yaml:3:24: `int` is a generator");
}

#[test]
fn a_promise_needs_what_it_is_kept_by() {
    let found = of_operation("a: {post: /, promise: {read: 'GET /{key}'}}");
    begins(&found, "w.yaml:3:28: this promise is kept by a key, and the write carries none");
    assert!(found.contains("allowed: `key: {header: Idempotency-Key}`"), "{found}");
    let found = of_operation("a: {post: /, key: {header: K}, promise: {read: 'GET /orders'}}");
    begins(&found, "w.yaml:3:52: nothing in this request tells which write is read back");
    let found = of_operation("a: {post: /, promise: {listed: 'GET /', items: 'json[].x'}}");
    begins(&found, "w.yaml:3:28: this promise is kept by a key");
    let found = of_operation("a: {get: /, key: {header: K}, promise: {read: 'GET /{key}'}}");
    begins(&found, "w.yaml:3:35: an operation that writes nothing promises something");
    let found = of_operation("a: {post: '/{key}', promise: {read: 'POST /{key}'}}");
    begins(&found, "w.yaml:3:41: POST changes something, and this only reads");
    let found = of_operation("a: {post: '/{key}', promise: {read: 'GTE /{key}'}}");
    begins(&found, "w.yaml:3:42: `GTE /{key}` does not begin with a method");
    let found = of_operation("a: {post: '/{key}', promise: {within_ms: 5}}");
    begins(
        &found,
        "w.yaml:3:25: `workload.operations.a.promise` has no `read` or `exec` or `pages` or `listed`",
    );
    // The server's own id will do.
    good(&with_operations("    a: {post: /, take: {id: json.id}, promise: {read: 'GET /{id}'}}"));
}

#[test]
fn a_register_sends_its_version() {
    let found = of_operation("a: {register: {write: PUT /me, read: GET /me, version: json.v}}");
    begins(&found, "w.yaml:3:20: the version is not sent");
    let found =
        of_operation("a: {register: {write: 'GET /{version}', read: GET /me, version: json.v}}");
    begins(&found, "w.yaml:3:27: GET changes nothing, and this writes");
}

#[test]
fn an_operation_does_one_thing() {
    begins(
        &of_operation("a: {get: /, post: /}"),
        "w.yaml:3:5: `workload.operations.a` has `get` and `post`",
    );
    begins(&of_operation("a: {weight: 1}"), "w.yaml:3:5: `workload.operations.a` sends nothing");
    begins(&of_operation("a: {get: x}"), "w.yaml:3:14: the path `x` does not begin with `/`");
    begins(&of_operation("a: {get: /, json: {}}"), "w.yaml:3:17: a GET with a body");
    begins(&of_operation("a: {lists: b}"), "w.yaml:3:16: there is no operation `b`");
    begins(
        &of_operation("a: {post: /, no_effect: [409, 200]}"),
        "w.yaml:3:35: 200 is a good answer, and in `no_effect`",
    );
}

#[test]
fn an_invariant_that_cannot_be_read_is_refused_where_it_goes_wrong() {
    let of = |holds: &str| {
        let text = format!(
            "workload:\n  operations: {{a: {{get: /}}}}\n  invariants:\n    - {{name: i, get: /i, holds: \"{holds}\"}}"
        );
        problems(&text)
    };
    // The text begins in column 34.
    begins(&of("sum(json.a[]) + 1"), "w.yaml:4:34: it compares nothing");
    begins(&of("sum(json.a[]) = 1"), "w.yaml:4:48: a single `=`");
    begins(&of("total(json.a[]) == 1"), "w.yaml:4:34: unknown function `total`");
    begins(&of("sum(json.a[] == 1"), "w.yaml:4:47: a `(` without its `)`");
    begins(&of("sum(json.a[) == 1"), "w.yaml:4:4");
    begins(&of("json.a == "), "w.yaml:4:43: the condition ends too early");
    begins(&of("jsn.a == 1"), "w.yaml:4:34: `jsn.a` is no value");
    begins(&of("json.a == 1 2"), "w.yaml:4:46: `2` after the end");
    let twice = "workload:\n  operations: {a: {get: /}}\n  invariants:\n    - {name: i, get: /, holds: json.a}\n    - {name: i, get: /, holds: json.b}";
    begins(&problems(twice), "w.yaml:5:14: two invariants have the name `i`, 1 and 2");
}

#[test]
fn all_problems_are_said_at_once() {
    let found =
        problems(&with_operations("    a: {get: '/{x}'}\n    b: {post: '/{y}', take: {t: jsn.z}}"));
    assert_eq!(found.matches("w.yaml:").count(), 3, "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a text says, it is a workload or has problems within it.
    #[test]
    fn no_text_breaks_the_parser(at in 0usize..1100, with in "[{}\\[\\]\"':, a-z0-9=+(.-]{0,4}") {
        let mut text: String = EXAMPLE.to_owned();
        text.replace_range(at.min(text.len())..(at + 1).min(text.len()), &with);
        if let Err(errors) = parse(&text, "w.yaml") {
            let lines = text.lines().count();
            prop_assert!(errors.problems().iter().all(|p| p.line <= lines + 1 && p.column > 0));
        }
    }
}

/// Whoever reads it back at the end is somebody else.
#[test]
fn a_write_is_read_back_by_the_name_of_who_wrote_it() {
    let put = r#"    put: {put: "/u{user}/{key}", key: {header: K}, promise: {read: "GET /u{user}/{key}"}}"#;
    let workload = super::good(&super::with_operations(put));
    assert_eq!(workload.operations["put"].read_back_by(), ["user"]);
}

#[test]
fn a_command_reads_a_line_and_nothing_else() {
    let exec = "exec: {tier: client, command: [c]}";
    good(&with_operations(&format!("    a: {{{exec}}}")));
    let promise = "promise: {exec: {tier: client, command: [c]}, is: {json.there: true}}";
    good(&with_operations(&format!("    a: {{{exec}, {promise}}}")));
    let found = of_operation(&format!("a: {{{exec}, body: x}}"));
    begins(&found, "w.yaml:3:45: `body` says nothing to a command");
    let found = of_operation(&format!("a: {{{exec}, key: {{header: K}}}}"));
    begins(&found, "w.yaml:3:45: `key` is a header, and a command has none");
    let found = of_operation(&format!("a: {{{exec}, post: /}}"));
    begins(&found, "w.yaml:3:5: `workload.operations.a` has `post` and `exec`");
    // Whose line says what it is about must say which write.
    let found = of_operation(&format!("a: {{{exec}, json: {{b: c}}, {promise}}}"));
    assert!(found.contains("the write carries none"), "{found}");
    let line = "promise: {exec: {tier: client, command: [c]}, json: {all: yes}}";
    let found = of_operation(&format!("a: {{{exec}, {line}}}"));
    assert!(found.contains("nothing in this line tells which write is read back"), "{found}");
    let found = of_operation("a: {post: '/{key}', promise: {read: 'GET /{key}', json: {a: b}}}");
    assert!(found.contains("`json` says nothing without `exec`"), "{found}");
}

#[test]
fn an_invariant_asks_one_thing() {
    let of = |rest: &str| {
        let text = format!(
            "workload:\n  operations: {{a: {{get: /}}}}\n  invariants:\n    - {{name: i, holds: json.a, {rest}}}"
        );
        problems(&text)
    };
    let command = "exec: {tier: t, command: [c]}";
    begins(&of("anonymous: true"), "w.yaml:4:7: invariant 1 has no `get` or `exec`");
    assert!(of(&format!("{command}, get: /")).contains("has both `get` and `exec`"));
    assert!(
        of(&format!("{command}, headers: {{A: b}}"))
            .contains("`headers` says nothing to a command")
    );
    assert!(of("get: /, json: {}").contains("`json` says nothing to a GET"));
    assert!(
        of(&format!("{command}, json: {{a: \"{{b}}\"}}")).contains("nothing sets the variable `b`")
    );
}
