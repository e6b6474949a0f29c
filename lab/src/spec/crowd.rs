//! What a flash crowd may ask for.

/// Longest path.
const LONGEST: usize = 1000;

/// Whether a text can stand in a request line as what is asked for: a path, perhaps with a query.
pub fn is_request_path(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && c != '#';
    text.starts_with('/') && text.len() <= LONGEST && text.chars().all(fits)
}

/// What [`is_request_path`] wants, in words.
pub const REQUEST_PATH: &str = "`/`, then what may stand in a URL, without blanks and `#`";
