//! A web tier without a database: it makes pages of what the application tier answers.

use std::net::SocketAddr;
use std::time::Duration;

use super::aws::Aws;
use super::env::{ConfigError, Env};
use super::tracing::Tracing;

/// Where load balancers of the lab answer, used when a list of them names no port.
const BALANCER_PORT: u16 = 8080;

/// Every setting of a task of the web tier.
#[derive(Clone, Debug)]
pub struct Front {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Name of the node, shown in logs and pages.
    pub node_name: String,
    /// How long the task serves on after the signal to end.
    pub drain: Duration,
    /// The load balancers of the application tier, any of which may be down.
    pub api: Vec<SocketAddr>,
    /// Longest wait for a TCP connection.
    pub connect_timeout: Duration,
    /// How long one request may take, tries again included.
    pub timeout: Duration,
    /// What had no effect is tried again.
    pub retries: bool,
    /// A load balancer that fails again and again is left alone for a while.
    pub circuit_breaker: bool,
    /// Where the front end is published, if it is.
    pub aws: Option<Aws>,
    /// Where traces go, if anywhere.
    pub tracing: Option<Tracing>,
}

impl Front {
    /// The settings.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be used.
    pub fn from_env(env: &Env<'_>) -> Result<Self, ConfigError> {
        let node_name = env.text("NODE_NAME", Some("shop"))?;
        Ok(Self {
            listen: env.address("LISTEN", "0.0.0.0:8080")?,
            tracing: Tracing::from_env(env, &node_name)?,
            node_name,
            drain: env.drain()?,
            api: env.hosts("API_HOSTS", BALANCER_PORT)?,
            connect_timeout: env.millis("CONNECT_TIMEOUT_MS", 200)?,
            timeout: env.millis("API_TIMEOUT_MS", 5500)?,
            retries: env.switch("RETRIES", true)?,
            circuit_breaker: env.switch("CIRCUIT_BREAKER", true)?,
            aws: Aws::from_env(env)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(set: &[(&str, &str)]) -> Result<Front, ConfigError> {
        let lookup =
            |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Front::from_env(&Env::new(&lookup))
    }

    #[test]
    fn it_needs_load_balancers_and_no_database() {
        let front = front(&[("API_HOSTS", "10.0.1.4,10.0.2.4:81")]).unwrap();
        assert_eq!(front.api[0], "10.0.1.4:8080".parse().unwrap());
        assert_eq!(front.api[1], "10.0.2.4:81".parse().unwrap());
        assert_eq!((front.timeout.as_millis(), front.connect_timeout.as_millis()), (5500, 200));
        assert!(front.retries && front.circuit_breaker && front.aws.is_none());
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        assert_eq!(front(&[]).expect_err("no load balancer").name, "API_HOSTS");
        let good = ("API_HOSTS", "10.0.1.4");
        for (name, value) in
            [("API_HOSTS", "api-lb"), ("API_TIMEOUT_MS", "0"), ("RETRIES", "1"), ("DRAIN_MS", "x")]
        {
            assert_eq!(front(&[(name, value), good]).expect_err(name).name, name);
        }
    }
}
