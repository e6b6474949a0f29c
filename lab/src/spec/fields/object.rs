//! Checks of a map with known keys: unknown, missing and repeated fields, and the fields that come
//! with a `kind` or a `fault`.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{Place, Walk};
use crate::spec::error::{Problem, closest};
use crate::spec::path::quote;
use crate::spec::shape::{Field, Object, Variants};
use crate::spec::tree::Entry;

/// The fields that a map may have, once its variant is known.
struct Known<'a> {
    fields: IndexMap<&'a str, &'a Field>,
    /// Common fields that the variant requires.
    required: Vec<&'a str>,
    /// Such as " (kind postgres)".
    variant: String,
    /// The map's tag is missing or wrong, so the fields of its variant are not known.
    incomplete: bool,
}

impl Walk {
    /// Checks a map with known keys.
    pub(super) fn object(&mut self, place: &Place<'_>, object: &Object) {
        let mut known = Known {
            fields: object.fields.iter().map(|(name, field)| (name.as_str(), field)).collect(),
            required: Vec::new(),
            variant: String::new(),
            incomplete: false,
        };
        if let Some(variants) = &object.variants {
            self.variant(place, variants, &mut known);
        }
        self.repeated_keys(place, |key| known.fields.get(key).and_then(|f| f.only_one.as_deref()));
        for entry in place.node.entries() {
            let path = place.path.key(&entry.key);
            let inner = Place { node: &entry.value, at: entry.at, path: &path };
            let is_tag = object.variants.as_ref().is_some_and(|v| v.tag == entry.key);
            match known.fields.get(entry.key.as_str()) {
                _ if is_tag => {}
                Some(field) => self.field(&inner, field),
                None => self.unknown(place, entry, object, &known),
            }
        }
        self.missing(place, &known);
        self.exactly_one(place, &object.exactly_one, &known);
    }

