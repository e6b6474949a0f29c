//! The JSON Schema of a workload file, for editors.

use serde_json::{Value, json};

use super::model::Workload;
use super::parse::SECTION;

/// The JSON Schema (draft 2020-12) of a workload file. Rules that need more than one field, and the languages
/// of texts, are not in it; [`super::parse`] checks those.
pub fn schema() -> Value {
    let mut inner = crate::spec::schema_of::<Workload>();
    let definitions = inner.as_object_mut().and_then(|map| map.remove("$defs"));
    if let Some(map) = inner.as_object_mut() {
        map.remove("$schema");
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workload of the lab",
        "type": "object",
        "properties": { SECTION: inner },
        "required": [SECTION],
        "additionalProperties": false,
        "$defs": definitions.unwrap_or(json!({})),
    })
}
