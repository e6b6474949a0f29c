//! What PostgreSQL and pgbouncer keep of a password: enough to check a login, not enough to make one.
//!
//! pgbouncer, which has one thread, derives the keys of a password that it was told in plain text anew at
//! every login (2.5 ms of a core, pgbouncer's pull request 1563), while all queries wait. Of a secret it
//! only checks the proof; and it can log in to a server that has the same one with the keys that its
//! client has shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::password;

/// Rounds of the derivation: PostgreSQL's default of `scram_iterations`.
const ITERATIONS: u32 = 4096;
/// Bytes of salt, as PostgreSQL makes it (`SCRAM_DEFAULT_SALT_LEN`).
const SALT_BYTES: usize = 16;

/// The SCRAM-SHA-256 secret (RFC 5802) of a role's password, as `pg_authid` has it. The salt follows from
/// the lab's secret as the password does, so that every node is told the same.
pub(super) fn secret(lab_secret: &str, role: &str) -> String {
    let salt = Sha256::digest(format!("{lab_secret}/{role}/salt"));
    of_password(&password(lab_secret, role), &salt[..SALT_BYTES])
}

fn of_password(password: &str, salt: &[u8]) -> String {
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, ITERATIONS, &mut salted);
    let stored = Sha256::digest(keyed(&salted, b"Client Key"));
    let server = keyed(&salted, b"Server Key");
    let [salt, stored, server] = [salt, &stored, &server].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}")
}

fn keyed(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    // A key shorter than a block is filled up with zeros (RFC 2104).
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&block).into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by another implementation (Python's `hashlib` and `hmac`).
    #[test]
    fn the_secret_is_what_others_make_of_the_same_password_and_salt() {
        let made = of_password("pencil", b"0123456789abcdef");
        assert_eq!(
            made,
            "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$nQpbZ77WudtqufPwikHXGRt6g2QJ4zns8bZLw273DRM=:jn2amWP1q1h+jgjy0YTO14S6/F02SV7taipOeB7ef20="
        );
    }

    #[test]
    fn every_lab_and_role_has_its_own() {
        assert_eq!(secret("lab", "shop"), secret("lab", "shop"));
        assert_ne!(secret("lab", "shop"), secret("other", "shop"));
        assert_ne!(secret("lab", "shop"), secret("lab", "postgres"));
    }
}
