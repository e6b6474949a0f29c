//! What may stand where in a stage file, read off the JSON Schema of the model, so that the types
//! stay the only place that says it.

use std::sync::OnceLock;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::model::{EXPERIMENT_PATTERN, NAME_PATTERN};
use super::schema;

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// Text, or a name if there is a rule for it.
    Text { name: Option<NameRule>, empty: bool },
    /// One of these words.
    Choice(Vec<String>),
    /// A whole number within these limits.
    Whole { min: i128, max: i128 },
    /// A number within these limits; `above` is excluded itself.
    Number { min: Option<f64>, above: Option<f64>, max: Option<f64> },
    /// `true` or `false`.
    Flag,
    /// A list.
    List { items: Box<Shape>, empty: bool, unique: bool },
    /// A map with free keys.
    Map { values: Box<Shape>, names: Option<NameRule>, empty: bool },
    /// A map with known keys.
    Object(Object),
    /// Any of several forms, told apart by list, map or text.
    Either(Vec<Shape>),
    /// No limit that is known.
    Any,
}

/// A map with known keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    /// The fields, required or not.
    pub(super) fields: IndexMap<String, Field>,
    /// Fields of which exactly one must be there; empty where there is no such rule.
    pub(super) exactly_one: Vec<String>,
    /// Further fields that depend on one field's value.
    pub(super) variants: Option<Box<Variants>>,
}

/// Fields that depend on the value of the field `tag`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variants {
    pub(super) tag: String,
    /// Value of the tag to the fields that come with it.
    pub(super) fields: IndexMap<String, IndexMap<String, Field>>,
    /// Value of the tag to the common fields that it requires, and to those that it forbids.
    pub(super) common: IndexMap<String, Common>,
}

/// What a variant says about the fields that all variants have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Common {
    pub(super) required: Vec<String>,
    pub(super) forbidden: Vec<String>,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// What to say when there is more than one value.
    pub(super) only_one: Option<String>,
}

/// The shape of a stage.
pub(super) fn stage() -> &'static Shape {
    static STAGE: OnceLock<Shape> = OnceLock::new();
    STAGE.get_or_init(|| of(&schema::annotated()))
}

/// The shape that a schema stands for.
pub(super) fn of(schema: &Value) -> Shape {
    Reader { definitions: schema.get("$defs").unwrap_or(&Value::Null) }.shape(schema)
}

impl Shape {
    /// The shape in words, after "allowed:".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text { name: Some(rule), .. } => rule.describe(),
            Self::Text { .. } => "text".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::Whole { min, max } if *max >= i128::from(u32::MAX) => {
                format!("a whole number, at least {min}")
            }
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, above, max } => describe_number(*min, *above, *max),
            Self::Flag => "true or false".to_owned(),
            Self::List { items, .. } => format!("a list of {}", items.plural()),
            Self::Map { values, .. } => format!("a map of name to {}", values.noun()),
            Self::Object(_) => "a map of fields".to_owned(),
            Self::Either(forms) => {
                forms.iter().map(Self::describe).collect::<Vec<_>>().join("; or ")
            }
            Self::Any => "anything".to_owned(),
        }
    }

    fn noun(&self) -> String {
        match self {
            Self::Text { .. } => "text".to_owned(),
            Self::Object(_) => "a map of fields".to_owned(),
            other => other.describe(),
        }
    }

    fn plural(&self) -> String {
        match self {
            Self::Text { name: Some(_), .. } => "names".to_owned(),
            Self::Text { .. } => "words".to_owned(),
            Self::Object(_) => "maps of fields".to_owned(),
            other => other.describe(),
        }
    }
}

/// What a name may be: a pattern of the schema, checked without a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameRule {
    longest: usize,
}

impl NameRule {
    /// The rule that a pattern stands for.
    fn of(pattern: &Value) -> Option<Self> {
        match pattern.as_str()? {
            NAME_PATTERN => Some(Self { longest: 24 }),
            EXPERIMENT_PATTERN => Some(Self { longest: 40 }),
            _ => None,
        }
    }

