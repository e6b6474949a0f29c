//! The mail service.

use std::time::Duration;

use super::aws::{Keys, endpoint};
use super::env::{ConfigError, Env};

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Where the service answers.
    pub endpoint: String,
    /// Who asks.
    pub keys: Keys,
    /// Who mails are from.
    pub from: String,
    /// Longest wait for the service to take a mail.
    pub timeout: Duration,
}

impl Mail {
    /// The settings, if mail is sent.
    ///
    /// # Errors
    /// A setting that cannot be used, or one that is needed and is missing.
    pub fn from_env(env: &Env<'_>) -> Result<Option<Self>, ConfigError> {
        let sent = env.choice("MAIL", &[("none", false), ("ses", true)], false, "none or ses")?;
        let from = env.text("MAIL_FROM", Some("shop@example.com"))?;
        let timeout = env.millis("MAIL_TIMEOUT_MS", 2000)?;
        if !sent {
            return Ok(None);
        }
        Ok(Some(Self {
            endpoint: endpoint(env, "AWS_ENDPOINT_URL_SES")?,
            keys: Keys::from_env(env)?,
            from,
            timeout,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_sent_only_when_asked_for() {
        let reached = |name: &str| match name {
            "MAIL" => Some("ses".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://10.0.9.1:4566".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("lab".to_owned()),
            _ => None,
        };
        let mail = Mail::from_env(&Env::new(&reached)).unwrap().unwrap();
        assert_eq!((&*mail.from, mail.timeout.as_millis()), ("shop@example.com", 2000));
        let none = |name: &str| reached(name).filter(|_| name != "MAIL");
        assert!(Mail::from_env(&Env::new(&none)).unwrap().is_none());
        for (bad, value) in [("MAIL", "smtp"), ("MAIL_TIMEOUT_MS", "0"), ("MAIL_FROM", " ")] {
            let set = |n: &str| if n == bad { Some(value.to_owned()) } else { reached(n) };
            assert_eq!(Mail::from_env(&Env::new(&set)).expect_err(bad).name, bad);
        }
    }
}
