//! Templates, generators, places and conditions, by what they give.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::spec::workload::generator::GENERATORS;
use crate::spec::workload::{Answer, Condition, Dice, Escape, Held, Place, Template};

fn value(template: &str, seed: u64) -> Value {
    let values = |name: &str| (name == "user").then(|| json!(7));
    Template::new(template).meaning().unwrap().value(&values, &mut Dice::new(seed, 0)).unwrap()
}

fn answer(body: Value) -> Answer {
    let headers = [("Etag", "\"a\""), ("Set-Cookie", "sid=s-1; Path=/"), ("set-cookie", "b=2")];
    let mut all = hyper::HeaderMap::new();
    for (name, value) in headers {
        all.append(
            name.to_lowercase().parse::<hyper::header::HeaderName>().unwrap(),
            value.parse().unwrap(),
        );
    }
    Answer::new(200, all, body.to_string().into())
}

#[test]
fn a_template_that_is_one_value_keeps_its_type() {
    assert_eq!(value("{user}", 1), json!(7));
    assert_eq!(value("u{user}", 1), json!("u7"));
    assert_eq!(value("{{user}}", 1), json!("{user}"));
    assert_eq!(value("", 1), json!(""));
    assert!(value("{int 1 200}", 1).is_i64() && value("{bool}", 1).is_boolean());
}

#[test]
fn only_values_are_escaped_in_paths() {
    let values = |_: &str| Some(json!("a&b c%é"));
    let template = Template::new("/x?y={v}&z=1");
    let path = template.meaning().unwrap().render(&values, &mut Dice::new(1, 1), Escape::Percent);
    assert_eq!(path.unwrap(), "/x?y=a%26b%20c%25%C3%A9&z=1");
}

#[test]
fn generators_make_what_they_say() {
    assert_eq!(GENERATORS.len(), 10, "ten, and no more");
    let many =
        |template: &str| -> Vec<Value> { (0..400).map(|seed| value(template, seed)).collect() };
    let numbers = |template| many(template).iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    let ints: BTreeSet<i64> = numbers("{int -2 3}").into_iter().map(|n| n as i64).collect();
    assert_eq!(ints, (-2..=3).collect());
    assert!(numbers("{decimal 0.5 2 2}").iter().all(|n| (0.5..=2.0).contains(n)));
    let zipf = numbers("{zipf 1 100}");
    let first = zipf.iter().filter(|n| **n == 1.0).count();
    // ln 2 of ln 101, so 60 of 400.
    assert!((35..90).contains(&first) && zipf.iter().all(|n| (1.0..=100.0).contains(n)), "{first}");
    let words: BTreeSet<String> = many("{choice a b}").iter().map(Value::to_string).collect();
    assert_eq!(words.len(), 2);
    for uuid in many("{uuid}") {
        let text = uuid.as_str().unwrap().to_owned();
        assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
        assert!("89ab".contains(&text[19..20]), "{text}");
    }
    let lengths = |template: &str| many(template).iter().all(|v| v.as_str().unwrap().len() == 12);
    assert!(lengths("{hex 12}") && lengths("{letters 12}"));
    assert!(many("{words 3}").iter().all(|v| v.as_str().unwrap().split(' ').count() == 3));
    let days: BTreeSet<String> =
        many("{date 2024-02-28 2024-03-01}").iter().map(|v| v.as_str().unwrap().into()).collect();
    assert_eq!(days.into_iter().collect::<Vec<_>>(), ["2024-02-28", "2024-02-29", "2024-03-01"]);
}

#[test]
fn places_find_what_is_there() {
    let answer = answer(json!({ "a": { "b": [1, 2] }, "items": [{ "left": 3 }, { "left": 4 }] }));
    let found = |place: &str| Place::new(place).meaning().unwrap().values(&answer).unwrap();
    assert_eq!(found("status"), [json!(200)]);
    assert_eq!(found("json.a.b[1]"), [json!(2)]);
    assert_eq!(found("json.items[].left"), [json!(3), json!(4)]);
    assert_eq!(found("json.items[?@.left > 3].left"), [json!(4)]);
    assert_eq!(found("json['a'].b[-1]"), [json!(2)]);
    assert_eq!(found("header.ETag"), [json!("\"a\"")]);
    assert_eq!(found("cookie.b"), [json!("2")]);
    assert!(found("json.none").is_empty() && found("header.X").is_empty());
    assert!(Place::new("json.none").first(&answer).is_err());
    for wrong in
        ["jso.a", "json a", "json.", "header", "cookie.", "html", "status.x", "json.a[", ""]
    {
        assert!(Place::new(wrong).meaning().is_err(), "{wrong}");
    }
}

