//! Checks of one value: its type, its limits, its elements.

use std::collections::HashSet;

use super::{Place, Walk};
use crate::spec::error::{Pos, Problem};
use crate::spec::path::{Path, quote};
use crate::spec::scalar::{Scalar, resolve};
use crate::spec::shape::{Field, NameRule, Shape};
use crate::spec::tree::{Content, Node};

impl Walk {
    /// Checks a value against its shape.
    pub(super) fn value(&mut self, place: &Place<'_>, shape: &Shape) {
        match (&place.node.content, shape) {
            (_, Shape::Any) => {}
            (_, Shape::Either(forms)) => self.either(place, forms),
            (Content::Map(_), Shape::Object(object)) => self.object(place, object),
            (Content::Map(_), Shape::Map { values, names, empty }) => {
                self.map(place, values, *names, *empty);
            }
            (Content::List(items), Shape::List { items: shape, empty, unique }) => {
                self.list(place, items, (shape, *empty, *unique));
            }
            (Content::Plain(word), shape) => self.plain(place, word, shape),
            (Content::Quoted(text), shape) => self.quoted(place, text, shape),
            _ => self.wrong_type(place, shape),
        }
    }

    /// Checks the value of a field; a list where the field has room for one is said in its words.
    pub(super) fn field(&mut self, place: &Place<'_>, field: &Field) {
        match (&place.node.content, &field.only_one) {
            (Content::List(_) | Content::Map(_), Some(rule)) => {
                let message =
                    format!("{} is {}: {rule}", place.path.describe(), kind_of(place.node));
                self.problems.push(
                    Problem::new(place.node.at, place.path, message)
                        .found(&kind_of(place.node))
                        .allowed("one name, not several"),
                );
            }
            _ => self.value(place, &field.shape),
        }
    }

    fn either(&mut self, place: &Place<'_>, forms: &[Shape]) {
        let fits = |shape: &&Shape| match (&place.node.content, shape) {
            (Content::Map(_), Shape::Map { .. } | Shape::Object(_)) => true,
            (Content::List(_), Shape::List { .. }) => true,
            (Content::Plain(_) | Content::Quoted(_), shape) => {
                !matches!(shape, Shape::Map { .. } | Shape::Object(_) | Shape::List { .. })
            }
            _ => false,
        };
        match forms.iter().find(fits) {
            // An empty value has every form in mind, not only that of a word.
            Some(_) if is_null(place.node) => {
                self.wrong_type(place, &Shape::Either(forms.to_vec()))
            }
            Some(form) => self.value(place, form),
            None => self.wrong_type(place, &Shape::Either(forms.to_vec())),
        }
    }

    fn map(&mut self, place: &Place<'_>, values: &Shape, names: Option<NameRule>, empty: bool) {
        self.repeated_keys(place, |_| None);
        if !empty && place.node.entries().is_empty() {
            self.is_empty(place);
        }
        for entry in place.node.entries() {
            let path = place.path.key(&entry.key);
            if entry.plain && resolve(&entry.key) != Scalar::Text {
                self.key_not_text(entry.at, &path, &entry.key);
            } else if let Some(rule) = names {
                self.name(entry.at, &path, &entry.key, rule);
            }
            self.value(&Place { node: &entry.value, at: entry.at, path: &path }, values);
        }
    }

    fn key_not_text(&mut self, at: Pos, path: &Path, key: &str) {
        let message = format!("the key `{}` is {}", quote(key), kind_of_word(key));
        self.problems.push(
            Problem::new(at, path, message)
                .found(key)
                .allowed("text as key")
                .help(format!("put it in quotes to make it text: \"{}\"", quote(key))),
        );
    }

