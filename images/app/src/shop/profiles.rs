//! What users say about themselves, in versions that only grow: so that a client can tell whether
//! what it reads is what it wrote, or older than what it saw.

use serde::Serialize;

use super::users::Token;
use super::{Rejection, Stop};
use crate::db::{Cause, Conn, Failure, Function, Work};

/// Longest text, in bytes.
const MAX_ABOUT: usize = 1000;

/// A profile as everybody sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// Whose. As text: the number has more digits than JavaScript keeps.
    pub user_id: String,
    /// Grows with each write.
    pub version: i64,
    /// What the user says.
    pub about: String,
}

/// Refuses a version or a text that no profile may have.
///
/// # Errors
/// The version is below 1, or the text too long.
pub fn check_profile(version: i64, about: &str) -> Result<(), Rejection> {
    if version >= 1 && about.len() <= MAX_ABOUT && !about.contains('\0') {
        return Ok(());
    }
    let hint = "give a version from 1 and at most 1000 bytes of \"about\"";
    Err(Rejection::new(400, "the profile cannot be used", hint))
}

/// Writes a version of a profile. The version is the key of the promise: the same one may be
/// written again, an older one never replaces a newer one.
pub struct WriteProfile {
    /// Who writes.
    pub token: Token,
    /// Whose profile: the writer's own.
    pub user_id: i64,
    /// Above all versions before.
    pub version: i64,
    /// What the user says.
    pub about: String,
}

/// Writes also when the version is there already, so that the acknowledgement means as much.
const WRITE: &str = "WITH who AS ( \
        SELECT user_id FROM sessions WHERE token_hash = $1 AND expires_at > now()), \
    written AS ( \
        INSERT INTO profiles (user_id, version, about) \
        SELECT user_id, $3, $4 FROM who WHERE user_id = $2 \
        ON CONFLICT (user_id) DO UPDATE \
            SET version = excluded.version, about = excluded.about, updated_at = now() \
            WHERE profiles.version < excluded.version \
                OR (profiles.version = excluded.version AND profiles.about = excluded.about) \
        RETURNING version) \
    SELECT EXISTS (SELECT FROM who), EXISTS (SELECT FROM who WHERE user_id = $2), \
        EXISTS (SELECT FROM written)";

impl Work for WriteProfile {
    type Output = ();
    type Rejection = Rejection;
    const WRITES: bool = true;

    fn function(&self) -> Function {
        Function::Users
    }

    async fn run(&self, conn: &Conn) -> Result<(), Stop> {
        let params: crate::db::Params<'_> =
            &[self.token.hash(), &self.user_id, &self.version, &self.about];
        let rows = conn.write(WRITE, params).await?;
        let refuse = |status, error: &str, hint| {
            Err(Stop::Rejected(Rejection::new(status, error.to_owned(), hint)))
        };
        match rows.first().map(|row| (row.get(0), row.get(1), row.get(2))) {
            Some((true, true, true)) => Ok(()),
            Some((true, true, false)) => {
                refuse(409, "there is a newer version", "read the profile, and write a higher one")
            }
            Some((true, false, _)) => {
                refuse(403, "this is somebody else's profile", "POST /sessions names your user_id")
            }
            Some((false, _, _)) => Err(Stop::Rejected(Rejection::no_session())),
            None => {
                let why = "the profile was not written";
                Err(Failure::clean(Cause::Refused, why).doubtful().into())
            }
        }
    }
}

/// Reads a profile.
pub struct GetProfile {
    /// Whose.
    pub user_id: i64,
}

impl Work for GetProfile {
    type Output = Profile;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    fn function(&self) -> Function {
        Function::Users
    }

    async fn run(&self, conn: &Conn) -> Result<Profile, Stop> {
        let sql = "SELECT version, about FROM profiles WHERE user_id = $1";
        let rows = conn.query(sql, &[&self.user_id]).await?;
        let found = rows.first().map(|row| Profile {
            user_id: self.user_id.to_string(),
            version: row.get(0),
            about: row.get(1),
        });
        found.ok_or_else(|| {
            let hint = "PUT /users/{id}/profile writes one";
            Stop::Rejected(Rejection::new(404, "this user has no profile", hint))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_profiles_are_refused() {
        assert!(check_profile(1, "").is_ok());
        for (version, about) in [(0, ""), (-1, ""), (1, "\0"), (1, &*"a".repeat(1001))] {
            assert_eq!(check_profile(version, about).map_err(|r| r.status), Err(400));
        }
    }
}
