//! What the environment says: every setting of the program, checked before anything starts.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// PostgreSQL's registered port, used when `DATABASE_HOSTS` names none.
const POSTGRES_PORT: u16 = 5432;

/// Every setting of the program.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Name of the node, shown in logs and in the database's list of sessions.
    pub node_name: String,
    /// How the database is reached.
    pub database: Database,
    /// The habits that can be switched off.
    pub habits: Habits,
}

/// How the database is reached.
#[derive(Clone, Debug)]
pub struct Database {
    /// All servers, any of which may be the primary.
    pub hosts: Vec<SocketAddr>,
    /// Role to log in as.
    pub user: String,
    /// Its password; empty when the server asks for none.
    pub password: String,
    /// Database name.
    pub name: String,
    /// `application_name` of every connection.
    pub application_name: String,
    /// Longest wait for a TCP connection; a whole handshake may take three times as long.
    pub connect_timeout: Duration,
    /// Longest wait for one statement.
    pub statement_timeout: Duration,
    /// Connections in use at the same time.
    pub pool_size: usize,
}

/// Good habits that an experiment may switch off.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Failed database work is tried again.
    pub retries: bool,
    /// A repeated write has one effect.
    pub idempotency: bool,
    /// How long one request may keep trying.
    pub retry_budget: Duration,
}

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} cannot be used: {problem}; set {name} to {allowed}")]
pub struct ConfigError {
    name: &'static str,
    value: String,
    problem: String,
    allowed: &'static str,
}

impl Config {
    /// Reads the process environment.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads settings through `lookup`, so that tests need no process environment.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be used.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env { lookup };
        let node_name = env.text("NODE_NAME", Some("shop"))?;
        Ok(Self {
            listen: env.listen()?,
            database: Database {
                hosts: env.hosts()?,
                user: env.text("DATABASE_USER", None)?,
                password: (env.lookup)("DATABASE_PASSWORD").unwrap_or_default(),
                name: env.text("DATABASE_NAME", None)?,
                application_name: node_name.clone(),
                connect_timeout: env.millis("CONNECT_TIMEOUT_MS", 200)?,
                statement_timeout: env.millis("STATEMENT_TIMEOUT_MS", 1000)?,
                pool_size: env.pool_size()?,
            },
            habits: Habits {
                retries: env.switch("RETRIES")?,
                idempotency: env.switch("IDEMPOTENCY")?,
                retry_budget: env.millis("RETRY_BUDGET_MS", 4000)?,
            },
            node_name,
        })
    }
}

struct Env<L> {
    lookup: L,
}

impl<L: Fn(&str) -> Option<String>> Env<L> {
    fn text(&self, name: &'static str, default: Option<&str>) -> Result<String, ConfigError> {
        let found = (self.lookup)(name).or_else(|| default.map(str::to_owned));
        match found {
            Some(value) if !value.trim().is_empty() => Ok(value),
            found => Err(ConfigError {
                name,
                value: found.unwrap_or_default(),
                problem: "it is missing or empty".into(),
                allowed: "a non-empty name",
            }),
        }
    }

    fn switch(&self, name: &'static str) -> Result<bool, ConfigError> {
        match (self.lookup)(name).as_deref() {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(other) => Err(ConfigError {
                name,
                value: other.into(),
                problem: "it is neither on nor off".into(),
                allowed: "on or off",
            }),
        }
    }

    fn millis(&self, name: &'static str, default: u64) -> Result<Duration, ConfigError> {
        self.number(name, default, 1, 600_000, "a number of milliseconds from 1 to 600000")
            .map(Duration::from_millis)
    }

    fn pool_size(&self) -> Result<usize, ConfigError> {
        self.number("POOL_SIZE", 8, 1, 1000, "a number of connections from 1 to 1000")
            .map(|n| usize::try_from(n).unwrap_or(1))
    }

    fn number(
        &self,
        name: &'static str,
        default: u64,
        min: u64,
        max: u64,
        allowed: &'static str,
    ) -> Result<u64, ConfigError> {
        let Some(value) = (self.lookup)(name) else { return Ok(default) };
        let problem = match value.trim().parse::<u64>() {
            Ok(n) if (min..=max).contains(&n) => return Ok(n),
            Ok(_) => "it is out of range".to_owned(),
            Err(e) => e.to_string(),
        };
        Err(ConfigError { name, value, problem, allowed })
    }

    fn listen(&self) -> Result<SocketAddr, ConfigError> {
        let value = self.text("LISTEN", Some("0.0.0.0:8080"))?;
        value.parse().map_err(|_| ConfigError {
            name: "LISTEN",
            value,
            problem: "it is no IP address with a port".into(),
            allowed: "an address such as 0.0.0.0:8080",
        })
    }

    fn hosts(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let value = (self.lookup)("DATABASE_HOSTS").unwrap_or_default();
        let bad = |problem: String| ConfigError {
            name: "DATABASE_HOSTS",
            value: value.clone(),
            problem,
            allowed: "one or more IP addresses with ports, such as 10.0.1.5:5432,10.0.2.5:5432",
        };
        let mut hosts: Vec<SocketAddr> = Vec::new();
        for part in value.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            // Names are refused: resolving the name of a dead node costs seconds in a fail-over.
            let host = part
                .parse()
                .or_else(|_| part.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, POSTGRES_PORT)))
                .map_err(|_| bad(format!("{part:?} is no IP address")))?;
            if hosts.contains(&host) {
                return Err(bad(format!("{part} is named twice")));
            }
            hosts.push(host);
        }
        if hosts.is_empty() { Err(bad("it names no server".into())) } else { Ok(hosts) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [
            ("DATABASE_HOSTS", "10.0.1.5:5432,10.0.2.5:5433"),
            ("DATABASE_USER", "shop"),
            ("DATABASE_NAME", "shop"),
        ];
        Config::from_lookup(|name| {
            set.iter().chain(&base).find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let c = config(&[]).unwrap();
        assert_eq!(c.listen, "0.0.0.0:8080".parse().unwrap());
        assert_eq!(c.database.hosts[1], "10.0.2.5:5433".parse().unwrap());
        assert_eq!(c.database.connect_timeout, Duration::from_millis(200));
        assert_eq!(c.database.statement_timeout, Duration::from_millis(1000));
        assert_eq!(c.database.pool_size, 8);
        assert_eq!(c.habits.retry_budget, Duration::from_millis(4000));
        assert!(c.habits.retries && c.habits.idempotency);
    }

    #[test]
    fn a_host_without_port_has_the_usual_one() {
        let c = config(&[("DATABASE_HOSTS", "10.0.1.5")]).unwrap();
        assert_eq!(c.database.hosts, vec!["10.0.1.5:5432".parse().unwrap()]);
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (name, value) in [
            ("LISTEN", "8080"),
            ("DATABASE_HOSTS", "db-a1:5432"),
            ("DATABASE_HOSTS", ""),
            ("DATABASE_HOSTS", "10.0.1.5,10.0.1.5:5432"),
            ("DATABASE_USER", " "),
            ("RETRIES", "yes"),
            ("IDEMPOTENCY", "0"),
            ("RETRY_BUDGET_MS", "-1"),
            ("CONNECT_TIMEOUT_MS", "0"),
            ("STATEMENT_TIMEOUT_MS", "1s"),
            ("POOL_SIZE", "100000"),
        ] {
            let error = config(&[(name, value)]).expect_err(name);
            assert_eq!(error.name, name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
