//! What one user does: from the action to what the answer proves.

use std::time::Instant;

use super::classify::Answer;
use super::client::Client;
use super::connection::Reply;
use super::forum;
use super::request::Call;
use super::schedule::Action;
use super::sessions::{Sessions, SignedIn};
use crate::journal::{Caches, Forum, Session};

/// One operation of one user.
pub struct Visit<'a> {
    /// Sends it.
    pub client: &'a Client,
    /// Who is signed in.
    pub sessions: &'a Sessions,
    /// What the keys of this traffic's writes begin with.
    pub prefix: &'a str,
    /// The user's number.
    pub user: u64,
    /// How long the user waits.
    pub deadline: Instant,
    /// Whether it is sent over a connection of its own.
    pub anew: bool,
}

/// What is worth writing down beside the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Which version of the user's own profile was written or seen.
    pub session: Option<Session>,
    /// What was written in the forum, or shown there.
    pub forum: Option<Forum>,
    /// What caches did for a read.
    pub caches: Option<Caches>,
}

impl Visit<'_> {
    /// Carries an action out.
    pub async fn perform(&self, action: &Action) -> (Answer, Noted) {
        let (answer, session) = match action {
            Action::WriteProfile => match self.sessions.turn(self.user) {
                Some(turn) => self.write_profile(turn.version).await,
                // Who is still waiting for an answer does not send the next version.
                None => (Answer::NotSent("the version before is under way".into()), None),
            },
            Action::ReadProfile => self.read_profile().await,
            action => return self.plain(action).await,
        };
        (answer, Noted { session, ..Noted::default() })
    }

    async fn plain(&self, action: &Action) -> (Answer, Noted) {
        let call = Call::of(action);
        let writes = action.kind().is_write();
        let (answer, reply) = match writes {
            false => self.send(call, None).await,
            true => match self.signed_in().await {
                Ok(signed_in) => self.send(call, Some(&signed_in)).await,
                Err(answer) => (answer, None),
            },
        };
        // Of an error nothing is kept: it shows nothing.
        let good = reply.filter(|reply| (200..300).contains(&reply.status));
        let noted = good.map_or_else(Noted::default, |reply| Noted {
            session: None,
            forum: forum::seen(action, &reply.body, self.prefix),
            caches: reply.caches.filter(|_| !writes),
        });
        (answer, noted)
    }

    async fn write_profile(&self, version: u64) -> (Answer, Option<Session>) {
        let signed_in = match self.signed_in().await {
            Ok(signed_in) => signed_in,
            Err(answer) => return (answer, None),
        };
        let call = Call::write_profile(&signed_in.user_id, version);
        let (answer, _) = self.send(call, Some(&signed_in)).await;
        (answer, Some(Session { user: signed_in.user_id.to_string(), version }))
    }

    async fn read_profile(&self) -> (Answer, Option<Session>) {
        let signed_in = match self.signed_in().await {
            Ok(signed_in) => signed_in,
            Err(answer) => return (answer, None),
        };
        let call = Call::read_profile(&signed_in.user_id);
        let (answer, reply) = self.send(call, Some(&signed_in)).await;
        let seen = reply.and_then(|reply| seen(&reply));
        let answer = match (answer, seen) {
            // There is no profile, and to have seen that is a good answer.
            (Answer::Response { status: 404, .. }, Some(0)) => {
                Answer::Response { status: 200, effect: None }
            }
            (Answer::Response { status: 200..=299, .. }, None) => {
                Answer::Lost("an answer without version".into())
            }
            (answer, _) => answer,
        };
        let user = signed_in.user_id.to_string();
        (answer, seen.map(|version| Session { user, version }))
    }

    async fn signed_in(&self) -> Result<SignedIn, Answer> {
        self.sessions
            .token(self.client, self.user, self.deadline)
            .await
            .map_err(|reason| Answer::NotSent(format!("sign-in: {reason}")))
    }

    /// Sends a call, of a signed-in user with what they have seen so far.
    async fn send(&self, mut call: Call, who: Option<&SignedIn>) -> (Answer, Option<Reply>) {
        call.address = Some(self.sessions.address(self.user));
        call.anew = self.anew;
        if let Some(signed_in) = who {
            call.token = Some(signed_in.token.clone());
            call.position = self.sessions.position(self.user);
        }
        let reply = match self.client.send(&call, self.deadline).await {
            Ok(reply) => reply,
            Err(failure) => return (failure.into(), None),
        };
        if let Some(signed_in) = who {
            self.sessions.saw(self.user, reply.position);
            if reply.status == 401 {
                self.sessions.refused(self.user, &signed_in.token).await;
            }
        }
        (Answer::Response { status: reply.status, effect: reply.effect }, Some(reply))
    }
}

/// The version in an answer; 0 when it says that there is none.
fn seen(reply: &Reply) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Profile {
        version: u64,
    }
    match reply.status {
        404 => Some(0),
        200..=299 => serde_json::from_slice::<Profile>(&reply.body).ok().map(|p| p.version),
        _ => None,
    }
}
