//! What the environment says: every setting of the program, checked before anything starts.

mod aws;
mod cache;
mod env;
mod events;
mod federation;
mod front;
mod inline;
mod mail;
mod replicas;
mod role;
mod tracing;

use std::net::SocketAddr;
use std::time::Duration;

pub use aws::{Aws, Keys};
pub use cache::{Cache, CacheServers};
pub use env::ConfigError;
pub use events::{Bus, Events, Queue, Topic};
pub use federation::{DataSource, Federation};
pub use front::Front;
pub use inline::Inline;
pub use mail::Mail;
pub use replicas::Replicas;
pub use role::{Job, Role, Worker};
pub use tracing::Tracing;

use crate::defect::Defect;
use env::Env;

/// PostgreSQL's registered port, used when a list of servers names none.
const POSTGRES_PORT: u16 = 5432;

/// What the program is told, by what it is for.
#[derive(Clone, Debug)]
pub enum Settings {
    /// It has the shop's data, or works on them.
    Shop(Box<Config>),
    /// It makes pages of what others answer.
    Front(Box<Front>),
}

impl Settings {
    /// Reads the process environment.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        let lookup = |name: &str| std::env::var(name).ok();
        let env = Env::new(&lookup);
        Ok(match Role::from_env(&env)? {
            Role::Front => Self::Front(Box::new(Front::from_env(&env)?)),
            Role::Web | Role::Worker => Self::Shop(Box::new(Config::from_lookup(lookup)?)),
        })
    }
}

/// Every setting of a task that has the shop's data.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the task is for.
    pub role: Role,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Name of the node, shown in logs and in the database's list of sessions.
    pub node_name: String,
    /// How the database is reached.
    pub database: Database,
    /// Read replicas, if there are any.
    pub replicas: Option<Replicas>,
    /// Functions with databases of their own.
    pub federation: Federation,
    /// The cache, if there is one.
    pub cache: Option<Cache>,
    /// Managed services, if any is used.
    pub aws: Option<Aws>,
    /// Events of orders, if there are any.
    pub events: Option<Events>,
    /// How mail is sent, if it is.
    pub mail: Option<Mail>,
    /// How requests send mail themselves, if they do.
    pub inline: Option<Inline>,
    /// Requests a second that the task can serve, where that is limited.
    pub capacity_per_s: Option<u32>,
    /// How a worker works, if this is one.
    pub worker: Option<Worker>,
    /// Where traces go, if anywhere.
    pub tracing: Option<Tracing>,
    /// How long pages may be kept in front of the shop, in seconds.
    pub page_ttl_s: u64,
    /// How long the task serves on after the signal to end, while it says that it is not healthy: so
    /// that who sends it requests has noticed before it ends.
    pub drain: Duration,
    /// Whether a client is never shown less than it wrote or saw before.
    pub read_your_writes: bool,
    /// What is wrong with this release, if anything is.
    pub defect: Option<Defect>,
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
    /// Whether the servers are poolers, each of which leads to the primary of the moment.
    pub proxy: bool,
    /// Whether every commit asks for its position in the log.
    pub positions: bool,
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