#[test]
fn places_in_a_page_are_elements_and_their_attributes() {
    let page = "<!doctype html><title>Notes</title><form><input name=csrf value='a&amp;b'></form>\
        <ul><li class=note>one <b>two</b>\n three<li class=note id=n2>four</ul>";
    let answer = Answer::new(200, hyper::HeaderMap::new(), page.into());
    let found = |place: &str| Place::new(place).meaning().unwrap().values(&answer).unwrap();
    assert_eq!(found("html input[name=csrf] @value"), [json!("a&b")]);
    assert_eq!(found("html li.note"), [json!("one two three"), json!("four")]);
    assert_eq!(found("html li @id"), [json!("n2")]);
    assert_eq!(found("html title"), [json!("Notes")]);
    assert!(found("html h1").is_empty() && found("html title @id").is_empty());
    assert!(Place::new("html h1").first(&answer).is_err());
    let wrong = Place::new("html  li[").meaning().unwrap_err().clone();
    assert!(wrong.offset == 6 && wrong.message.contains("`li[` is no CSS selector"), "{wrong:?}");
    // What is no page has no elements, and is no error of ours.
    let other = Answer::new(200, hyper::HeaderMap::new(), "{\"a\": 1}".into());
    assert!(Place::new("html li").first(&other).is_err());
}

#[test]
fn conditions_hold_fail_or_cannot_be_said() {
    let answer =
        answer(json!({ "items": [{ "left": 3 }, { "left": 4 }], "n": 7, "t": "x", "z": [] }));
    let held = |text: &str| Condition::new(text).held(&answer);
    for yes in [
        "sum(json.items[].left) == 7",
        "sum(json.items[].left) + 2 * 3 - 1 == json.n + 5",
        "(json.n - 1) / 2 >= 3 and count(json.items[]) == 2",
        "min(json.items[].left) < max(json.items[].left)",
        "json.t == 'x' or json.none == 1",
        "not json.n == 8",
        "json.t != 'y' and json.n <= 7 and json.n > -1",
        "count(json.z[]) == 0 and sum(json.z[]) == 0",
        "status == 200",
    ] {
        assert_eq!(held(yes), Held::Yes, "{yes}");
    }
    assert_eq!(held("sum(json.items[].left) == 8"), Held::No("7.0 == 8.0 is not so".into()));
    for unknown in [
        "json.none == 1",
        "json.items[].left == 3",
        "json.t < 3",
        "json.t + 1 == 2",
        "max(json.z[]) == 0",
        "json.n / (json.n - 7) == 1",
        "sum(json.t) == 1",
        "json.n",
    ] {
        assert!(matches!(held(unknown), Held::Unknown(_)), "{unknown}: {:?}", held(unknown));
    }
    let other = Answer::new(200, hyper::HeaderMap::new(), "<html>".into());
    assert!(matches!(Condition::new("json.a == 1").held(&other), Held::Unknown(_)));
}

proptest! {
    #[test]
    fn the_same_seed_and_number_give_the_same_values(seed: u64, number: u64) {
        let both = [(); 2].map(|()| {
            let mut dice = Dice::new(seed, number);
            (dice.bits(), dice.below(100), dice.unit().to_bits())
        });
        prop_assert_eq!(both[0], both[1]);
        prop_assert_ne!(Dice::new(seed, number).bits(), Dice::new(seed, number ^ 1).bits());
    }

    #[test]
    fn no_text_breaks_a_language(text in "[a-z{}\\[\\]().\"'=<>!+*/ $?@0-9-]{0,24}") {
        let _ = (Template::new(text.as_str()), Place::new(text.as_str()));
        let _ = Condition::new(text.as_str()).held(&answer(json!({ "a": 1 })));
    }
}
