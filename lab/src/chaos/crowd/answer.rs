//! An answer that comes in on a connection of its own.

use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

/// Longest answer, in bytes: a page of the shop has a few thousand.
const LONGEST: usize = 1024 * 1024;

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What an edge cache did (`X-Cache-Status`).
    pub edge: Option<String>,
    /// What the application's cache did (`x-cache`).
    pub shop: Option<String>,
    /// The body; with its chunks as they were sent.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether it is a success.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Whole(Answer),
    Partial,
    Broken,
}

/// Reads one answer; `None` when it does not come whole and in time.
pub(super) async fn receive(mut stream: TcpStream, deadline: Instant) -> Option<Answer> {
    let mut bytes = Vec::new();
    loop {
        let read = timeout_at(deadline.into(), stream.read_buf(&mut bytes)).await.ok()?.ok()?;
        match progress(&bytes, read == 0) {
            Progress::Whole(answer) => return Some(answer),
            Progress::Partial if read > 0 && bytes.len() < LONGEST => {}
            _ => return None,
        }
    }
}

/// An answer is whole when its announced length is there, or, where none is announced, when the server
/// has closed the connection, which it was asked to do.
fn progress(bytes: &[u8], ended: bool) -> Progress {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
        return Progress::Partial;
    };
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    let mut lines = head.split("\r\n");
    let Some(status) = lines.next().and_then(status) else { return Progress::Broken };
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |name: &str| {
        let found = headers.iter().find(|(n, _)| n.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let whole = match (header("content-length").map(str::parse::<usize>), ended) {
        (Some(Ok(length)), _) => body.len() >= length,
        (Some(Err(_)), _) => return Progress::Broken,
        (None, false) => false,
        (None, true) if header("transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
        (None, true) => true,
    };
    if !whole {
        return Progress::Partial;
    }
    let text = |name| header(name).map(str::to_owned);
    let (edge, shop) = (text("x-cache-status"), text("x-cache"));
    Progress::Whole(Answer { status, edge, shop, body: body.to_vec() })
}

/// The status in `HTTP/1.1 200 OK`.
fn status(line: &str) -> Option<u16> {
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, ended: bool) -> Option<Answer> {
        match progress(text.as_bytes(), ended) {
            Progress::Whole(answer) => Some(answer),
            Progress::Partial | Progress::Broken => None,
        }
    }

    #[test]
    fn status_and_what_the_caches_did_are_read() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-cache: miss\r\n\
                    X-Cache-Status:HIT\r\n\r\n{}";
        let answer = whole(text, false).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
        assert_eq!(answer.edge.as_deref(), Some("HIT"));
        assert_eq!(answer.shop.as_deref(), Some("miss"));
    }

    #[test]
    fn an_answer_is_whole_with_its_length_or_with_the_end_of_the_connection() {
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        assert!(whole(&format!("{long}ab"), true).is_none(), "cut short");
        assert!(whole(&format!("{long}abc"), false).is_some());
        let open = "HTTP/1.1 204 No Content\r\n\r\n";
        assert!(whole(open, false).is_none() && whole(open, true).is_some());
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
        assert!(whole(chunked, true).is_none(), "without the last chunk");
        assert!(whole(&format!("{chunked}0\r\n\r\n"), true).is_some());
    }

    #[test]
    fn what_is_no_answer_is_none() {
        assert_eq!(progress(b"SSH-2.0\r\n\r\n", true), Progress::Broken);
        let odd = b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n";
        assert_eq!(progress(odd, true), Progress::Broken);
        assert_eq!(progress(b"HTTP/1.1 200", true), Progress::Partial);
    }
}
