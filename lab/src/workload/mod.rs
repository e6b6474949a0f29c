//! Workloads: what clients of a system do and what they are promised, as data.
//!
//! A workload is the field `workload` of a YAML file. [`parse`] makes a valid [`Workload`] of it, or says
//! with line and column what is wrong. [`Plan`] says which operation is wanted when, [`call`] what it sends.
//! All of it is pure: values come from a seed ([`Dice`]), and nothing here sends anything.
//!
//! - Texts have values in them ([`Template`]): a variable, or one of ten [`generator`]s.
//! - Values are taken from answers by [`Place`]s: `json.items[0].id`, `header.ETag`, `cookie.session`.
//! - Promises are of four classes ([`promise`], [`Invariant`]); invariants have [`Condition`]s.
//!
//! # Variables
//!
//! | name | value |
//! |---|---|
//! | `user`, `address`, `prefix` | the user's number and address; what the keys of this traffic begin with |
//! | `number`, `key` | of one operation: its number, and `prefix-number` |
//! | `version`, `after` | the version that a register writes; where a page begins |
//! | of `with` | made once for each operation |
//! | of `take` | the user's: what an answer said last |
//! | fields of `json` and `form` | in promises and `expect`: what was sent |
//!
//! # What today's traffic does that the format does not carry yet
//!
//! `stages/workloads/shop.yaml` is the demo shop's traffic in this format, and nothing sends it yet: `load`,
//! `journal` and `verify` still know the shop. Before they can know classes of promise only, this is missing:
//!
//! - *The latest position.* `take` keeps what the latest answer said; `x-position` must be the greatest that
//!   any answer said, and answers come in any order (`load/sessions.rs`, `position.rs`). Needs a word such
//!   as `keep: greatest`, and an order for values like `1-1B86E28`.
//! - *Positions of reads.* A register's reads and writes take nothing: `take` belongs to the operation, and its
//!   two requests answer alike in the shop only.
//! - *Shares of a stage.* `read_percent` and `profile_percent` of a stage become weights; the file has those
//!   of 70 and 0.
//! - *One write of a register at a time.* Who still waits for the answer to a version reads instead
//!   (`Sessions::turn`). That is a rule of the class, for the one who sends.
//! - *Lost answers.* Which good answers a client loses, to repeat the write, is part of today's schedule
//!   (`Arrival::loses_answer`). It follows from the number of the keyed write; the format needs no word for it.
//! - *Caches.* What `x-cache-status`, `x-cache` and `x-age-ms` say of a read (`load/caches.rs`) is judged by
//!   `cache-coherence` and `request-collapsing`. Needs a place in the workload, such as `caches: {hit: header.X-Cache}`.
//! - *Phantoms.* A write that certainly failed and is there is seen with `pages` only: `read` asks for
//!   what was acknowledged or unknown. It should ask for a sample of the failed, too.
//! - *Who is told.* The checks `events` and `queue` ask queues at their emulator, because no client can; the
//!   effects `order-recorded` and `mail-recorded` are further promises with `pages` in stages that have them.
//!   A promise would need `when: tier feed` to be left out of stages without.
//! - *Offenders.* A condition says what both sides are; today's ledger names the first twenty orders and
//!   products that are wrong, and what an earlier experiment left wrong is not blamed on the next. Needs
//!   `names: json.unbalanced_orders[]` beside `holds`.
//! - *Crowds, floods and spikes* name a path in their fault (`/products`, `/cart`); they will name an operation.
//! - *Keys of a form of their own.* `{key}` is `prefix-number`; systems that insist on a UUID take `{uuid}` from
//!   `with`, which `pages` and `listed` cannot follow.
//! - *HTML.* `html SELECTOR @ATTRIBUTE` is read as a place and finds nothing yet; a parser of HTML comes with
//!   the first system that needs one. Cookie jars and `exec` are the sender's, likewise.

pub mod call;
mod check;
mod dice;
pub mod expression;
pub mod generator;
mod json;
mod line;
mod model;
mod parse;
pub mod promise;
mod schedule;
mod schema;
pub mod selector;
pub mod template;
#[cfg(test)]
mod tests;
mod text;

pub use call::{Call, call};
pub use dice::Dice;
pub use expression::{Condition, Held};
pub use json::JsonTemplate;
pub use line::{Line, Method, RequestLine};
pub use model::{Invariant, Key, Operation, Request, Sent, Step, Workload};
pub use parse::{is_workload, load, parse};
pub use promise::{Order, Pages, Promise, Register};
pub use schedule::{Plan, Planned, Schedule};
pub use schema::schema;
pub use selector::{Answer, NotThere, Place, Selector};
pub use template::{Escape, NoValue, Template, Values};
pub use text::{Notation, Written, Wrong};

/// The text of the demo shop's own workload.
pub fn shop() -> &'static str {
    crate::spec::embedded("workloads/shop.yaml").unwrap_or_default()
}
