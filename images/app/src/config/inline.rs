//! Mail inside the request, as it was before there were queues.

use super::env::{ConfigError, Env};

/// How a request sends mail itself.
#[derive(Clone, Copy, Debug)]
pub struct Inline {
    /// Requests served at the same time, as a server with so many threads does.
    pub slots: usize,
    /// Requests that send mail may only have some of them.
    pub bulkhead: bool,
}

impl Inline {
    /// The settings, if requests send mail.
    ///
    /// # Errors
    /// A setting that cannot be used, or nothing to send mail with.
    pub fn from_env(env: &Env<'_>, sends: bool) -> Result<Option<Self>, ConfigError> {
        let on = env.switch("MAIL_INLINE", false)?;
        let bulkhead = env.switch("BULKHEAD", true)?;
        let slots = env.number("REQUEST_SLOTS", 32, 4, 1000, "a number from 4 to 1000")?;
        if on && !sends {
            let problem = "MAIL=ses is not set";
            return Err(env.refuse("MAIL_INLINE", problem, "off, or set MAIL to ses"));
        }
        Ok(on.then(|| Self { slots: usize::try_from(slots).unwrap_or(4), bulkhead }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inline(set: &[(&str, &str)], sends: bool) -> Result<Option<Inline>, ConfigError> {
        let lookup =
            |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Inline::from_env(&Env::new(&lookup), sends)
    }

    #[test]
    fn requests_send_mail_only_when_told_to_and_when_there_is_a_service() {
        assert!(inline(&[], true).unwrap().is_none());
        let on = inline(&[("MAIL_INLINE", "on")], true).unwrap().unwrap();
        assert_eq!((on.slots, on.bulkhead), (32, true));
        let refused = inline(&[("MAIL_INLINE", "on")], false).expect_err("no service");
        assert!(refused.to_string().contains("set MAIL_INLINE to off"), "{refused}");
        for (name, value) in [("MAIL_INLINE", "yes"), ("BULKHEAD", "1"), ("REQUEST_SLOTS", "3")] {
            assert_eq!(inline(&[(name, value)], true).expect_err(name).name, name);
        }
    }
}
