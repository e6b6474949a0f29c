//! The mail service.

use super::client::Service;
use super::query::{Param, ask, element, param};
use super::trouble::Trouble;
use crate::config;

/// Version of the interface.
const VERSION: &str = "2010-12-01";

/// The mail service.
pub struct Ses {
    service: Service,
    from: String,
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Whom it is for.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl Ses {
    /// The service as it is reached with these settings.
    pub fn new(settings: &config::Mail) -> Self {
        let service = Service::new("ses", &settings.endpoint, settings.timeout, &settings.keys);
        Self { service, from: settings.from.clone() }
    }

    /// How long a mail may take.
    pub fn timeout(&self) -> std::time::Duration {
        self.service.timeout()
    }

    /// Shows the service the address to send from, as an operator does before the first mail.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn introduce(&self) -> Result<(), Trouble> {
        let identity = [param("EmailAddress", &self.from)];
        ask(&self.service, VERSION, "VerifyEmailIdentity", &identity).await.map(drop)
    }

    /// Sends a mail; the service's number for it. An address to send from that the service does not
    /// know (yet, or any more) is shown to it first.
    ///
    /// # Errors
    /// The service does not answer, or refuses. Without an answer the mail may have been sent.
    pub async fn send(&self, letter: &Letter) -> Result<String, Trouble> {
        let params = self.params(letter);
        let sent = match ask(&self.service, VERSION, "SendEmail", &params).await {
            Err(Trouble::Missing(_)) => {
                self.introduce().await?;
                ask(&self.service, VERSION, "SendEmail", &params).await
            }
            other => other,
        }?;
        element(&sent, "MessageId")
            .ok_or_else(|| Trouble::Never("the service does not number the mail".into()))
    }

    fn params(&self, letter: &Letter) -> Vec<Param> {
        vec![
            param("Source", &self.from),
            param("Destination.ToAddresses.member.1", &letter.to),
            param("Message.Subject.Data", &letter.subject),
            param("Message.Body.Text.Data", &letter.text),
        ]
    }
}
