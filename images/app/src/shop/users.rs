//! Users and sessions.

use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng;
use sha2::{Digest, Sha256};

use super::{Rejection, Stop};
use crate::cache::Cacheable;
use crate::db::{Conn, Function, Work};

/// Memory of one hash. Less than the 19 MiB that OWASP's password storage sheet recommends, because
/// an emulated task has a fraction of a machine and its password protects nothing.
const ARGON2_KIB: u32 = 4096;

/// Longest name and password.
const MAX_TEXT: usize = 200;

/// What a session is known by. The client has the token, the database its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    hash: Vec<u8>,
}

impl Token {
    /// A new token of 256 random bits, and its text for the client.
    pub fn generate() -> (Self, String) {
        let bits: [u8; 32] = rand::rng().random();
        let text: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        (Self::from_text(&text), text)
    }

    /// The token that a client sent.
    pub fn from_text(text: &str) -> Self {
        Self { hash: Sha256::digest(text.as_bytes()).to_vec() }
    }

    /// What the database knows.
    pub fn hash(&self) -> &Vec<u8> {
        &self.hash
    }
}

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever has this session; the statement looks itself.
    Session(Token),
    /// A user whose session was looked up before, in another database.
    Known(i64),
}

impl Who {
    /// The hash of the session's token.
    pub fn token_hash(&self) -> Option<&Vec<u8>> {
        match self {
            Self::Session(token) => Some(token.hash()),
            Self::Known(_) => None,
        }
    }

    /// The user, if it is known.
    pub fn user_id(&self) -> Option<i64> {
        match self {
            Self::Session(_) => None,
            Self::Known(user_id) => Some(*user_id),
        }
    }
}

/// A new random id; positive.
pub fn new_user_id() -> i64 {
    rand::rng().random_range(1..i64::MAX)
}

/// Refuses names and passwords that cannot be used.
///
/// # Errors
/// One of them is empty or too long.
pub fn check_credentials(name: &str, password: &str) -> Result<(), Rejection> {
    let hint = "give a name and a password of 1 to 200 bytes each";
    for (what, text) in [("name", name), ("password", password)] {
        if text.trim().is_empty() || text.len() > MAX_TEXT || text.contains('\0') {
            return Err(Rejection::new(400, format!("the {what} cannot be used"), hint));
        }
    }
    Ok(())
}

/// Hashes a password. Takes milliseconds of CPU: not for an async thread.
///
/// # Errors
/// The parameters are not possible (a bug).
pub fn hash_password(password: &str) -> Result<String, argon2::password_hash::Error> {
    let salt = SaltString::encode_b64(&rand::rng().random::<[u8; 16]>())?;
    Ok(argon2()?.hash_password(password.as_bytes(), &salt)?.to_string())
}

/// Whether a password belongs to a hash. Takes milliseconds of CPU: not for an async thread.
pub fn password_matches(password: &str, hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    argon2().is_ok_and(|a| a.verify_password(password.as_bytes(), &parsed).is_ok())
}

