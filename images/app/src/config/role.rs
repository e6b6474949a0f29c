//! What a task is for.

use super::env::{ConfigError, Env};
use super::events::Bus;

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It answers users.
    Web,
    /// It makes pages of what the application tier answers, and passes the rest on to it.
    Front,
    /// It takes messages from the queue.
    Worker,
}

impl Role {
    /// The setting.
    ///
    /// # Errors
    /// It is none of these.
    pub fn from_env(env: &Env<'_>) -> Result<Self, ConfigError> {
        let choices = [("web", Self::Web), ("front", Self::Front), ("worker", Self::Worker)];
        env.choice("ROLE", &choices, Self::Web, "web, front or worker")
    }
}

/// What a worker does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// It sends the mail of the order.
    Mail,
    /// It writes down what it heard.
    Record,
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Worker {
    /// What it does.
    pub job: Job,
    /// The bus that is told of every mail, if one is.
    pub announce: Option<Bus>,
    /// A message is acknowledged before its effect, which is then lost if the worker dies.
    pub ack_first: bool,
    /// A message that comes again has no second effect.
    pub dedupe: bool,
    /// The worker dies after each new effect, before its acknowledgement.
    pub crash_between: bool,
    /// Messages in hand at the same time.
    pub concurrency: usize,
}

impl Worker {
    /// The settings, if this task is a worker.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn from_env(env: &Env<'_>, role: Role) -> Result<Option<Self>, ConfigError> {
        let acks = [("after", false), ("before", true)];
        let jobs = [("mail", Job::Mail), ("record", Job::Record)];
        let job = env.choice("WORKER_JOB", &jobs, Job::Mail, "mail or record")?;
        let worker = Self {
            job,
            announce: match role {
                Role::Worker => Bus::from_env(env, "WORKER_ANNOUNCE")?,
                Role::Web | Role::Front => None,
            },
            ack_first: env.choice("WORKER_ACK", &acks, false, "after or before")?,
            dedupe: env.switch("WORKER_DEDUPE", true)?,
            crash_between: env.switch("WORKER_CRASH_BETWEEN", false)?,
            concurrency: env.count("WORKER_CONCURRENCY", 10, "a number from 1 to 1000")?,
        };
        Ok((role == Role::Worker).then_some(worker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_good_habits_unless_told_otherwise() {
        let none = |_: &str| None;
        let env = Env::new(&none);
        assert_eq!(Role::from_env(&env), Ok(Role::Web));
        assert!(Worker::from_env(&env, Role::Web).unwrap().is_none());
        let good = Worker::from_env(&env, Role::Worker).unwrap().unwrap();
        assert!(!good.ack_first && good.dedupe && !good.crash_between);
        assert_eq!((good.job, good.concurrency), (Job::Mail, 10));
        assert!(good.announce.is_none());
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (name, value) in [
            ("WORKER_ACK", "never"),
            ("WORKER_DEDUPE", "1"),
            ("WORKER_CRASH_BETWEEN", "1"),
            ("WORKER_CONCURRENCY", "0"),
            ("WORKER_JOB", "nothing"),
        ] {
            let set = |asked: &str| (asked == name).then(|| value.to_owned());
            let refused = Worker::from_env(&Env::new(&set), Role::Web).expect_err(name);
            assert_eq!(refused.name, name);
        }
        let set = |_: &str| Some("batch".to_owned());
        assert_eq!(Role::from_env(&Env::new(&set)).expect_err("no role").name, "ROLE");
    }
}
