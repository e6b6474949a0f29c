//! The cookies of one user.
//!
//! All of a lab is one site to its clients, whatever address answered: cookies go back to wherever they may
//! by their path and age. A `Domain` is not looked at, because the lab's clients know no names.

use std::time::Instant;

use cookie::Cookie;

use crate::spec::workload::Answer;

/// The cookies of one user.
#[derive(Debug, Default)]
pub struct Jar(Vec<Kept>);

#[derive(Debug)]
struct Kept {
    cookie: Cookie<'static>,
    until: Option<Instant>,
}

impl Jar {
    /// Keeps what an answer sets, and forgets what it ends.
    pub fn take(&mut self, answer: &Answer) {
        for set in answer.headers.get_all(hyper::header::SET_COOKIE) {
            let text = set.to_str().unwrap_or_default().to_owned();
            let Ok(cookie) = Cookie::parse(text) else { continue };
            let is_same =
                |k: &Kept| k.cookie.name() == cookie.name() && path(&k.cookie) == path(&cookie);
            self.0.retain(|kept| !is_same(kept));
            let lives = cookie.max_age().map(|age| age.unsigned_abs());
            let is_over = cookie.max_age().is_some_and(|age| age.is_negative() || age.is_zero())
                // Who ends a cookie by its date sets one that is long gone.
                || cookie.expires_datetime().is_some_and(|date| date.year() < 2000);
            if !is_over {
                self.0.push(Kept { cookie, until: lives.map(|age| Instant::now() + age) });
            }
        }
    }

    /// The header `cookie` of a request for a path; `None` without any.
    pub fn header(&mut self, to: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let now = Instant::now();
        self.0.retain(|kept| kept.until.is_none_or(|until| now < until));
        let sent = self.0.iter().filter(|kept| is_under(to, path(&kept.cookie)));
        let pairs: Vec<String> =
            sent.map(|kept| format!("{}={}", kept.cookie.name(), kept.cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn path<'a>(cookie: &'a Cookie<'static>) -> &'a str {
    cookie.path().filter(|path| path.starts_with('/')).unwrap_or("/")
}

/// Whether a request's path is under that of a cookie (RFC 6265, section 5.1.4).
fn is_under(to: &str, path: &str) -> bool {
    let to = to.split('?').next().unwrap_or(to);
    match to.strip_prefix(path) {
        Some(rest) => path.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cookies: &[&str]) -> Answer {
        let mut headers = hyper::HeaderMap::new();
        for cookie in cookies {
            headers.append("set-cookie", cookie.parse().unwrap());
        }
        Answer::new(200, headers, bytes::Bytes::new())
    }

    #[test]
    fn cookies_go_back_where_they_may_until_they_end() {
        let mut jar = Jar::default();
        jar.take(&answer(&["a=1; Path=/; HttpOnly", "b=2; Path=/shop", "c=3; Max-Age=0"]));
        assert_eq!(jar.header("/").as_deref(), Some("a=1"));
        assert_eq!(jar.header("/shop/x?y=/").as_deref(), Some("a=1; b=2"));
        assert_eq!(jar.header("/shopping").as_deref(), Some("a=1"));
        jar.take(&answer(&["a=9", "b=; Path=/shop; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]));
        assert_eq!(jar.header("/shop").as_deref(), Some("a=9"));
        jar.clear();
        assert_eq!(jar.header("/"), None);
    }
}
