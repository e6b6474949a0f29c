//! The JSON Schema of a stage file, for editors and as the source of the checks in `fields`.

use serde_json::{Map, Value, json};

use super::model::Stage;

/// The JSON Schema (draft 2020-12) of a stage file, short forms included.
///
/// Maps with known keys forbid all others, tiers and faults included, whose fields depend on their
/// `kind` and `fault`. Rules that need more than one field are not in it; `parse` checks those.
pub fn schema() -> Value {
    let mut schema = annotated();
    visit(&mut schema, &|map| map.retain(|key, _| !key.starts_with("x-")));
    schema
}

/// [`schema`] with the remarks (`x-…`) that are meant for our own messages.
pub(super) fn annotated() -> Value {
    let mut schema = of::<Stage>();
    if let Value::Object(root) = &mut schema {
        root.insert("title".into(), json!("A stage of the lab"));
    }
    schema
}

/// The schema of a type of ours, in which nothing may be without a value and no map has fields that are
/// not known.
pub fn of<T: schemars::JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    visit(&mut schema, &|map| {
        forbid_null(map);
        close_variants(map);
    });
    schema
}

/// Calls `change` on every map of the schema, the innermost first.
fn visit(value: &mut Value, change: &dyn Fn(&mut Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(|v| visit(v, change));
            change(map);
        }
        Value::Array(items) => items.iter_mut().for_each(|v| visit(v, change)),
        _ => {}
    }
}

/// A field without a value is a mistake in a stage file, although the types could read it.
fn forbid_null(map: &mut Map<String, Value>) {
    let types = match map.get("type") {
        Some(Value::Array(types)) => types.iter().filter(|t| **t != "null").cloned().collect(),
        _ => Vec::new(),
    };
    if let [one] = types.as_slice() {
        map.insert("type".into(), one.clone());
    }
    let Some(Value::Array(forms)) = map.get("anyOf") else { return };
    let rest: Vec<Value> = forms.iter().filter(|f| f["type"] != "null").cloned().collect();
    if let ([Value::Object(only)], true) = (rest.as_slice(), rest.len() < forms.len()) {
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// Closes a map whose further fields depend on a tag: each variant names the common fields too
/// and forbids the rest. (`unevaluatedProperties` would be shorter; not every editor knows it.)
fn close_variants(map: &mut Map<String, Value>) {
    let Some(Value::Object(common)) = map.get("properties").cloned() else { return };
    let Some(Value::Array(variants)) = map.get_mut("oneOf") else { return };
    for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
        let Some(Value::Object(properties)) = variant.get_mut("properties") else { continue };
        for name in common.keys() {
            properties.entry(name.clone()).or_insert(Value::Bool(true));
        }
        variant.insert("additionalProperties".into(), Value::Bool(false));
    }
}
