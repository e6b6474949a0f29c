//! What an operation is to those who judge it: its class, by the name that journals give it.

use std::collections::BTreeMap;

use super::model::{Operation, Workload};
use super::promise::Promise;
use crate::spec::model::{Name, Stage};

/// What is known of an operation by its name alone. One that the workload does not know is a read that
/// promises nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// It changes something.
    pub is_write: bool,
    /// An acknowledged one is read back at the end.
    pub is_promise: bool,
    /// It only reads, and what anybody may be shown alike.
    pub is_shared: bool,
    /// It writes or reads a user's register.
    pub is_register: bool,
    /// What it writes is promised to be in a list.
    pub is_listed: bool,
}

/// The classes of a workload's operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes(BTreeMap<Name, Class>);

impl Classes {
    /// Those of a stage's workload.
    pub fn of(stage: &Stage) -> Self {
        Self::of_workload(&stage.workload())
    }

    /// Those of a workload.
    pub fn of_workload(workload: &Workload) -> Self {
        let classes = workload.operations.iter().flat_map(|(name, operation)| {
            operation.kinds(name).map(|(name, reads)| (name, operation.class(reads)))
        });
        Self(classes.collect())
    }

    /// The class of the operation of this name.
    pub fn get(&self, name: &str) -> Class {
        self.0.get(name).copied().unwrap_or_default()
    }
}

impl Operation {
    /// The names that journals give it, and whether each only reads: a register is written and read.
    pub fn kinds(&self, name: &str) -> impl Iterator<Item = (Name, bool)> + use<> {
        let names = match self.register {
            Some(_) => vec![(format!("write-{name}"), false), (format!("read-{name}"), true)],
            None => vec![(name.to_owned(), !self.is_write())],
        };
        names.into_iter()
    }

    fn class(&self, reads: bool) -> Class {
        let is_register = self.register.is_some();
        Class {
            is_write: !reads,
            is_promise: self.kept().is_some(),
            is_shared: reads && !is_register && self.anonymous,
            is_register,
            is_listed: self.listed().is_some(),
        }
    }

    /// The promise by which it is judged whether a write is there: the first that is read back and has no name
    /// of its own, or else the first that is read back.
    pub fn kept(&self) -> Option<&Promise> {
        let mut read_back = self.promise.iter().filter(|promise| promise.is_read_back());
        let unnamed = read_back.clone().find(|promise| promise.name.is_none());
        unnamed.or_else(|| read_back.next())
    }

    /// The variables that requests name which read a write back one by one.
    pub fn read_back_by(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for promise in &self.promise {
            if !promise.is_read_one_by_one() {
                continue;
            }
            if let Some(line) = promise.read.as_ref().and_then(|line| line.meaning().ok()) {
                names.extend(line.path.variables().map(|(name, _)| name));
            }
            for value in promise.is.values().chain(&promise.json) {
                value.variables(&mut names);
            }
        }
        // The reader knows these by the key; who wrote is somebody else each time.
        names.retain(|name| !["prefix", "number", "key"].contains(name));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The other promises that are read back: what follows from a write.
    pub fn effects(&self) -> impl Iterator<Item = &Promise> {
        let kept = self.kept();
        self.promise.iter().filter(move |promise| {
            promise.is_read_back() && !kept.is_some_and(|kept| std::ptr::eq(kept, *promise))
        })
    }
}

impl Promise {
    /// Whether what is read back says how often it took effect: then more than once is a violation.
    pub fn is_counted(&self) -> bool {
        self.count.is_some() || self.pages.as_ref().is_some_and(|pages| pages.counts.is_some())
    }

    /// Whether the write is read back at the end, one by one or page by page.
    pub fn is_read_back(&self) -> bool {
        self.is_read_one_by_one() || self.pages.is_some()
    }

    /// Whether each write is read back by itself.
    pub fn is_read_one_by_one(&self) -> bool {
        self.read.is_some() || self.exec.is_some()
    }
}