fn argon2() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(ARGON2_KIB, 1, 1, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Creates a user with a name.
pub struct SignUp {
    /// From [`new_user_id`], the same in every try: so a try knows the row of an earlier one.
    pub user_id: i64,
    /// Unique.
    pub name: String,
    /// From [`hash_password`].
    pub password_hash: String,
}

/// Writes also when an earlier try had its effect, so that the acknowledgement means as much.
const SIGN_UP: &str = "INSERT INTO users (id, name, password_hash) VALUES ($1, $2, $3) \
    ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash \
    WHERE users.id = excluded.id RETURNING id";

impl Work for SignUp {
    type Output = i64;
    type Rejection = Rejection;
    const WRITES: bool = true;

    fn function(&self) -> Function {
        Function::Users
    }

    async fn run(&self, conn: &Conn) -> Result<i64, Stop> {
        let rows = conn.write(SIGN_UP, &[&self.user_id, &self.name, &self.password_hash]).await?;
        match rows.first() {
            Some(row) => Ok(row.get(0)),
            None => Err(Stop::Rejected(Rejection::new(
                409,
                format!("the name {:?} is taken", self.name),
                "choose another name",
            ))),
        }
    }
}

/// Looks up the id and the password hash of a user.
pub struct FindUser {
    /// Name of the user.
    pub name: String,
}

impl Work for FindUser {
    type Output = Option<(i64, String)>;
    type Rejection = Rejection;
    const WRITES: bool = false;

    fn function(&self) -> Function {
        Function::Users
    }

    async fn run(&self, conn: &Conn) -> Result<Self::Output, Stop> {
        let sql = "SELECT id, password_hash FROM users WHERE name = $1 AND password_hash <> ''";
        let rows = conn.query(sql, &[&self.name]).await?;
        Ok(rows.first().map(|row| (row.get(0), row.get(1))))
    }
}

/// Opens a session; for a guest it creates the user too.
pub struct OpenSession {
    /// The user.
    pub user_id: i64,
    /// Create the user, without name or password.
    pub guest: bool,
    /// The same in every try.
    pub token: Token,
}

const OPEN: &str = "INSERT INTO sessions (token_hash, user_id, expires_at) \
    VALUES ($1, $2, now() + interval '30 days') \
    ON CONFLICT (token_hash) DO UPDATE SET expires_at = excluded.expires_at";

const OPEN_AS_GUEST: &str = "WITH guest AS ( \
        INSERT INTO users (id) VALUES ($2) ON CONFLICT (id) DO NOTHING) \
    INSERT INTO sessions (token_hash, user_id, expires_at) \
    VALUES ($1, $2, now() + interval '30 days') \
    ON CONFLICT (token_hash) DO UPDATE SET expires_at = excluded.expires_at";

impl Work for OpenSession {
    type Output = ();
    type Rejection = Rejection;
    const WRITES: bool = true;

    fn function(&self) -> Function {
        Function::Users
    }

    async fn run(&self, conn: &Conn) -> Result<(), Stop> {
        let sql = if self.guest { OPEN_AS_GUEST } else { OPEN };
        conn.write(sql, &[self.token.hash(), &self.user_id]).await?;
        Ok(())
    }
}

/// Looks up whose session it is.
#[derive(Clone)]
pub struct WhoIs {
    /// The session's.
    pub token: Token,
}

const WHO: &str = "SELECT user_id FROM sessions WHERE token_hash = $1 AND expires_at > now()";

impl Work for WhoIs {
    type Output = i64;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    fn function(&self) -> Function {
        Function::Users
    }

    async fn run(&self, conn: &Conn) -> Result<i64, Stop> {
        let rows = conn.query(WHO, &[self.token.hash()]).await?;
        rows.first().map(|row| row.get(0)).ok_or_else(|| Stop::Rejected(Rejection::no_session()))
    }
}

impl Cacheable for WhoIs {
    /// A session belongs to the same user for as long as it lives.
    const TTL: Option<Duration> = Some(Duration::from_secs(60));

    fn key(&self) -> String {
        let hash: String = self.token.hash().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("session:{hash}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let hash = hash_password("correct horse").unwrap();
        assert!(password_matches("correct horse", &hash));
        assert!(!password_matches("wrong horse", &hash));
        assert!(!password_matches("correct horse", "no hash"));
        assert_ne!(hash, hash_password("correct horse").unwrap(), "the salt must differ");
    }

    #[test]
    fn tokens_differ_and_are_found_again_by_their_text() {
        let (token, text) = Token::generate();
        assert_eq!(token, Token::from_text(&text));
        assert_ne!(token, Token::generate().0);
        assert_eq!(text.len(), 64);
    }

    #[test]
    fn empty_and_huge_credentials_are_refused() {
        assert!(check_credentials("ann", "secret").is_ok());
        for (name, password) in [("", "x"), ("x", " "), ("x", "\0"), (&*"n".repeat(201), "x")] {
            assert_eq!(check_credentials(name, password).map_err(|r| r.status), Err(400));
        }
    }
}