impl Config {
    /// Reads settings through `lookup`, so that tests need no process environment.
    ///
    /// # Errors
    /// The first setting that is missing or cannot be used.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env::new(&lookup);
        let role = Role::from_env(&env)?;
        let node_name = env.text("NODE_NAME", Some("shop"))?;
        let replicas = Replicas::from_env(&env)?;
        let cache = Cache::from_env(&env)?;
        let mail = Mail::from_env(&env)?;
        let mut database = Database {
            hosts: env.hosts("DATABASE_HOSTS", POSTGRES_PORT)?,
            user: env.text("DATABASE_USER", None)?,
            password: env.optional("DATABASE_PASSWORD").unwrap_or_default(),
            name: env.text("DATABASE_NAME", None)?,
            application_name: node_name.clone(),
            connect_timeout: env.millis("CONNECT_TIMEOUT_MS", 200)?,
            statement_timeout: env.millis("STATEMENT_TIMEOUT_MS", 1000)?,
            pool_size: env.count("POOL_SIZE", 8, "a number of connections from 1 to 1000")?,
            proxy: env.switch("DATABASE_PROXY", false)?,
            positions: false,
        };
        let mut federation = Federation::from_env(&env, &database)?;
        let positions = replicas.is_some() || federation.has_replicas() || cache.is_some();
        database.positions = positions;
        for source in [&mut federation.users, &mut federation.forum].into_iter().flatten() {
            source.database.positions = positions;
        }
        Ok(Self {
            role,
            listen: env.address("LISTEN", "0.0.0.0:8080")?,
            database,
            replicas,
            federation,
            cache,
            aws: Aws::from_env(&env)?,
            events: Events::from_env(&env, role)?,
            inline: Inline::from_env(&env, mail.is_some())?,
            capacity_per_s: env.capacity_per_s()?,
            mail,
            worker: Worker::from_env(&env, role)?,
            tracing: Tracing::from_env(&env, &node_name)?,
            page_ttl_s: env.number("PAGE_TTL_S", 2, 0, 86_400, "a number of seconds to 86400")?,
            drain: env.drain()?,
            read_your_writes: env.switch("READ_YOUR_WRITES", true)?,
            defect: env.choice(
                "DEFECT",
                &Defect::WORDS,
                None,
                "none, unhealthy, errors or slow",
            )?,
            habits: Habits {
                retries: env.switch("RETRIES", true)?,
                idempotency: env.switch("IDEMPOTENCY", true)?,
                retry_budget: env.millis("RETRY_BUDGET_MS", 4000)?,
            },
            node_name,
        })
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
        assert!(c.replicas.is_none() && !c.database.positions);
        assert!(c.cache.is_none() && c.aws.is_none() && !c.database.proxy);
        assert!(c.events.is_none() && c.mail.is_none() && c.inline.is_none() && c.worker.is_none());
        assert_eq!((c.page_ttl_s, c.drain, c.role), (2, Duration::ZERO, Role::Web));
        assert!(c.defect.is_none());
    }

    #[test]
    fn the_cache_is_found_through_sentinels_or_is_fixed() {
        let sentinels = config(&[("CACHE_SENTINELS", "10.0.1.9")]).unwrap().cache.unwrap();
        let CacheServers::Sentinels(addrs, name) = sentinels.servers else { panic!() };
        assert_eq!((addrs[0], &*name), ("10.0.1.9:26379".parse().unwrap(), "cache"));
        assert!(sentinels.on && sentinels.stampede_protection);
        assert!(sentinels.serve_stale && sentinels.circuit_breaker);
        assert_eq!((sentinels.ttl.as_millis(), sentinels.timeout.as_millis()), (2000, 100));
        let fixed = config(&[("CACHE_HOSTS", "10.0.1.8"), ("CACHE", "off")]).unwrap();
        assert!(fixed.database.positions);
        let fixed = fixed.cache.unwrap();
        let CacheServers::Fixed(addrs) = fixed.servers else { panic!() };
        assert_eq!((addrs[0], fixed.on), ("10.0.1.8:6379".parse().unwrap(), false));
    }

    #[test]
    fn replicas_are_split_and_consistent_unless_told_otherwise() {
        let config_set = config(&[("REPLICA_HOSTS", "10.0.1.6, 10.0.2.6:5433")]).unwrap();
        assert!(config_set.read_your_writes && config_set.database.positions);
        let replicas = config_set.replicas.unwrap();
        assert_eq!(replicas.hosts[0], "10.0.1.6:5432".parse().unwrap());
        assert!(replicas.split);
        assert_eq!(replicas.max_lag, Duration::from_millis(1000));
        assert!(config(&[("REPLICA_HOSTS", "")]).unwrap().replicas.is_none());
    }

    #[test]
    fn functions_have_databases_of_their_own_where_told() {
        assert!(config(&[]).unwrap().federation.users.is_none());
        let own = [
            ("USERS_DATABASE_HOSTS", "10.0.3.5"),
            ("USERS_DATABASE_NAME", "people"),
            ("USERS_DATABASE_PROXY", "on"),
            ("FORUM_DATABASE_HOSTS", "10.0.4.5:6432"),
            ("FORUM_REPLICA_HOSTS", "10.0.4.6"),
        ];
        let c = config(&own).unwrap();
        let (users, forum) = (c.federation.users.unwrap(), c.federation.forum.unwrap());
        assert_eq!((&*users.database.name, &*users.database.user), ("people", "shop"));
        assert!(users.database.proxy && users.replicas.is_none() && !forum.database.proxy);
        assert_eq!(forum.database.hosts, vec!["10.0.4.5:6432".parse().unwrap()]);
        assert_eq!(forum.replicas.unwrap().hosts, vec!["10.0.4.6:5432".parse().unwrap()]);
        assert!(c.replicas.is_none() && c.database.positions && users.database.positions);
    }

    #[test]
    fn a_host_without_port_has_the_usual_one() {
        let c = config(&[("DATABASE_HOSTS", "10.0.1.5")]).unwrap();
        assert_eq!(c.database.hosts, vec!["10.0.1.5:5432".parse().unwrap()]);
    }

    #[test]
    fn managed_services_need_an_endpoint_and_keys() {
        let base = [
            ("CARTS", "dynamodb"),
            ("AWS_ENDPOINT_URL", "http://10.0.9.1:4566/"),
            ("AWS_ACCESS_KEY_ID", "lab"),
            ("AWS_SECRET_ACCESS_KEY", "lab"),
        ];
        let aws = config(&base).unwrap().aws.unwrap();
        assert_eq!((&*aws.dynamodb, &*aws.keys.region), ("http://10.0.9.1:4566", "eu-central-1"));
        let own = [("AWS_ENDPOINT_URL_DYNAMODB", "http://10.0.9.2:4566")];
        let mixed = config(&[&base[..], &own].concat()).unwrap().aws.unwrap();
        assert_eq!(
            (&*mixed.dynamodb, &*mixed.s3),
            ("http://10.0.9.2:4566", "http://10.0.9.1:4566")
        );
        assert_eq!((aws.carts_table.as_deref(), aws.assets_bucket), (Some("carts"), None));
        let bucket = [("ASSETS_BUCKET", "assets"), base[1], base[2], base[3]];
        let aws = config(&bucket).unwrap().aws.unwrap();
        assert_eq!((aws.carts_table, aws.assets_bucket.as_deref()), (None, Some("assets")));
        for left_out in 1..4 {
            let some: Vec<_> = base.iter().copied().filter(|s| *s != base[left_out]).collect();
            assert_eq!(config(&some).expect_err("incomplete").name, base[left_out].0);
        }
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
            ("REPLICA_HOSTS", "replica-b1"),
            ("USERS_DATABASE_HOSTS", "users-a1"),
            ("READ_SPLIT", "1"),
            ("READ_YOUR_WRITES", "yes"),
            ("REPLICA_MAX_LAG_MS", "0"),
            ("CACHE_SENTINELS", "sentinel-1"),
            ("CACHE_HOSTS", "cache"),
            ("CACHE_NAME", ""),
            ("CACHE", "true"),
            ("CACHE_TTL_MS", "2s"),
            ("CACHE_TIMEOUT_MS", "0"),
            ("STAMPEDE_PROTECTION", ""),
            ("SERVE_STALE", "no"),
            ("CIRCUIT_BREAKER", "1"),
            ("DATABASE_PROXY", "pgbouncer"),
            ("PAGE_TTL_S", "-1"),
            ("DRAIN_MS", "3s"),
            ("CAPACITY_PER_S", "0"),
            ("CARTS", "redis"),
            ("ROLE", "batch"),
            ("ORDER_EVENTS", "yes"),
            ("MAIL", "smtp"),
            ("WORKER_ACK", "never"),
            ("MAIL_INLINE", "on"),
            ("DEFECT", "late"),
        ] {
            let error = config(&[(name, value)]).expect_err(name);
            assert_eq!(error.name, name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
