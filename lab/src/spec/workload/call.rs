//! From an operation and the values of its variables to what is sent. Without I/O.

use indexmap::IndexMap;
use serde_json::Value;

use super::dice::Dice;
use super::json::JsonTemplate;
use super::line::{Method, RequestLine};
use super::model::{Exec, Operation, Request, Sent, Workload};
use super::promise::{Promise, Register};
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
    /// The command that does it, with the body as its line; path and headers are empty then.
    pub exec: Option<Exec>,
}

/// Values that were made for one operation.
pub type Made = IndexMap<String, Value>;

/// The values of one operation: those that are made for it come before those around it.
pub struct Within<'a> {
    /// Made for it.
    pub made: &'a Made,
    /// Those around it.
    pub around: &'a (dyn Values + Sync),
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
    around: &(dyn Values + Sync),
    dice: &mut Dice,
) -> Result<(Call, Made), NoValue> {
    let mut made = made(operation, around, dice)?;
    let key = operation.key.as_ref().map(|key| key.header.as_str());
    let values = Within { made: &made, around };
    let (call, sent) = request(workload, &operation.request, key, &values, dice)?;
    made.extend(sent);
    Ok((call, made))
}

/// The values of `with`: each may name those before it.
///
/// # Errors
/// A variable without a value.
pub fn made(
    operation: &Operation,
    around: &(dyn Values + Sync),
    dice: &mut Dice,
) -> Result<Made, NoValue> {
    let mut made = IndexMap::new();
    for (name, template) in &operation.with {
        let value = value(template, &Within { made: &made, around }, dice)?;
        made.insert(name.clone(), value);
    }
    Ok(made)
}

/// A request, and the fields of its body. The idempotency key goes into the header `key`, if there is one.
///
/// # Errors
/// A variable without a value; or, by the name of its form, what is no request over HTTP.
pub fn request(
    workload: &Workload,
    request: &Request,
    key: Option<&str>,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<(Call, Made), NoValue> {
    let (method, path) = match request.sent().into_iter().next() {
        Some(Sent::Http(method, path)) => (method, path),
        Some(Sent::Command(exec)) => return command(exec, request.json.as_ref(), values, dice),
        None => return Err(NoValue("something that is sent".to_owned())),
    };
    let path = text(path, values, dice, Escape::Percent)?;
    let json = request.json.as_ref();
    let (kind, body, sent) = body(json, &request.form, request.body.as_ref(), values, dice)?;
    let mut headers = Vec::new();
    if let Some(header) = key {
        let key = text(&Template::new("{key}"), values, dice, Escape::None)?;
        headers.push((header.to_owned(), key));
    }
    headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
    add_headers(&mut headers, workload, &request.headers, values, dice);
    Ok((Call { method, path, headers, body, exec: None }, sent))
}

/// A line for a command, and its fields. Without one it is who does it, and with which key.
///
/// # Errors
/// A variable without a value.
pub fn command(
    exec: &Exec,
    json: Option<&JsonTemplate>,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<(Call, Made), NoValue> {
    let line = match json {
        Some(json) => json.value(values, dice)?,
        None => {
            let given = ["key", "user"].map(|name| (name, values.value(name)));
            given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
        }
    };
    let fields = line.as_object().into_iter().flatten();
    let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    let (path, headers, exec) = (String::new(), Vec::new(), Some(exec.clone()));
    // JSON has no line breaks of its own.
    Ok((Call { method: Method::Post, path, headers, body: line.to_string(), exec }, fields))
}

/// What reads one write back; nothing for a promise of another class.
///
/// # Errors
/// A variable without a value.
pub fn read_back(
    workload: &Workload,
    promise: &Promise,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<Option<Call>, NoValue> {
    if let Some(exec) = &promise.exec {
        return Ok(Some(command(exec, promise.json.as_ref(), values, dice)?.0));
    }
    promise.read.as_ref().map(|read| line(workload, read, values, dice)).transpose()
}

/// A request of one line, without a body.
///
/// # Errors
/// A variable without a value.
pub fn line(
    workload: &Workload,
    line: &RequestLine,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<Call, NoValue> {
    let meaning = line.meaning().map_err(|_| NoValue(line.text().to_owned()))?;
    let path = meaning.path.render(values, dice, Escape::Percent)?;
    let mut headers = Vec::new();
    add_headers(&mut headers, workload, &IndexMap::new(), values, dice);
    Ok(Call { method: meaning.method, path, headers, body: String::new(), exec: None })
}

/// A GET of a path, with the headers of the workload and these.
///
/// # Errors
/// A variable without a value.
pub fn get(
    workload: &Workload,
    path: &Template,
    own: &IndexMap<String, Template>,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<Call, NoValue> {
    let path = text(path, values, dice, Escape::Percent)?;
    let mut headers = Vec::new();
    add_headers(&mut headers, workload, own, values, dice);
    Ok(Call { method: Method::Get, path, headers, body: String::new(), exec: None })
}

/// The write of a register.
///
/// # Errors
/// A variable without a value.
pub fn register(
    workload: &Workload,
    register: &Register,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<Call, NoValue> {
    let mut call = line(workload, &register.write, values, dice)?;
    let (kind, body, _) = body(register.json.as_ref(), &register.form, None, values, dice)?;
    call.headers.extend(kind.map(|kind| ("content-type".to_owned(), kind.to_owned())));
    Ok(Call { body, ..call })
}

/// Who has no session yet, or wants none, sends no header of one.
fn add_headers(
    headers: &mut Vec<(String, String)>,
    workload: &Workload,
    own: &IndexMap<String, Template>,
    values: &dyn Values,
    dice: &mut Dice,
) {
    let common = workload.headers.iter().filter(|(name, _)| !own.contains_key(*name));
    for (name, template) in common.chain(own) {
        if let Ok(value) = text(template, values, dice, Escape::None) {
            headers.push((name.clone(), value));
        }
    }
}

type Body = (Option<&'static str>, String, Made);

/// Type and text of the body, and its fields.
fn body(
    json: Option<&JsonTemplate>,
    form: &IndexMap<String, Template>,
    plain: Option<&Template>,
    values: &dyn Values,
    dice: &mut Dice,
) -> Result<Body, NoValue> {
    if let Some(json) = json {
        let value = json.value(values, dice)?;
        let fields = value.as_object().into_iter().flatten();
        let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        return Ok((Some("application/json"), value.to_string(), fields));
    }
    if !form.is_empty() {
        let mut fields = IndexMap::new();
        for (name, template) in form {
            fields.insert(name.clone(), Value::from(text(template, values, dice, Escape::None)?));
        }
        let pair = |(name, value): (&String, &Value)| {
            format!("{}={}", percent(name), percent(value.as_str().unwrap_or_default()))
        };
        let text: Vec<String> = fields.iter().map(pair).collect();
        return Ok((Some("application/x-www-form-urlencoded"), text.join("&"), fields));
    }
    let text = plain.map(|body| text(body, values, dice, Escape::None));
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
