//! From an operation and the values of its variables to what is sent. Without I/O.

use indexmap::IndexMap;
use serde_json::Value;

use super::dice::Dice;
use super::json::JsonTemplate;
use super::line::Method;
use super::model::{Operation, Request, Sent, Workload};
use super::template::{Escape, NoValue, Template, Values, percent};

/// A request as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is asked for.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: String,
}

/// The values of one operation: those that are made for it come before those around it.
struct Within<'a> {
    made: &'a IndexMap<String, Value>,
    around: &'a dyn Values,
}

impl Values for Within<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        self.made.get(name).cloned().or_else(|| self.around.value(name))
    }
}

/// What an operation over HTTP sends, and the values that its promise may name.
///
/// # Errors
/// A variable without a value; or, by the name of its form, an operation that is no request over HTTP.
pub fn call(
    workload: &Workload,
    operation: &Operation,
    around: &dyn Values,
    dice: &mut Dice,
) -> Result<(Call, IndexMap<String, Value>), NoValue> {
    let mut made = IndexMap::new();
    for (name, template) in &operation.with {
        let value = value(template, &Within { made: &made, around }, dice)?;
        made.insert(name.clone(), value);
    }
    let Some(Sent::Http(method, path)) = operation.request.sent().into_iter().next() else {
        return Err(NoValue("a request over HTTP".to_owned()));
    };
    let values = Within { made: &made, around };
    let path = text(path, &values, dice, Escape::Percent)?;
    let (kind, body, sent) = body(&operation.request, &values, dice)?;
    let mut headers = Vec::new();
    if let Some(key) = &operation.key {
        headers.push((
            key.header.clone(),
            text(&Template::new("{key}"), &values, dice, Escape::None)?,
        ));
    }
    if let Some(kind) = kind {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    let own = &operation.request.headers;
    let common = workload.headers.iter().filter(|(name, _)| !own.contains_key(*name));
    for (name, template) in common.chain(own) {
        // Who has no session yet, or wants none, sends no header of one.
        if let Ok(value) = text(template, &values, dice, Escape::None) {
            headers.push((name.clone(), value));
        }
    }
    made.extend(sent);
    Ok((Call { method, path, headers, body }, made))
}

type Body = (Option<&'static str>, String, IndexMap<String, Value>);

/// Type and text of the body, and its fields.
fn body(request: &Request, values: &dyn Values, dice: &mut Dice) -> Result<Body, NoValue> {
    if let Some(json) = &request.json {
        let value = json.value(values, dice)?;
        let fields = value.as_object().into_iter().flatten();
        let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        return Ok((Some("application/json"), value.to_string(), fields));
    }
    if !request.form.is_empty() {
        let mut fields = IndexMap::new();
        for (name, template) in &request.form {
            fields.insert(name.clone(), Value::from(text(template, values, dice, Escape::None)?));
        }
        let pair = |(name, value): (&String, &Value)| {
            format!("{}={}", percent(name), percent(value.as_str().unwrap_or_default()))
        };
        let text: Vec<String> = fields.iter().map(pair).collect();
        return Ok((Some("application/x-www-form-urlencoded"), text.join("&"), fields));
    }
    let text = request.body.as_ref().map(|body| text(body, values, dice, Escape::None));
    Ok((None, text.transpose()?.unwrap_or_default(), IndexMap::new()))
}

fn text(
    template: &Template,
    values: &dyn Values,
    dice: &mut Dice,
    escape: Escape,
) -> Result<String, NoValue> {
    let pieces = template.meaning().map_err(|_| NoValue(template.text().to_owned()))?;
    pieces.render(values, dice, escape)
}

fn value(template: &Template, values: &dyn Values, dice: &mut Dice) -> Result<Value, NoValue> {
    JsonTemplate::Text(template.clone()).value(values, dice)
}
