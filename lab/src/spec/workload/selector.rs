//! What is taken from an answer: `status`, `json.items[].left`, `header.ETag`, `cookie.session`,
//! `html input[name=csrf] @value`.
//!
//! Behind `json` stands a JSONPath (RFC 9535) without its `$`; `[]` is short for `[*]`.

use std::sync::OnceLock;

use bytes::Bytes;
use hyper::HeaderMap;
use scraper::{ElementRef, Html, Selector as Css};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::text::{Notation, Written, Wrong};

/// The forms, for messages.
const FORMS: [&str; 5] =
    ["status", "json.FIELD", "header.NAME", "cookie.NAME", "html SELECTOR @ATTRIBUTE"];

/// The words that selectors begin with.
pub(super) const WORDS: [&str; 5] = ["status", "json", "header", "cookie", "html"];

/// A place in an answer, as it is written.
pub type Place = Written<Selector>;

/// A place in an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// The HTTP status.
    Status,
    /// Any number of places in a JSON body.
    Json(JsonPath),
    /// A header, whatever the case of its name.
    Header(String),
    /// A cookie that the answer sets.
    Cookie(String),
    /// An element of an HTML body: its text, or one of its attributes.
    Html {
        /// Which elements.
        css: Css,
        /// The attribute's name.
        attribute: Option<String>,
    },
}

/// An answer to one request.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// The body as JSON, once somebody has asked for it.
    json: OnceLock<Result<Value, String>>,
}

/// Why nothing could be taken from an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// The body is not what the selector reads.
    #[error("the body is no JSON: {0}")]
    NoJson(String),
    /// There is no value at that place.
    #[error("the answer has no `{0}`")]
    Nothing(String),
}

impl Notation for Selector {
    const DESCRIPTION: &'static str = "a place in an answer: status, json.FIELD, header.NAME, cookie.NAME or html SELECTOR @ATTRIBUTE";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let end = text.find(['.', '[', ' ']).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        match word {
            "status" if rest.is_empty() => Ok(Self::Status),
            "json" if !rest.starts_with(' ') => json(rest),
            "header" => name(rest, 6).map(Self::Header),
            "cookie" => name(rest, 6).map(Self::Cookie),
            "html" => html(rest),
            "status" | "json" => {
                Err(Wrong::new(word.len(), format!("`{rest}` after `{word}`")).allowed(&FORMS))
            }
            _ => Err(Wrong::new(0, format!("`{text}` is no place in an answer"))
                .word(word)
                .allowed(&FORMS)),
        }
    }
}

fn name(rest: &str, begins_at: usize) -> Result<String, Wrong> {
    let name = rest.strip_prefix('.').unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(fits) {
        return Err(Wrong::new(begins_at, "no name of a header or cookie").allowed(&FORMS[2..4]));
    }
    Ok(name.to_owned())
}

fn html(rest: &str) -> Result<Selector, Wrong> {
    let (css, attribute) = match rest.rsplit_once('@') {
        Some((css, attribute)) => (css, Some(attribute.trim().to_owned())),
        None => (rest, None),
    };
    if css.trim().is_empty() || attribute.as_deref() == Some("") {
        return Err(Wrong::new(4, "no element of the page").allowed(&FORMS[4..]));
    }
    let leading = css.len() - css.trim_start().len();
    let css = Css::parse(css.trim()).map_err(|error| {
        let message = format!("`{}` is no CSS selector: {error}", css.trim());
        Wrong::new(4 + leading, message).allowed(&["html h1.title", "html input[name=csrf] @value"])
    })?;
    Ok(Selector::Html { css, attribute })
}

fn json(rest: &str) -> Result<Selector, Wrong> {
    let path = format!("${}", rest.replace("[]", "[*]"));
    JsonPath::parse(&path).map(Selector::Json).map_err(|error| {
        // A `*` more for each `[]` before, and `$` for `json`.
        let before = path.get(..error.position()).unwrap_or(&path);
        let offset = (before.chars().count() + 3).saturating_sub(before.matches("[*]").count());
        Wrong::new(offset, format!("not a place in JSON: {}", error.message())).allowed(&[
            "json.a.b",
            "json.a[0]",
            "json.a[].b",
            "json['a-b']",
        ])
    })
}

impl Answer {
    /// What was answered.
    pub fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, json: OnceLock::new() }
    }

    /// The first header of this name, whatever its case; `None` when it is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let set = self.headers.get_all(hyper::header::SET_COOKIE).into_iter();
        set.filter_map(|value| value.to_str().ok()?.split(';').next()?.trim().split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is something else.
    pub fn json(&self) -> Result<&Value, NotThere> {
        let read = || serde_json::from_slice(&self.body).map_err(|e| e.to_string());
        self.json.get_or_init(read).as_ref().map_err(|reason| NotThere::NoJson(reason.clone()))
    }
}

impl Selector {
    /// Whether it may find more than one value, as with `[]`.
    pub fn finds_many(&self) -> bool {
        matches!(self, Self::Json(path) if {
            let text = path.to_string();
            text.contains('*') || text.contains("..") || text.contains('?') || text.contains(':')
        })
    }

    /// All values at this place; none where there is no such place.
    ///
    /// # Errors
    /// The body is not what the selector reads.
    pub fn values(&self, answer: &Answer) -> Result<Vec<Value>, NotThere> {
        let text = |found: Option<&str>| found.map(Value::from).into_iter().collect();
        match self {
            Self::Status => Ok(vec![answer.status.into()]),
            Self::Json(path) => Ok(path.query(answer.json()?).all().into_iter().cloned().collect()),
            Self::Header(name) => Ok(text(answer.header(name))),
            Self::Cookie(name) => Ok(text(answer.cookie(name))),
            Self::Html { css, attribute } => {
                let page = Html::parse_document(&String::from_utf8_lossy(&answer.body));
                Ok(page.select(css).filter_map(|e| shown(e, attribute.as_deref())).collect())
            }
        }
    }
}

/// An element's attribute; or its text as a reader sees it, in one line.
fn shown(element: ElementRef<'_>, attribute: Option<&str>) -> Option<Value> {
    match attribute {
        Some(name) => element.attr(name).map(Value::from),
        None => {
            let text: String = element.text().collect();
            Some(text.split_whitespace().collect::<Vec<_>>().join(" ").into())
        }
    }
}

impl Place {
    /// The first value at this place.
    ///
    /// # Errors
    /// There is none.
    pub fn first(&self, answer: &Answer) -> Result<Value, NotThere> {
        let nothing = || NotThere::Nothing(self.text().to_owned());
        let selector = self.meaning().map_err(|_| nothing())?;
        selector.values(answer)?.into_iter().next().ok_or_else(nothing)
    }
}
