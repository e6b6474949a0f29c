//! Clients that ask for one thing as users of a workload, each with a session where the workload has any.
//! What they are answered is nobody's promise.

use std::sync::Arc;
use std::time::Instant;

use super::client::{Client, Failure};
use super::connection::Reply;
use super::request::Call;
use super::site::Site;
use super::users::Users;
use crate::spec::workload::{Asked, Dice, Template, Workload, call};

/// Clients that ask for one thing.
pub struct Askers {
    asked: Asked,
    client: Client,
    users: Users,
    /// Nobody of them has a session.
    guests: bool,
}

impl Askers {
    /// So many clients, which are nobody else (`id`); guests have no session and want none.
    pub fn new(
        site: &Site,
        workload: &Arc<Workload>,
        asked: Asked,
        clients: u16,
        id: &str,
    ) -> Self {
        let users = Users::new(Arc::clone(workload), clients, id);
        Self { asked, client: Client::new(site), users, guests: false }
    }

    /// The same without sessions.
    #[must_use]
    pub fn guests(self) -> Self {
        Self { guests: true, ..self }
    }

    /// Begins the session of a client, unless it has one, or needs none.
    ///
    /// # Errors
    /// Why it could not be begun.
    pub async fn session(&self, client: u64, deadline: Instant) -> Result<(), String> {
        match self.guests {
            true => Ok(()),
            false => self.users.session(&self.client, client, deadline).await.map(|_| ()),
        }
    }

    /// What has this number; its client is what the number leaves, divided by how many clients there are.
    ///
    /// # Errors
    /// A variable that has no value.
    pub fn call(&self, number: u64) -> Result<Call, String> {
        let workload = self.users.workload();
        let none = indexmap::IndexMap::new();
        let mut dice = Dice::new(0, number);
        let made = match &self.asked {
            Asked::Path(path) => {
                let around = self.users.around(number, self.guests);
                call::get(workload, path, &none, &around, &mut dice)
            }
            Asked::Operation(name) => match workload.operations.get(name) {
                None => return Err(format!("the workload has no operation `{name}`")),
                Some(operation) => {
                    let guest = self.guests || operation.anonymous;
                    let around = self.users.around(number, guest);
                    call::call(workload, operation, &around, &mut dice).map(|(call, _)| call)
                }
            },
        };
        let call = made.map_err(|missing| format!("no value of {}", missing.0))?;
        Ok(self.users.dressed(Call::from(call), number))
    }

    /// Sends what has this number.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, number: u64, deadline: Instant) -> Result<Reply, Failure> {
        let call = self.call(number).map_err(Failure::NotSent)?;
        self.client.send(&call, deadline).await
    }
}

/// What is asked for, in a word or a path.
pub fn title(asked: &Asked) -> String {
    match asked {
        Asked::Path(path) => Template::text(path).to_owned(),
        Asked::Operation(name) => name.clone(),
    }
}
