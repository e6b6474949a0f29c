//! A JSON value with templates in it.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dice::Dice;
use super::template::{NoValue, Template, Values};

/// A JSON value whose texts are templates; names of fields are as they are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JsonTemplate {
    /// `null`
    Null,
    /// `true` or `false`
    Flag(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text with values in it; one that is nothing but a value keeps its type.
    Text(Template),
    /// A list.
    List(Vec<JsonTemplate>),
    /// A map.
    Map(IndexMap<String, JsonTemplate>),
}

impl JsonTemplate {
    /// The value.
    ///
    /// # Errors
    /// The first variable without a value. A template with a mistake in it counts as one of its text.
    pub fn value(&self, values: &dyn Values, dice: &mut Dice) -> Result<Value, NoValue> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(template) => match template.meaning() {
                Ok(pieces) => pieces.value(values, dice)?,
                Err(_) => return Err(NoValue(template.text().to_owned())),
            },
            Self::List(items) => {
                let items = items.iter().map(|item| item.value(values, dice));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(fields) => {
                let fields = fields.iter().map(|(k, v)| Ok((k.clone(), v.value(values, dice)?)));
                Value::Object(fields.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Adds the names of all variables in it.
    pub fn variables<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Text(template) => {
                let pieces = template.meaning().ok();
                names.extend(pieces.iter().flat_map(|p| p.variables()).map(|(name, _)| name));
            }
            Self::List(items) => items.iter().for_each(|item| item.variables(names)),
            Self::Map(fields) => fields.values().for_each(|value| value.variables(names)),
            Self::Null | Self::Flag(_) | Self::Number(_) => {}
        }
    }

    /// The names of the fields, if it is a map.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        let fields = match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        };
        fields.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }
}

impl JsonSchema for JsonTemplate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "JsonTemplate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "any JSON value; texts in it are templates" })
    }
}