    fn list(&mut self, place: &Place<'_>, items: &[Node], rule: (&Shape, bool, bool)) {
        let (shape, empty, unique) = rule;
        if !empty && items.is_empty() {
            self.is_empty(place);
        }
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let path = place.path.index(index);
            self.value(&Place { node: item, at: item.at, path: &path }, shape);
            let Some(text) = item.scalar().filter(|_| unique) else { continue };
            if !seen.insert(text) {
                let text = quote(text);
                self.problems.push(
                    Problem::new(item.at, &path, format!("`{text}` is twice in `{}`", place.path))
                        .found(&text)
                        .allowed("each name once")
                        .help(format!("for two nodes in one zone, write {{{text}: 2}}")),
                );
            }
        }
    }

    fn is_empty(&mut self, place: &Place<'_>) {
        let message = format!("{} is empty", place.path.describe());
        self.problems.push(
            Problem::new(place.at, place.path, message)
                .found(&kind_of(place.node))
                .allowed("at least one entry"),
        );
    }

    fn plain(&mut self, place: &Place<'_>, word: &str, shape: &Shape) {
        match (shape, resolve(word)) {
            (Shape::Text { .. } | Shape::Choice(_), Scalar::Text) => {
                self.quoted(place, word, shape);
            }
            (Shape::Flag, Scalar::Flag(_)) => {}
            (Shape::Whole { min, max }, Scalar::Whole(n)) if (*min..=*max).contains(&n) => {}
            (Shape::Number { .. }, Scalar::Whole(n)) => {
                self.number(place, n as f64, word, shape);
            }
            (Shape::Number { .. }, Scalar::Number(n)) => self.number(place, n, word, shape),
            (Shape::Whole { .. }, Scalar::Whole(_)) => self.out_of_range(place, word, shape),
            _ => self.wrong_type(place, shape),
        }
    }

    fn number(&mut self, place: &Place<'_>, n: f64, word: &str, shape: &Shape) {
        let Shape::Number { min, above, max } = shape else { return };
        let fits = n.is_finite()
            && min.is_none_or(|min| n >= min)
            && above.is_none_or(|above| n > above)
            && max.is_none_or(|max| n <= max);
        if !fits {
            self.out_of_range(place, word, shape);
        }
    }

    fn out_of_range(&mut self, place: &Place<'_>, word: &str, shape: &Shape) {
        let word = quote(word);
        let message = format!("{} is {word}, which is out of range", place.path.describe());
        self.problems.push(
            Problem::new(place.node.at, place.path, message).found(&word).allowed(shape.describe()),
        );
    }

    fn quoted(&mut self, place: &Place<'_>, text: &str, shape: &Shape) {
        match shape {
            Shape::Choice(words) if words.iter().any(|w| w == text) => {}
            Shape::Choice(words) => {
                let message = format!("`{}` is not a value of `{}`", quote(text), place.path);
                self.problems.push(
                    Problem::new(place.node.at, place.path, message)
                        .found(text)
                        .one_of(text, words.iter().map(String::as_str)),
                );
            }
            Shape::Text { name: Some(rule), .. } => {
                self.name(place.node.at, place.path, text, *rule);
            }
            Shape::Text { empty: false, .. } if text.trim().is_empty() => self.is_empty(place),
            Shape::Text { .. } => {}
            _ => self.wrong_type(place, shape),
        }
    }

    /// Checks the spelling of a name that stands at `at`.
    fn name(&mut self, at: Pos, path: &Path, name: &str, rule: NameRule) {
        if rule.allows(name) {
            return;
        }
        let message = format!("`{}` is not a name", quote(name));
        let mut problem = Problem::new(at, path, message).found(name).allowed(rule.describe());
        problem.suggestion = rule.nearest(name);
        self.problems.push(problem);
    }

    fn wrong_type(&mut self, place: &Place<'_>, shape: &Shape) {
        let found = kind_of(place.node);
        let message = format!("{} is {found}", place.path.describe());
        let mut problem = Problem::new(place.node.at, place.path, message)
            .found(&found)
            .allowed(shape.describe());
        problem.help = help_with_type(place.node, shape);
        self.problems.push(problem);
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.content, Content::Plain(word) if resolve(word) == Scalar::Null)
}

/// What a value is, in words.
fn kind_of(node: &Node) -> String {
    match &node.content {
        Content::Map(_) => "a map".to_owned(),
        Content::List(_) => "a list".to_owned(),
        Content::Quoted(text) => format!("the text \"{}\"", quote(text)),
        Content::Plain(word) => kind_of_word(word),
    }
}

/// What a bare word is, in words.
fn kind_of_word(word: &str) -> String {
    match resolve(word) {
        Scalar::Null if word.is_empty() => "empty".to_owned(),
        Scalar::Null => format!("empty (`{word}`)"),
        Scalar::Flag(_) => format!("the truth value {}", quote(word)),
        Scalar::Whole(_) | Scalar::Number(_) => format!("the number {}", quote(word)),
        Scalar::Text => format!("the text `{}`", quote(word)),
    }
}

/// What to do about the commonest confusions of types.
fn help_with_type(node: &Node, shape: &Shape) -> Option<String> {
    match (&node.content, shape) {
        (Content::Plain(word), _) if resolve(word) == Scalar::Null => {
            Some("give it a value, or remove the line".to_owned())
        }
        (Content::Plain(word), Shape::Whole { .. }) if word == "primary" => Some(
            "a postgres tier has one primary: name its zone in `primary`, and give each zone a \
             number of nodes"
                .to_owned(),
        ),
        (Content::Plain(word), Shape::Text { .. }) => {
            Some(format!("put it in quotes to make it text: \"{}\"", quote(word)))
        }
        (Content::Quoted(text), Shape::Whole { .. } | Shape::Number { .. } | Shape::Flag)
            if resolve(text) != Scalar::Text =>
        {
            Some("remove the quotes".to_owned())
        }
        (Content::Plain(_) | Content::Quoted(_), Shape::List { .. }) => {
            let word = node.scalar().unwrap_or_default();
            Some(format!("a list of one is [{}]", quote(word)))
        }
        _ => None,
    }
}