    /// Whether the text follows the pattern.
    pub(super) fn allows(self, text: &str) -> bool {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= self.longest
            && text.bytes().all(fits)
    }

    /// The text as a name, if only its case or separators are wrong.
    pub(super) fn nearest(self, text: &str) -> Option<String> {
        let name = text.trim().to_lowercase().replace(['_', ' ', '.'], "-");
        self.allows(&name).then_some(name)
    }

    /// The rule in words, after "allowed:".
    pub(super) fn describe(self) -> String {
        let longest = self.longest;
        format!(
            "lower-case letters, digits and `-`, beginning with a letter, at most {longest} characters"
        )
    }
}

fn describe_number(min: Option<f64>, above: Option<f64>, max: Option<f64>) -> String {
    match (above, min, max) {
        (Some(above), _, Some(max)) => format!("a number above {above}, at most {max}"),
        (Some(above), _, None) => format!("a number above {above}"),
        (None, Some(min), Some(max)) => format!("a number from {min} to {max}"),
        (None, Some(min), None) => format!("a number from {min}"),
        (None, None, Some(max)) => format!("a number up to {max}"),
        (None, None, None) => "a number".to_owned(),
    }
}

/// Reads shapes out of a schema. The model has no type that contains itself, so references end.
struct Reader<'a> {
    definitions: &'a Value,
}

impl Reader<'_> {
    fn shape(&self, schema: &Value) -> Shape {
        if let Some(definition) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/")) {
            return self.shape(&self.definitions[definition]);
        }
        if let Some(forms) = schema["anyOf"].as_array() {
            return Shape::Either(forms.iter().map(|form| self.shape(form)).collect());
        }
        if let Some(words) = words(schema) {
            return Shape::Choice(words);
        }
        match schema["type"].as_str() {
            Some("string") => Shape::Text {
                name: NameRule::of(&schema["pattern"]),
                empty: schema["minLength"].as_u64().unwrap_or(0) == 0,
            },
            Some("integer") => whole(schema),
            Some("number") => Shape::Number {
                min: schema["minimum"].as_f64(),
                above: schema["exclusiveMinimum"].as_f64(),
                max: schema["maximum"].as_f64(),
            },
            Some("boolean") => Shape::Flag,
            Some("array") => Shape::List {
                items: Box::new(self.shape(&schema["items"])),
                empty: schema["minItems"].as_u64().unwrap_or(0) == 0,
                unique: schema["uniqueItems"] == true,
            },
            Some("object") if schema["additionalProperties"].is_object() => Shape::Map {
                values: Box::new(self.shape(&schema["additionalProperties"])),
                names: NameRule::of(&schema["propertyNames"]["pattern"]),
                empty: schema["minProperties"].as_u64().unwrap_or(0) == 0,
            },
            Some("object") => Shape::Object(self.object(schema)),
            _ => Shape::Any,
        }
    }

    fn object(&self, schema: &Value) -> Object {
        let alternatives = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        let variants: Vec<&Value> =
            alternatives.iter().filter(|a| a["properties"].is_object()).collect();
        let required = alternatives.iter().filter_map(|a| a["required"][0].as_str());
        let exactly_one = if variants.is_empty() { required.collect() } else { Vec::new() };
        Object {
            fields: self.fields(schema),
            exactly_one: exactly_one.into_iter().map(str::to_owned).collect(),
            variants: self.variants(&variants).map(Box::new),
        }
    }

    fn variants(&self, alternatives: &[&Value]) -> Option<Variants> {
        let tag = alternatives.first().and_then(|a| tag(a))?.0.to_owned();
        let fields = alternatives
            .iter()
            .filter_map(|a| {
                let (name, value) = tag_of(a, &tag)?;
                let mut fields = self.fields(a);
                fields.shift_remove(name);
                Some((value.to_owned(), fields))
            })
            .collect();
        let common = alternatives
            .iter()
            .filter_map(|a| Some((tag_of(a, &tag)?.1.to_owned(), common(a, &tag))))
            .collect();
        Some(Variants { tag, fields, common })
    }

    fn fields(&self, schema: &Value) -> IndexMap<String, Field> {
        let empty = Map::new();
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        schema["properties"]
            .as_object()
            .unwrap_or(&empty)
            .iter()
            // `true` marks a field of the surrounding object that a variant lets through.
            .filter(|(_, property)| property.is_object())
            .map(|(name, property)| {
                let field = Field {
                    shape: self.shape(property),
                    required: required.iter().any(|r| r == name),
                    only_one: property["x-one"].as_str().map(str::to_owned),
                };
                (name.clone(), field)
            })
            .collect()
    }
}

