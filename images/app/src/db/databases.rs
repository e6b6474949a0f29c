//! The databases: one for everything, or some functions of the shop in databases of their own
//! (federation).

use super::{Db, GaveUp, Schema, Visit, Work, keep_current};
use crate::config;

/// What data is for. Each function may have a database of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Products, carts, orders and what follows from them; and whatever has no database of its own.
    Catalogue,
    /// Users, their sessions and profiles.
    Users,
    /// Posts.
    Forum,
}

impl Function {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Catalogue, Self::Users, Self::Forum];

    /// Its number, from 0.
    pub fn index(self) -> usize {
        match self {
            Self::Catalogue => 0,
            Self::Users => 1,
            Self::Forum => 2,
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Users => "users",
            Self::Forum => "forum",
        }
    }
}

/// Where each function has its data. Clones share the databases.
#[derive(Clone)]
pub struct Databases {
    catalogue: Db,
    users: Option<Db>,
    forum: Option<Db>,
}

impl Databases {
    /// The databases with nothing done yet, and the tasks that watch their servers.
    pub fn start(
        main: config::DataSource,
        federation: config::Federation,
        read_your_writes: bool,
        habits: config::Habits,
    ) -> Self {
        let start = |function, source: config::DataSource| {
            Db::start(function, source.database, source.replicas.as_ref(), read_your_writes, habits)
        };
        Self {
            catalogue: start(Function::Catalogue, main),
            users: federation.users.map(|source| start(Function::Users, source)),
            forum: federation.forum.map(|source| start(Function::Forum, source)),
        }
    }

    /// The database of a function.
    pub fn of(&self, function: Function) -> &Db {
        let own = match function {
            Function::Catalogue => None,
            Function::Users => self.users.as_ref(),
            Function::Forum => self.forum.as_ref(),
        };
        own.unwrap_or(&self.catalogue)
    }

    /// Each database once.
    pub fn all(&self) -> impl Iterator<Item = &Db> {
        [Some(&self.catalogue), self.users.as_ref(), self.forum.as_ref()].into_iter().flatten()
    }

    /// Whether one statement can look at the data of both.
    pub fn are_together(&self, one: Function, other: Function) -> bool {
        self.of(one).function() == self.of(other).function()
    }

    /// Makes the tables of each in the background. Every database has all tables, and uses some.
    pub fn keep_current(&self) -> Vec<(Db, Schema)> {
        self.all().map(|db| (db.clone(), keep_current(db.clone()))).collect()
    }

    /// Does `work` in the database of its function, as [`Db::run`] does.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn run<W: Work>(
        &self,
        visit: &Visit,
        work: &W,
    ) -> Result<W::Output, GaveUp<W::Rejection>> {
        self.of(work.function()).run(visit, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_order() {
        for (index, function) in Function::ALL.iter().enumerate() {
            assert_eq!(function.index(), index, "{}", function.name());
        }
    }
}
