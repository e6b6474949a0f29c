//! The older protocol, which topics and mail still speak: a form in, XML out.

use std::fmt::Write;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue};

use super::client::Service;
use super::trouble::{Trouble, trouble};

/// Name and value of a parameter.
pub type Param = (String, String);

/// Asks a service for `action` of the given version of its interface; the answer as text.
///
/// # Errors
/// The service does not answer, or refuses.
pub async fn ask(
    service: &Service,
    version: &str,
    action: &str,
    params: &[Param],
) -> Result<String, Trouble> {
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
    headers.insert("content-type", form);
    let own = [("Action".to_owned(), action.to_owned()), ("Version".into(), version.to_owned())];
    let body = Bytes::from(encode(own.iter().chain(params)));
    let answer = service.send("POST", "/", headers, body).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status.is_success() {
        return Ok(text);
    }
    let code = element(&text, "Code").unwrap_or_default();
    let message = element(&text, "Message").unwrap_or_default();
    Err(trouble(answer.status, &code, &message))
}

/// A parameter.
pub fn param(name: impl Into<String>, value: impl Into<String>) -> Param {
    (name.into(), value.into())
}

fn encode<'a>(params: impl Iterator<Item = &'a Param>) -> String {
    let mut form = String::with_capacity(512);
    for (name, value) in params {
        if !form.is_empty() {
            form.push('&');
        }
        escape(&mut form, name);
        form.push('=');
        escape(&mut form, value);
    }
    form
}

/// Whatever is neither letter, digit nor one of four signs becomes `%` and two digits.
fn escape(form: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            form.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(form, "%{byte:02X}");
        }
    }
}

/// The text of the first element of that name. The elements asked for hold plain text.
pub fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).next().map(str::to_owned)
}

/// The texts of all elements of that name.
pub fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (text, after) = after.split_once(&close)?;
        rest = after;
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_every_character() {
        let params = [param("Message.Subject.Data", "a b&c=ä"), param("x", "{\"n\":1}~")];
        let form = encode(params.iter());
        assert_eq!(form, "Message.Subject.Data=a%20b%26c%3D%C3%A4&x=%7B%22n%22%3A1%7D~");
    }

    #[test]
    fn elements_are_found_by_name() {
        let xml = "<R><Successful><member><Id>0</Id></member><member><Id>2</Id></member>\
                   </Successful><Failed><member><Id>1</Id><Code>X</Code></member></Failed></R>";
        assert_eq!(element(xml, "Code").as_deref(), Some("X"));
        let good = element(xml, "Successful").unwrap();
        assert_eq!(elements(&good, "Id").collect::<Vec<_>>(), ["0", "2"]);
        assert_eq!(element(xml, "Nothing"), None);
    }
}
