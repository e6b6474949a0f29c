//! What an invariant says: `sum(json.items[].left) + sum(json.items[].sold) == 20000`.
//!
//! Numbers, texts in quotes, places in the answer, `sum`, `count`, `min` and `max` of all values at a
//! place, `+ - * /`, comparisons, `and`, `or`, `not`, parentheses. Operators stand between spaces, because
//! names may have a `-` in them. There is nothing more, and there are no names but those of the answer.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use super::selector::{Answer, Selector};
use super::text::{Notation, Written, Wrong};

mod parse;

/// A condition as it is written.
pub type Condition = Written<Expression>;

/// An expression; one that was parsed as a whole says yes or no.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A text in quotes.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// The only value at a place, with its spelling.
    Place(Selector, String),
    /// Of all values at a place.
    Of(Function, Selector, String),
    /// Two numbers make one.
    Sum(Arithmetic, Box<Expression>, Box<Expression>),
    /// Two values are compared.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// Both, or one of them.
    Both(Box<Expression>, Box<Expression>),
    /// At least one of them.
    Either(Box<Expression>, Box<Expression>),
    /// The opposite.
    Not(Box<Expression>),
}

/// What is made of many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Their sum; 0 of none.
    Sum,
    /// How many there are.
    Count,
    /// The least; of none there is nothing to say.
    Min,
    /// The greatest; of none there is nothing to say.
    Max,
}

/// What is made of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`; by zero there is nothing to say.
    Divide,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// What a condition says of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It holds.
    Yes,
    /// It does not, because of this: both sides of the comparison that failed.
    No(String),
    /// Nobody can say: a value is not there, or not of its kind.
    Unknown(String),
}

impl Notation for Expression {
    const DESCRIPTION: &'static str =
        "a condition, such as sum(json.items[].left) + sum(json.items[].sold) == 20000";

    fn parse(text: &str) -> Result<Self, Wrong> {
        parse::condition(text)
    }
}

impl Condition {
    /// What it says of an answer.
    pub fn held(&self, answer: &Answer) -> Held {
        match self.meaning() {
            Err(wrong) => Held::Unknown(wrong.message.clone()),
            Ok(expression) => match expression.value(answer) {
                Ok(Value::Bool(true)) => Held::Yes,
                Ok(Value::Bool(false)) => Held::No(expression.why_not(answer)),
                Ok(other) => Held::Unknown(format!("{other} is neither true nor false")),
                Err(reason) => Held::Unknown(reason),
            },
        }
    }
}

impl Expression {
    /// Whether it says yes or no.
    fn is_condition(&self) -> bool {
        use Expression::{Both, Compare, Either, Flag, Not, Place};
        matches!(self, Compare(..) | Both(..) | Either(..) | Not(_) | Flag(_) | Place(..))
    }

    fn value(&self, answer: &Answer) -> Result<Value, String> {
        Ok(match self {
            Self::Number(n) => Value::from(*n),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Flag(flag) => Value::from(*flag),
            Self::Place(selector, spelling) => {
                let mut found = selector.values(answer).map_err(|e| e.to_string())?;
                match found.len() {
                    1 => found.remove(0),
                    0 => return Err(format!("the answer has no `{spelling}`")),
                    n => return Err(format!("`{spelling}` has {n} values, and one is needed")),
                }
            }
            Self::Of(function, selector, spelling) => {
                let found = selector.values(answer).map_err(|e| e.to_string())?;
                Value::from(function.of(&found, spelling)?)
            }
            Self::Sum(how, left, right) => {
                let [left, right] = [left.number(answer)?, right.number(answer)?];
                Value::from(how.of(left, right)?)
            }
            Self::Compare(how, left, right) => {
                Value::from(how.of(&left.value(answer)?, &right.value(answer)?)?)
            }
            Self::Both(left, right) => Value::from(left.flag(answer)? && right.flag(answer)?),
            Self::Either(left, right) => Value::from(left.flag(answer)? || right.flag(answer)?),
            Self::Not(inner) => Value::from(!inner.flag(answer)?),
        })
    }

    fn number(&self, answer: &Answer) -> Result<f64, String> {
        let value = self.value(answer)?;
        value.as_f64().ok_or_else(|| format!("{value} is no number"))
    }

    fn flag(&self, answer: &Answer) -> Result<bool, String> {
        let value = self.value(answer)?;
        value.as_bool().ok_or_else(|| format!("{value} is neither true nor false"))
    }

    /// The comparison that failed, with both sides.
    fn why_not(&self, answer: &Answer) -> String {
        match self {
            Self::Compare(how, left, right) => match (left.value(answer), right.value(answer)) {
                (Ok(left), Ok(right)) => format!("{left} {how} {right} is not so"),
                (Err(reason), _) | (_, Err(reason)) => reason,
            },
            Self::Both(left, right) => match left.flag(answer) {
                Ok(true) => right.why_not(answer),
                _ => left.why_not(answer),
            },
            Self::Either(left, right) => {
                format!("{}, and {}", left.why_not(answer), right.why_not(answer))
            }
            Self::Place(_, spelling) => format!("`{spelling}` is not true"),
            _ => "it is not so".to_owned(),
        }
    }
}

impl Function {
    fn of(self, values: &[Value], spelling: &str) -> Result<f64, String> {
        if self == Self::Count {
            return Ok(values.len() as f64);
        }
        let number =
            |v: &Value| v.as_f64().ok_or_else(|| format!("{v} in `{spelling}` is no number"));
        let numbers: Vec<f64> = values.iter().map(number).collect::<Result<_, _>>()?;
        let nothing = || format!("the answer has no `{spelling}`");
        match self {
            Self::Min => numbers.into_iter().reduce(f64::min).ok_or_else(nothing),
            Self::Max => numbers.into_iter().reduce(f64::max).ok_or_else(nothing),
            Self::Sum | Self::Count => Ok(numbers.iter().sum()),
        }
    }
}

impl Arithmetic {
    fn of(self, left: f64, right: f64) -> Result<f64, String> {
        match self {
            Self::Add => Ok(left + right),
            Self::Subtract => Ok(left - right),
            Self::Multiply => Ok(left * right),
            Self::Divide if right == 0.0 => Err(format!("{left} / 0")),
            Self::Divide => Ok(left / right),
        }
    }
}

impl Comparison {
    fn of(self, left: &Value, right: &Value) -> Result<bool, String> {
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            (left, right) => match (left.as_f64(), right.as_f64()) {
                (Some(left), Some(right)) => left.partial_cmp(&right),
                _ => None,
            },
        };
        let order = match (self, order) {
            // What has no order is equal or not.
            (Self::Equal, None) => return Ok(left == right),
            (Self::Unequal, None) => return Ok(left != right),
            (_, None) => return Err(format!("{left} and {right} have no order")),
            (_, Some(order)) => order,
        };
        Ok(match self {
            Self::Equal => order == Ordering::Equal,
            Self::Unequal => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::AtMost => order != Ordering::Greater,
            Self::More => order == Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        })
    }
}
