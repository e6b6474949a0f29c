//! Workloads: what clients of a system do and what they are promised, as data.
//!
//! A workload is the field `workload` of a YAML file. [`parse`] makes a valid [`Workload`] of it, or says
//! with line and column what is wrong. [`Plan`] says which operation is wanted when, [`call`] what it sends.
//! [`outcome`] says what an answer proves, [`Classes`] what an operation is to those who judge it. All of it is
//! pure: values come from a seed ([`Dice`]), and nothing here sends anything; `load` does.
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
//! # What the format does not carry yet
//!
//! - *Caches.* `X-Cache-Status`, `x-cache` and `x-age-ms` of a read (`load/caches.rs`) are looked for in every
//!   system; a place in the workload would name others.
//! - *Who is told.* The check `queue` asks queues at their emulator, because no client can.
//! - *Keys of a form of their own.* `{key}` is `prefix-number`; systems that insist on a UUID take `{uuid}` from
//!   `with`, which `pages` and `listed` cannot follow.
//! - *Commands* do operations, read single writes back and answer invariants; registers, lists and pages are of HTTP.

mod asked;
pub mod call;
mod check;
mod class;
mod demo;
mod dice;
pub mod expression;
pub mod generator;
mod json;
mod line;
mod model;
pub mod outcome;
mod parse;
pub mod promise;
mod schedule;
mod schema;
pub mod selector;
pub mod template;
#[cfg(test)]
mod tests;
mod text;

pub use asked::Asked;
pub use call::{Call, Made, Within, call};
pub use class::{Class, Classes};
pub use demo::shop;
pub use dice::Dice;
pub use expression::{Condition, Held};
pub use json::JsonTemplate;
pub use line::{Line, Method, RequestLine};
pub use model::{Exec, Invariant, Key, Operation, Request, Sent, Step, Workload};
pub use outcome::Proof;
pub(in crate::spec) use parse::problems;
pub use parse::{is_workload, load, parse};
pub use promise::{Order, Pages, Promise, Register};
pub use schedule::{Plan, Planned, Schedule};
pub use schema::schema;
pub use selector::{Answer, NotThere, Place, Selector};
pub use template::{Escape, NoValue, Template, Values};
pub use text::{Notation, Written, Wrong};
