//! The identity of a stage's definition.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::model::Stage;

/// SHA-256 in hexadecimal of the stage as canonical JSON: maps sorted by key, no white space, every
/// default written out. Two spellings of one definition have the same hash.
pub fn definition_hash(stage: &Stage) -> String {
    // The model has neither maps with keys other than text nor a serializer that fails; a stage with
    // an infinite number is `null` there, and still has a hash.
    let value = serde_json::to_value(stage).unwrap_or(Value::Null);
    let mut canonical = String::new();
    write(&value, &mut canonical);
    let digest = Sha256::digest(canonical.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, value)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_hashed_is_sorted_and_dense() {
        let value = serde_json::json!({ "b": { "d": null, "c": "ä\n" }, "a": [1.0, true] });
        let mut text = String::new();
        write(&value, &mut text);
        assert_eq!(text, r#"{"a":[1.0,true],"b":{"c":"ä\n","d":null}}"#);
    }
}
