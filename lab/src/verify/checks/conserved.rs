//! Do money and stock add up? (Jepsen's "bank".) Every order moves both, so half of a transaction
//! that survived, or survived twice, shows in the double-entry ledger or in the stock.
//!
//! The final read covers the whole store. What an earlier experiment of the same run has already
//! left wrong is no evidence against this one; when nothing else is wrong, the finding is
//! inconclusive.

use crate::journal::{Ledger, OpKind};

use super::super::findings::{Check, Finding, Part};
use super::super::history::LedgerAudit;
use super::super::judge::Case;
use super::{listed, plural};

pub(super) fn check(case: &Case<'_>) -> Finding {
    let inconclusive =
        |summary: String| Finding::new(Check::Conserved, Part::Inconclusive, summary);
    let ledger = match case.history.ledger {
        LedgerAudit::Read(ledger) => ledger,
        LedgerAudit::Failed(reason) => {
            return inconclusive(format!("the final read of money and stock failed: {reason}"));
        }
        LedgerAudit::Never if case.is_quiet() && case.accounts.is_empty() => {
            return Finding::new(Check::Conserved, Part::Pass, "nothing was sold");
        }
        LedgerAudit::Never => {
            return inconclusive("money and stock were never read back".to_owned());
        }
    };
    let wrong = wrongs(ledger, case);
    let old = case.history.earlier_ledger.map(|l| wrongs(l, case)).unwrap_or_default();
    let new: Vec<&String> = wrong.iter().filter(|w| !old.contains(w)).collect();
    match new.first() {
        Some(first) => {
            let rest = new.iter().skip(1).map(|w| (*w).clone()).collect();
            return Finding::new(Check::Conserved, Part::Fail, (*first).clone()).with(listed(rest));
        }
        None if !wrong.is_empty() => {
            return inconclusive(
                "was already wrong before this experiment; nothing new can be told apart"
                    .to_owned(),
            )
            .with(listed(wrong));
        }
        None => {}
    }
    if ledger.products == 0 {
        return inconclusive("no product was read back, so the stock is not known".to_owned());
    }
    if ledger.entries == 0 && !case.is_quiet() {
        return inconclusive("the ledger is empty: there was no money to conserve".to_owned());
    }
    let (entries, products) = (ledger.entries, ledger.products);
    let summary =
        format!("{entries} ledger entries balance, the stock of {products} products adds up");
    Finding::new(Check::Conserved, Part::Pass, summary)
}

/// Everything that does not add up, one line each.
fn wrongs(ledger: &Ledger, case: &Case<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    if ledger.debit_cents != ledger.credit_cents {
        let off = cents(ledger.debit_cents - ledger.credit_cents);
        wrong.push(format!("debits and credits differ by {off}"));
    }
    let orders = case.accounts.iter().find(|a| a.kind == OpKind::Order);
    let found = orders.map_or(0, |a| a.writes.iter().filter(|w| w.effects > 0).count());
    if ledger.entries == 0 && found > 0 {
        wrong.push(format!("{} without a single ledger entry", plural(found, "order")));
    }
    let list = |ids: &[String], what: &str| -> Vec<String> {
        ids.iter().map(|id| format!("{what} {id}")).collect()
    };
    wrong.extend(list(&ledger.unbalanced_orders, "unbalanced order"));
    wrong.extend(list(&ledger.incomplete_orders, "order without all its entries, or the reverse:"));
    wrong.extend(list(&ledger.wrong_stock, "wrong stock of product"));
    wrong
}

fn cents(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    format!("{sign}{}.{:02}", amount / 100, amount % 100)
}
