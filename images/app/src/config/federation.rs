//! Functions of the shop with databases of their own.

use super::env::{ConfigError, Env};
use super::{Database, POSTGRES_PORT, Replicas};

/// Where data is.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// The servers.
    pub database: Database,
    /// Their read replicas, if there are any.
    pub replicas: Option<Replicas>,
}

/// Functions with databases of their own; the others share the catalogue's.
#[derive(Clone, Debug, Default)]
pub struct Federation {
    /// Users, sessions and profiles.
    pub users: Option<DataSource>,
    /// Posts.
    pub forum: Option<DataSource>,
}

/// Names of the settings of one function.
struct Names {
    hosts: &'static str,
    user: &'static str,
    password: &'static str,
    database: &'static str,
    proxy: &'static str,
    replicas: &'static str,
}

const USERS: Names = Names {
    hosts: "USERS_DATABASE_HOSTS",
    user: "USERS_DATABASE_USER",
    password: "USERS_DATABASE_PASSWORD",
    database: "USERS_DATABASE_NAME",
    proxy: "USERS_DATABASE_PROXY",
    replicas: "USERS_REPLICA_HOSTS",
};

const FORUM: Names = Names {
    hosts: "FORUM_DATABASE_HOSTS",
    user: "FORUM_DATABASE_USER",
    password: "FORUM_DATABASE_PASSWORD",
    database: "FORUM_DATABASE_NAME",
    proxy: "FORUM_DATABASE_PROXY",
    replicas: "FORUM_REPLICA_HOSTS",
};

impl Federation {
    /// The settings; what a function does not say is as `main` has it.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn from_env(env: &Env<'_>, main: &Database) -> Result<Self, ConfigError> {
        Ok(Self { users: source(env, main, &USERS)?, forum: source(env, main, &FORUM)? })
    }

    /// Whether reads of any of them may go to replicas.
    pub fn has_replicas(&self) -> bool {
        [&self.users, &self.forum].into_iter().flatten().any(|source| source.replicas.is_some())
    }
}

fn source(
    env: &Env<'_>,
    main: &Database,
    names: &Names,
) -> Result<Option<DataSource>, ConfigError> {
    if env.optional(names.hosts).is_none() {
        return Ok(None);
    }
    let database = Database {
        hosts: env.hosts(names.hosts, POSTGRES_PORT)?,
        user: env.text(names.user, Some(&main.user))?,
        password: env.optional(names.password).unwrap_or_else(|| main.password.clone()),
        name: env.text(names.database, Some(&main.name))?,
        proxy: env.switch(names.proxy, false)?,
        ..main.clone()
    };
    Ok(Some(DataSource { database, replicas: Replicas::named(env, names.replicas)? }))
}
