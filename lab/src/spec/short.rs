//! The short forms of stage files: how serde reads them, and how the JSON Schema describes them.
//!
//! | short | long |
//! |---|---|
//! | `zones: [a, b]` | `zones: {a: 1, b: 1}` |
//! | `fault: kill-primary` | `faults: [{fault: kill-primary}]` |
//! | `env_file: a.env` | `env_file: [a.env]` |
//! | `faults: [kill-primary]` | `faults: [{fault: kill-primary}]` |

use std::fmt;

use indexmap::IndexMap;
use schemars::Schema;
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::model::{EXPERIMENT_PATTERN, NAME_PATTERN, Name, TimedFault};

/// Most nodes that a tier may have in one zone: two digits, so that names and ports stay short.
const MOST_NODES: u16 = 99;

/// Reads a tier's zones from a map of counts or from a list.
pub(super) fn zones<'de, D: Deserializer<'de>>(d: D) -> Result<IndexMap<Name, u16>, D::Error> {
    struct Zones;
    impl<'de> Visitor<'de> for Zones {
        type Value = IndexMap<Name, u16>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of zones, or a map of zone to number of nodes")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            IndexMap::deserialize(MapAccessDeserializer::new(map))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut zones = IndexMap::new();
            while let Some(zone) = list.next_element::<Name>()? {
                if zones.contains_key(&zone) {
                    return Err(A::Error::custom(format!("zone `{zone}` is listed twice")));
                }
                zones.insert(zone, 1);
            }
            Ok(zones)
        }
    }
    d.deserialize_any(Zones)
}

/// Reads one text, or a list of them.
pub(super) fn texts<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, or a list of texts")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }
    d.deserialize_any(Texts)
}

/// What [`texts`] reads.
pub(super) fn texts_schema(_: &mut schemars::SchemaGenerator) -> Schema {
    let one = json!({ "type": "string", "minLength": 1 });
    schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
}

/// Reads the faults of an experiment: a list, one entry, or one bare name.
pub(super) fn faults<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<TimedFault>, D::Error> {
    struct Faults;
    impl<'de> Visitor<'de> for Faults {
        type Value = Vec<TimedFault>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of faults, one fault, or the name of one")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
            Entry::named(name).map(|entry| vec![entry.0])
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Ok(vec![TimedFault::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut faults = Vec::new();
            while let Some(entry) = list.next_element::<Entry>()? {
                faults.push(entry.0);
            }
            Ok(faults)
        }
    }
    d.deserialize_any(Faults)
}

/// One element of `faults`: an object or a bare name.
struct Entry(TimedFault);

impl Entry {
    fn named<E: Error>(name: &str) -> Result<Self, E> {
        let fields = [("fault", name)].into_iter();
        TimedFault::deserialize(MapDeserializer::<_, E>::new(fields)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault, or the name of one")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Entry, E> {
                Entry::named(name)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                TimedFault::deserialize(MapAccessDeserializer::new(map)).map(Entry)
            }
        }
        d.deserialize_any(One)
    }
}

/// Schema of the map of tiers: keys are names, and there is at least one.
pub(super) fn tier_names(schema: &mut Schema) {
    schema.insert("propertyNames".into(), json!({ "pattern": NAME_PATTERN }));
    schema.insert("minProperties".into(), json!(1));
}

/// Schema of a map whose keys are names.
pub(super) fn names(schema: &mut Schema) {
    schema.insert("propertyNames".into(), json!({ "pattern": NAME_PATTERN }));
}

/// Schema of the map of experiments: keys are names of their own length.
pub(super) fn experiment_names(schema: &mut Schema) {
    schema.insert("propertyNames".into(), json!({ "pattern": EXPERIMENT_PATTERN }));
}

/// Schema of a tier's zones: the map of counts or the list.
pub(super) fn zones_schema(schema: &mut Schema) {
    let description = schema.remove("description");
    *schema = schemars::json_schema!({
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "type": "integer", "minimum": 1, "maximum": MOST_NODES },
            },
            { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } },
        ],
    });
    if let Some(text) = description {
        schema.insert("description".into(), text);
    }
}

/// Schema of a tier: `zones` is required by some kinds, free to others, and nothing to one.
pub(super) fn tier_schema(schema: &mut Schema) {
    let Some(Value::Array(variants)) = schema.get_mut("oneOf") else { return };
    for variant in variants {
        match variant["properties"]["kind"]["const"].as_str() {
            Some("aws") => variant["properties"]["zones"] = json!(false),
            Some("cdn") => {}
            _ => {
                if let Some(required) = variant["required"].as_array_mut() {
                    required.push(json!("zones"));
                }
            }
        }
    }
}

/// Schema of an entry of `faults`: the object, or the name of a fault that needs no parameter.
pub(super) fn fault_schema(schema: &mut Schema) {
    let object = schema.clone().to_value();
    let bare = bare_names(&object);
    let description = object.get("description").cloned().unwrap_or_default();
    *schema = schemars::json_schema!({
        "description": description,
        "anyOf": [ object, { "type": "string", "enum": bare } ],
    });
}

/// The faults whose only required field is `fault`.
fn bare_names(object: &Value) -> Vec<Value> {
    let variants = object["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    variants
        .iter()
        .filter(|v| v["required"].as_array().is_some_and(|r| r.len() == 1))
        .map(|v| v["properties"]["fault"]["const"].clone())
        .collect()
}

/// Schema of an experiment: `fault` beside `faults`, exactly one of them.
pub(super) fn experiment_schema(schema: &mut Schema) {
    let entry = schema
        .get("properties")
        .and_then(|p| p.pointer("/faults/items"))
        .cloned()
        .unwrap_or_else(|| json!({}));
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let mut one = entry;
        one["description"] = json!("The only fault: the short form of `faults` with one entry.");
        properties.insert("fault".into(), one);
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name != "faults");
    }
    schema.insert("oneOf".into(), json!([{ "required": ["fault"] }, { "required": ["faults"] }]));
}
