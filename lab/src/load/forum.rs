//! What an answer of the forum says: where a post was put, and which posts were shown.

use serde::Deserialize;

use super::schedule::Action;
use crate::journal::{Forum, Showed, ShownPost};

/// Posts that the shop shows of a topic; a list of so many may lack older ones.
const FULL: usize = 20;

/// The end of a post that [`text`] made, before its key and after it.
const NUMBER: &str = ", number ";
const END: char = '.';

/// What a post says; its key is in it, so that whoever reads it knows which one it is.
pub fn text(topic: &str, key: &str) -> String {
    format!("A word about {topic}{NUMBER}{key}{END}")
}

/// What a good answer says about the forum; `None` for other actions, and for an answer that cannot
/// be understood. Keys that begin with `prefix` are this client's own.
pub fn seen(action: &Action, body: &[u8], prefix: &str) -> Option<Forum> {
    match action {
        Action::Post { topic, .. } => wrote(topic, body),
        Action::ReadForum { topic } => showed(topic, body, prefix),
        _ => None,
    }
}

fn wrote(topic: &str, body: &[u8]) -> Option<Forum> {
    #[derive(Deserialize)]
    struct Written {
        post_id: i64,
    }
    let Written { post_id } = serde_json::from_slice(body).ok()?;
    Some(Forum::Wrote { topic: topic.into(), id: post_id })
}

fn showed(topic: &str, body: &[u8], prefix: &str) -> Option<Forum> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        posts: Vec<Post<'a>>,
    }
    #[derive(Deserialize)]
    struct Post<'a> {
        post_id: i64,
        #[serde(borrow)]
        body: std::borrow::Cow<'a, str>,
    }
    let Page { posts } = serde_json::from_slice(body).ok()?;
    let full = posts.len() >= FULL;
    let shown = |post: &Post<'_>| match number(&post.body, prefix) {
        Some(number) => ShownPost::Own(post.post_id, number),
        None => ShownPost::Other(post.post_id),
    };
    let posts = posts.iter().map(shown).collect();
    Some(Forum::Showed(Showed { topic: topic.into(), full, prefix: prefix.into(), posts }))
}

/// The number in the key of a post of this client.
fn number(text: &str, prefix: &str) -> Option<u64> {
    let (_, key) = text.strip_suffix(END)?.rsplit_once(NUMBER)?;
    let number = key.strip_prefix(prefix)?.strip_prefix('-')?;
    // `parse` would take a sign.
    number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_own_posts_only() {
        assert_eq!(number(&text("news", "run-17"), "run"), Some(17));
        assert_eq!(number(&text("news", "run-17"), "other"), None);
        // A longer prefix that begins alike, and what no key is.
        assert_eq!(number(&text("news", "run-2-17"), "run"), None);
        for other in ["hello", "A word about x, number run-.", "A word, number run-+1.", "run-1."] {
            assert_eq!(number(other, "run"), None, "{other}");
        }
    }

    #[test]
    fn a_list_is_full_from_the_limit_of_the_shop_on() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../images/app/src/shop/posts.rs");
        let source = std::fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("const LATEST: i64 = {FULL};")), "the limit has changed");
        for (count, expected) in [(0, false), (19, false), (20, true)] {
            let posts: Vec<String> = (0..count)
                .map(|n| format!(r#"{{"post_id":{n},"topic":"news","body":"a \"b\""}}"#))
                .collect();
            let body = format!(r#"{{"posts":[{}]}}"#, posts.join(","));
            let Some(Forum::Showed(list)) = showed("news", body.as_bytes(), "run") else {
                panic!("{body}");
            };
            assert_eq!((list.full, list.posts.len()), (expected, count));
            assert!(list.posts.iter().all(|post| matches!(post, ShownPost::Other(_))));
        }
    }

    #[test]
    fn an_answer_that_cannot_be_understood_says_nothing() {
        let read = Action::ReadForum { topic: "news" };
        let post = Action::Post { key: "run-1".into(), topic: "news" };
        for body in ["", "{}", "[]", r#"{"posts":[{"post_id":"x"}]}"#] {
            assert_eq!(seen(&read, body.as_bytes(), "run"), None, "{body}");
            assert_eq!(seen(&post, body.as_bytes(), "run"), None, "{body}");
        }
        assert_eq!(seen(&Action::Browse { page: 1 }, br#"{"posts":[]}"#, "run"), None);
    }
}
