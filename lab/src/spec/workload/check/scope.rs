//! Which variables a template may name.

/// Variables that have a value everywhere: the user's number, counted from 0; what the keys of this traffic begin
/// with; and the user's address.
const OF_USERS: [&str; 3] = ["user", "prefix", "address"];

/// Those of one operation: its number, counted from 0, and its idempotency key.
const OF_OPERATIONS: [&str; 2] = ["number", "key"];

/// Generators that stand alone, like a variable.
const ALONE: [&str; 2] = ["uuid", "bool"];

/// Names of variables.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    names: Vec<String>,
}

impl Scope {
    /// What every request may name.
    pub(super) fn of_users() -> Self {
        Self { names: OF_USERS.map(str::to_owned).to_vec() }
    }

    /// These and what one operation has.
    pub(super) fn of_an_operation(self) -> Self {
        self.with(OF_OPERATIONS)
    }

    /// These and more.
    pub(super) fn with<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = self.names.clone();
        for name in names {
            if !all.iter().any(|known| known == name) {
                all.push(name.to_owned());
            }
        }
        Self { names: all }
    }

    /// Whether a variable of this name has a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// All that may stand between braces in one word.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).chain(ALONE)
    }
}