    /// Reads the tag and adds the fields that come with it.
    fn variant<'a>(&mut self, place: &Place<'_>, variants: &'a Variants, known: &mut Known<'a>) {
        let words = || variants.fields.keys().map(String::as_str);
        let Some(entry) = place.node.entry(&variants.tag) else {
            known.incomplete = true;
            self.no_tag(place, variants);
            return;
        };
        let word = entry.value.scalar().unwrap_or_default();
        if let Some(fields) = variants.fields.get(word) {
            known.variant = match variants.tag.as_str() {
                "kind" => format!(" (kind {word})"),
                _ => format!(" ({word})"),
            };
            known.fields.extend(fields.iter().map(|(name, field)| (name.as_str(), field)));
            if let Some(common) = variants.common.get(word) {
                known.required = common.required.iter().map(String::as_str).collect();
                known.fields.retain(|name, _| !common.forbidden.iter().any(|f| f == name));
            }
            return;
        }
        known.incomplete = true;
        let message =
            format!("unknown {} `{}` in {}", variants.tag, quote(word), place.path.describe());
        self.problems.push(
            Problem::new(entry.value.at, &place.path.key(&variants.tag), message)
                .found(word)
                .one_of(word, words()),
        );
    }

    /// A map without the field that says what it is, or with that field misspelt.
    fn no_tag(&mut self, place: &Place<'_>, variants: &Variants) {
        let tag = &variants.tag;
        let words = variants.fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let entries = place.node.entries();
        let whole = place.path.describe();
        self.problems.push(match entries.iter().find(|e| is_misspelt(&e.key, tag)) {
            Some(entry) => {
                let message = format!("unknown field `{}` in {whole}", quote(&entry.key));
                Problem::new(entry.at, &place.path.key(&entry.key), message)
                    .found(&entry.key)
                    .one_of(&entry.key, [tag.as_str()])
                    .help(format!("the values of `{tag}` are: {words}"))
            }
            None => Problem::new(place.at, place.path, format!("{whole} has no `{tag}`"))
                .found("nothing")
                .allowed(words),
        });
    }

    fn unknown(&mut self, place: &Place<'_>, entry: &Entry, object: &Object, known: &Known<'_>) {
        let elsewhere = kinds_with(object, &entry.key);
        let tag = object.variants.as_ref().map_or("", |v| v.tag.as_str());
        // Without a valid tag nobody knows which fields belong, and the tag is reported already;
        // a misspelt tag is named there too.
        if known.incomplete && (!elsewhere.is_empty() || is_misspelt(&entry.key, tag)) {
            return;
        }
        let message = format!(
            "unknown field `{}` in {}{}",
            quote(&entry.key),
            place.path.describe(),
            known.variant
        );
        let words = tag_first(tag, known.fields.keys().copied());
        let mut problem = Problem::new(entry.at, &place.path.key(&entry.key), message)
            .found(&entry.key)
            .one_of(&entry.key, words);
        if entry.key == "<<" {
            problem = problem.help("merge keys are not part of YAML 1.2: write the fields out");
        } else if !elsewhere.is_empty() && problem.suggestion.is_none() {
            problem.help =
                Some(format!("`{}` is a field of {}", quote(&entry.key), elsewhere.join(", ")));
        }
        let meant = problem.suggestion.as_deref().and_then(|word| known.fields.get(word));
        if let (Some(rule), false) =
            (meant.and_then(|f| f.only_one.as_deref()), entry.value.items().is_empty())
        {
            problem = problem.help(rule);
        }
        self.problems.push(problem);
    }

    fn missing(&mut self, place: &Place<'_>, known: &Known<'_>) {
        let required = |name: &str, field: &Field| field.required || known.required.contains(&name);
        for (name, field) in known.fields.iter().filter(|(name, field)| required(name, field)) {
            if place.node.entry(name).is_some() || known.is_misspelt_in(place, name) {
                continue;
            }
            let message =
                format!("{}{} has no field `{name}`", place.path.describe(), known.variant);
            self.problems.push(
                Problem::new(place.at, &place.path.key(name), message)
                    .found("nothing")
                    .allowed(field.shape.describe()),
            );
        }
    }

    fn exactly_one(&mut self, place: &Place<'_>, names: &[String], known: &Known<'_>) {
        let given: Vec<&Entry> = names.iter().filter_map(|name| place.node.entry(name)).collect();
        let message = match (names, given.as_slice()) {
            ([], _) | (_, [_]) => return,
            (_, []) if names.iter().any(|name| known.is_misspelt_in(place, name)) => return,
            (_, []) => format!("{} has no `{}`", place.path.describe(), names.join("` or `")),
            _ => format!("{} has both `{}`", place.path.describe(), names.join("` and `")),
        };
        self.problems.push(
            Problem::new(given.last().map_or(place.at, |e| e.at), place.path, message)
                .found(if given.is_empty() { "nothing" } else { "both" })
                .allowed(format!("exactly one of `{}`", names.join("` and `"))),
        );
    }

    /// Reports keys that repeat; `only_one` may have better words for it.
    pub(super) fn repeated_keys<'a>(
        &mut self,
        place: &Place<'_>,
        only_one: impl Fn(&str) -> Option<&'a str>,
    ) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for entry in place.node.entries() {
            let Some(line) = first.get(entry.key.as_str()) else {
                first.insert(&entry.key, entry.at.line);
                continue;
            };
            let message = format!(
                "`{}` is given twice in {}; the first is on line {line}",
                quote(&entry.key),
                place.path.describe()
            );
            let mut problem = Problem::new(entry.at, &place.path.key(&entry.key), message)
                .found(&entry.key)
                .allowed("each field once");
            problem.help = only_one(&entry.key).map(str::to_owned);
            self.problems.push(problem);
        }
    }
}

impl Known<'_> {
    /// Whether a field of the map is unknown and its message suggests `name`: then that one message
    /// is enough, and `name` is not reported as missing too.
    fn is_misspelt_in(&self, place: &Place<'_>, name: &str) -> bool {
        place.node.entries().iter().map(|e| e.key.as_str()).any(|key| {
            !self.fields.contains_key(key)
                && closest(key, self.fields.keys().copied()) == Some(name)
        })
    }
}

/// Whether `key` was probably meant to be `name`.
fn is_misspelt(key: &str, name: &str) -> bool {
    key != name && closest(key, [name]).is_some()
}

/// Where a field of this name exists, such as "kind postgres".
fn kinds_with(object: &Object, key: &str) -> Vec<String> {
    let Some(variants) = &object.variants else { return Vec::new() };
    variants
        .fields
        .iter()
        .filter(|(_, fields)| fields.contains_key(key))
        .map(|(value, _)| format!("{} {value}", variants.tag))
        .collect()
}

/// The tag belongs to what is allowed, and stands first.
fn tag_first<'a>(tag: &'a str, fields: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let tag = Some(tag).filter(|t| !t.is_empty());
    tag.into_iter().chain(fields.filter(|f| Some(*f) != tag)).collect()
}
