//! The forum.

use serde::{Deserialize, Serialize};

use super::promise::{Key, Promise, body_hash};
use super::users::Who;
use super::{Rejection, Stop};
use crate::cache::Cacheable;
use crate::db::{Cause, Conn, Failure, Function, Work};

/// Longest topic, in bytes.
const MAX_TOPIC: usize = 100;
/// Longest post, in bytes.
const MAX_BODY: usize = 10_000;
/// Posts shown of a topic.
const LATEST: i64 = 20;

/// A post as users see it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Post {
    /// Its number.
    pub post_id: i64,
    /// What it belongs to.
    pub topic: String,
    /// What it says.
    pub body: String,
}

/// A post that was written, now or by an earlier request with the same key.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Written {
    /// Its number.
    pub post_id: i64,
    /// Whether it was there before.
    #[serde(skip)]
    pub replayed: bool,
}

/// Writes a post.
pub struct WritePost {
    /// Who writes; guests without a session may too.
    pub who: Option<Who>,
    /// Key of the promise; only absent with idempotency switched off.
    pub key: Option<Key>,
    /// Whether the key guards against a second effect.
    pub idempotent: bool,
    /// What it belongs to.
    pub topic: String,
    /// What it says.
    pub body: String,
}

/// Refuses a topic or a text that no post may have.
///
/// # Errors
/// One of them is empty or too long.
pub fn check_post(topic: &str, body: &str) -> Result<(), Rejection> {
    let hint = "give a topic of 1 to 100 bytes and a body of 1 to 10000 bytes";
    for (what, text, max) in [("topic", topic, MAX_TOPIC), ("body", body, MAX_BODY)] {
        if text.trim().is_empty() || text.len() > max || text.contains('\0') {
            return Err(Rejection::new(400, format!("the {what} cannot be used"), hint));
        }
    }
    Ok(())
}

/// A post claims its key and is written by one statement, hence in one transaction and one trip.
const WRITE_ONCE: &str = "WITH who AS ( \
        SELECT user_id FROM sessions WHERE token_hash = $5 AND expires_at > now() \
        UNION ALL SELECT $6::bigint WHERE $6 IS NOT NULL), \
    claim AS ( \
        INSERT INTO idempotency (kind, key, body_hash, effect_id) \
        SELECT 'post', $1, $2, nextval(pg_get_serial_sequence('posts', 'id')) \
        WHERE $5 IS NULL AND $6 IS NULL OR EXISTS (SELECT FROM who) \
        ON CONFLICT (kind, key) DO NOTHING RETURNING effect_id), \
    written AS ( \
        INSERT INTO posts (id, key, user_id, topic, body) \
        SELECT effect_id, $1, (SELECT user_id FROM who), $3, $4 FROM claim RETURNING id) \
    SELECT (SELECT id FROM written), $5 IS NULL AND $6 IS NULL OR EXISTS (SELECT FROM who)";

const WRITE_ALWAYS: &str = "WITH who AS ( \
        SELECT user_id FROM sessions WHERE token_hash = $4 AND expires_at > now() \
        UNION ALL SELECT $5::bigint WHERE $5 IS NOT NULL), \
    written AS ( \
        INSERT INTO posts (key, user_id, topic, body) \
        SELECT $1, (SELECT user_id FROM who), $2, $3 \
        WHERE $4 IS NULL AND $5 IS NULL OR EXISTS (SELECT FROM who) RETURNING id) \
    SELECT (SELECT id FROM written), $4 IS NULL AND $5 IS NULL OR EXISTS (SELECT FROM who)";

impl Work for WritePost {
    type Output = Written;
    type Rejection = Rejection;
    const WRITES: bool = true;

    fn function(&self) -> Function {
        Function::Forum
    }

    async fn run(&self, conn: &Conn) -> Result<Written, Stop> {
        let token = self.who.as_ref().and_then(Who::token_hash);
        let known = self.who.as_ref().and_then(Who::user_id);
        let (topic, body) = (&self.topic, &self.body);
        let key = self.key.as_ref();
        let key_text = key.map(Key::as_str);
        let hash = body_hash(&[topic, body]);
        let rows = match self.idempotent {
            true => {
                conn.write(WRITE_ONCE, &[&key_text, &hash, topic, body, &token, &known]).await?
            }
            false => conn.write(WRITE_ALWAYS, &[&key_text, topic, body, &token, &known]).await?,
        };
        let done: Option<(Option<i64>, bool)> = rows.first().map(|row| (row.get(0), row.get(1)));
        match (done, key) {
            (Some((Some(post_id), _)), _) => Ok(Written { post_id, replayed: false }),
            (Some((None, false)), _) => Err(Stop::Rejected(Rejection::no_session())),
            (Some((None, true)), Some(key)) => {
                let promise = Promise { kind: "post", key, user_id: None, body_hash: &hash };
                let kept = promise.confirm(conn).await?;
                Ok(Written { post_id: kept.effect_id, replayed: true })
            }
            _ => Err(Failure::clean(Cause::Refused, "the post was not written").doubtful().into()),
        }
    }
}

/// Reads the latest posts of a topic.
#[derive(Clone)]
pub struct ListPosts {
    /// The topic.
    pub topic: String,
}

impl Work for ListPosts {
    type Output = Vec<Post>;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    fn function(&self) -> Function {
        Function::Forum
    }

    async fn run(&self, conn: &Conn) -> Result<Vec<Post>, Stop> {
        let sql = "SELECT id, topic, body FROM posts WHERE topic = $1 ORDER BY id DESC LIMIT $2";
        let rows = conn.query(sql, &[&self.topic, &LATEST]).await?;
        let post = |row: &tokio_postgres::Row| Post {
            post_id: row.get(0),
            topic: row.get(1),
            body: row.get(2),
        };
        Ok(rows.iter().map(post).collect())
    }
}

impl Cacheable for ListPosts {
    fn key(&self) -> String {
        format!("posts:{}", self.topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_huge_posts_are_refused() {
        assert!(check_post("rust", "hello").is_ok());
        for (topic, body) in [("", "x"), ("x", " "), (&*"t".repeat(101), "x"), ("x", "\0")] {
            assert_eq!(check_post(topic, body).map_err(|r| r.status), Err(400));
        }
    }
}
