//! What the final reads found of the system as a whole.

use serde::{Deserialize, Serialize};

/// An invariant of the workload as it was read at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantRead {
    /// Its name.
    pub name: String,
    /// Whether it holds.
    pub stands: Stands,
    /// Both sides of what must hold, what was missing, or why it could not be read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// What is wrong, by name, where the workload says how it is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offenders: Vec<String>,
}

/// Whether an invariant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// It does.
    Holds,
    /// It does not.
    Broken,
    /// What must be there before the answer says anything was not.
    Unmet,
    /// It could not be read.
    Unread,
}

impl InvariantRead {
    /// Everything that is wrong, one line each.
    pub fn wrongs(&self) -> Vec<String> {
        match (self.stands, self.offenders.as_slice()) {
            (Stands::Broken, []) => vec![format!("{}: {}", self.name, self.says)],
            (Stands::Broken, offenders) => {
                offenders.iter().map(|id| format!("{}: {id}", self.name)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The final read of money and stock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Number of ledger entries read.
    pub entries: u64,
    /// Sum of all debits, in cents.
    pub debit_cents: i64,
    /// Sum of all credits, in cents.
    pub credit_cents: i64,
    /// Orders whose own entries do not balance, or do not add up to the order's total (first 20).
    pub unbalanced_orders: Vec<String>,
    /// Orders without the entries they need, or entries without an order (first 20).
    pub incomplete_orders: Vec<String>,
    /// Number of products read.
    pub products: u64,
    /// Products whose stock is not the initial stock less what was sold, or is below zero
    /// (first 20).
    pub wrong_stock: Vec<String>,
}

impl Ledger {
    /// The same as invariants, for runs of before. `sold` says whether something was found to be sold, so that
    /// an empty ledger is no longer nothing.
    pub fn invariants(&self, sold: bool) -> Vec<InvariantRead> {
        let read = |name: &str, stands, says: String, offenders: Vec<String>| InvariantRead {
            name: name.to_owned(),
            stands,
            says: if stands == Stands::Holds { String::new() } else { says },
            offenders,
        };
        let of = |is_wrong: bool, is_empty: bool| match (is_wrong, is_empty) {
            (true, _) => Stands::Broken,
            (false, true) => Stands::Unmet,
            (false, false) => Stands::Holds,
        };
        let (debit, credit) = (self.debit_cents, self.credit_cents);
        let empty = self.entries == 0;
        let is_off = debit != credit || empty && sold;
        let says = match empty {
            true => "there is no entry".to_owned(),
            false => format!("{debit} == {credit} is not so"),
        };
        let wrong_orders = [&self.unbalanced_orders[..], &self.incomplete_orders[..]].concat();
        let wrong_stock = self.wrong_stock.clone();
        vec![
            read("ledger", of(is_off, empty), says, Vec::new()),
            read("orders", of(!wrong_orders.is_empty(), false), String::new(), wrong_orders),
            read(
                "stock",
                of(!wrong_stock.is_empty(), self.products == 0),
                "no product was read".to_owned(),
                wrong_stock,
            ),
        ]
    }
}
