//! Promises: writes with an idempotency key, which have their effect once however often they come.

use sha2::{Digest, Sha256};

use super::{Rejection, Stop};
use crate::db::{Cause, Conn, Failure};

/// Longest key.
pub const MAX_KEY_LEN: usize = 128;

/// A valid idempotency key: 1 to [`MAX_KEY_LEN`] visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Checks a key.
    ///
    /// # Errors
    /// It is empty, too long, or has characters other than visible ASCII.
    pub fn new(text: &str) -> Result<Self, Rejection> {
        let valid = !text.is_empty()
            && text.len() <= MAX_KEY_LEN
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid {
            return Ok(Self(text.to_owned()));
        }
        let hint = "send 1 to 128 visible ASCII characters, new for each write";
        Err(Rejection::new(400, "the Idempotency-Key cannot be used", hint))
    }

    /// The key as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hash of what a request asks for; `parts` are told apart.
pub fn body_hash(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// A write that may be a repetition.
pub struct Promise<'a> {
    /// `order` or `post`.
    pub kind: &'static str,
    /// Its key.
    pub key: &'a Key,
    /// Who makes it.
    pub user_id: Option<i64>,
    /// What it asks for.
    pub body_hash: &'a [u8],
}

/// Counting the repetition is a write on purpose: its commit is only acknowledged when the
/// standby has everything before it too. So the repetition also confirms that the first effect is
/// safe, which a mere look at it would not (after a cancelled wait it may be on this server only).
const CONFIRM: &str = "UPDATE idempotency SET replays = replays + 1 \
    WHERE kind = $1 AND key = $2 \
    RETURNING user_id, body_hash, effect_id, \
    (SELECT total_cents FROM orders WHERE kind = 'order' AND id = effect_id)";

/// The effect of a promise that was kept before.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Id of the order or post.
    pub effect_id: i64,
    /// Total of the order; 0 for a post.
    pub total_cents: i64,
}

impl Promise<'_> {
    /// Finds the effect that this promise had before. The connection has no open transaction.
    ///
    /// # Errors
    /// The key was used for another request, or the effect cannot be confirmed now.
    pub async fn confirm(&self, conn: &Conn) -> Result<Kept, Stop> {
        let found = conn.write(CONFIRM, &[&self.kind, &self.key.as_str()]).await;
        // It is known to be there, so a failure here never means "no effect".
        let rows = found.map_err(Failure::doubtful)?;
        let Some(row) = rows.first() else {
            let why = "the earlier write with this key vanished";
            return Err(Failure::clean(Cause::Conflict, why).into());
        };
        let same_user = row.get::<_, Option<i64>>(0) == self.user_id;
        if !same_user || row.get::<_, &[u8]>(1) != self.body_hash {
            let hint = "send the same request again, or use a new key for a new one";
            let error = "the Idempotency-Key belongs to a different request";
            return Err(Stop::Rejected(Rejection::new(422, error, hint)));
        }
        let total_cents = row.get::<_, Option<i64>>(3).unwrap_or(0);
        Ok(Kept { effect_id: row.get(2), total_cents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_of_limited_length() {
        assert!(Key::new("run-1:42").is_ok());
        assert!(Key::new(&"k".repeat(128)).is_ok());
        for bad in ["", "a b", "a\n", "ä", &"k".repeat(129)] {
            assert_eq!(Key::new(bad).map_err(|r| r.status), Err(400), "{bad:?}");
        }
    }

    #[test]
    fn the_hash_tells_parts_apart() {
        assert_eq!(body_hash(&["ab", "c"]), body_hash(&["ab", "c"]));
        assert_ne!(body_hash(&["ab", "c"]), body_hash(&["a", "bc"]));
        assert_ne!(body_hash(&["a"]), body_hash(&["a", ""]));
    }
}