/// What a variant says about fields that are not its own: a required name without an own property,
/// and a property that nothing satisfies.
fn common(variant: &Value, tag: &str) -> Common {
    let properties = &variant["properties"];
    let required = variant["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = required.iter().filter_map(Value::as_str);
    let forbidden = properties.as_object().into_iter().flatten().filter(|(_, p)| **p == false);
    Common {
        required: names
            .filter(|name| *name != tag && !properties[*name].is_object())
            .map(str::to_owned)
            .collect(),
        forbidden: forbidden.map(|(name, _)| name.clone()).collect(),
    }
}

/// The property of a variant that has one possible value, and that value.
fn tag(variant: &Value) -> Option<(&str, &str)> {
    variant["properties"]
        .as_object()?
        .iter()
        .find_map(|(name, property)| Some((name.as_str(), property["const"].as_str()?)))
}

fn tag_of<'a>(variant: &'a Value, name: &str) -> Option<(&'a str, &'a str)> {
    let (key, property) = variant["properties"].as_object()?.get_key_value(name)?;
    Some((key.as_str(), property["const"].as_str()?))
}

fn words(schema: &Value) -> Option<Vec<String>> {
    let word = |v: &Value| v.as_str().map(str::to_owned);
    if let Some(list) = schema["enum"].as_array() {
        return list.iter().map(word).collect();
    }
    schema["oneOf"].as_array()?.iter().map(|v| word(&v["const"])).collect()
}

fn whole(schema: &Value) -> Shape {
    let most = match schema["format"].as_str() {
        Some("uint32") => i128::from(u32::MAX),
        _ => i128::from(u64::MAX),
    };
    let limit = |key: &str| {
        let value = &schema[key];
        // schemars writes limits that come from an expression as floating point numbers.
        value.as_i64().map(i128::from).or_else(|| value.as_f64().map(|f| f as i128))
    };
    Shape::Whole { min: limit("minimum").unwrap_or(0), max: limit("maximum").unwrap_or(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_published_patterns() {
        assert_eq!(NAME_PATTERN, "^[a-z][a-z0-9-]{0,23}$");
        assert_eq!(EXPERIMENT_PATTERN, "^[a-z][a-z0-9-]{0,39}$");
        let rule = NameRule::of(&NAME_PATTERN.into()).unwrap();
        for name in ["a", "stage-1k", "a-", "abcdefghijklmnopqrstuvwx"] {
            assert!(rule.allows(name), "{name}");
        }
        for text in ["", "1a", "-a", "A", "a_b", "ä", "a\n", "abcdefghijklmnopqrstuvwxy"] {
            assert!(!rule.allows(text), "{text}");
        }
        assert_eq!(rule.nearest("Web_Tier").as_deref(), Some("web-tier"));
        assert_eq!(rule.nearest("1a"), None);
        let long = NameRule::of(&EXPERIMENT_PATTERN.into()).unwrap();
        assert!(long.allows(&"a".repeat(40)) && !long.allows(&"a".repeat(41)));
    }
}
