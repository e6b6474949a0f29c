//! A request in one line: `GET /orders/{key}`.

use super::template::Pieces;
use super::text::{Notation, Written, Wrong};

/// A request line as it is written.
pub type RequestLine = Written<Line>;

/// A method and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What is asked for.
    pub method: Method,
    /// Path and query.
    pub path: Pieces,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes, or asks for anything else.
    Post,
    /// Writes the whole of something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The field of an operation that stands for it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// Whether it changes nothing (RFC 9110, section 9.2.1).
    pub fn is_safe(self) -> bool {
        self == Self::Get
    }
}

impl Notation for Line {
    const DESCRIPTION: &'static str = "a method and a path, such as GET /orders/{key}";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let word = text.split(' ').next().unwrap_or_default();
        let method = Method::ALL.into_iter().find(|method| method.as_str() == word);
        let Some(method) = method else {
            let words = Method::ALL.map(Method::as_str);
            let message = format!("`{text}` does not begin with a method");
            return Err(Wrong::new(0, message).word(word).allowed(&words));
        };
        let rest = &text[word.len()..];
        let path = rest.trim_start();
        let begins_at = word.len() + rest.len() - path.len();
        is_path(path).map_err(|wrong| wrong.at(begins_at))?;
        let path = Pieces::parse(path).map_err(|wrong| wrong.at(begins_at))?;
        Ok(Self { method, path })
    }
}

/// Whether a text can be a path.
///
/// # Errors
/// It begins with something else than `/`, or has a space outside of braces.
pub(super) fn is_path(text: &str) -> Result<(), Wrong> {
    if !text.starts_with('/') {
        let wrong = Wrong::new(0, format!("the path `{text}` does not begin with `/`"));
        return Err(wrong.allowed(&["/items/{int 1 10}"]));
    }
    let mut inside = false;
    for (n, c) in text.chars().enumerate() {
        match c {
            '{' => inside = true,
            '}' => inside = false,
            c if c.is_whitespace() && !inside => {
                return Err(Wrong::new(n, "a space in a path").allowed(&["%20"]));
            }
            _ => {}
        }
    }
    Ok(())
}
