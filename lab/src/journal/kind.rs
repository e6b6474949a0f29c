//! The names that a journal gives to what clients did and to what followed from it.

use internment::Intern;
use serde::{Deserialize, Deserializer, Serialize};

/// The name of an operation of the workload, such as `order`. Of a register it says whether it was written or
/// read: `write-profile`, `read-profile`.
///
/// What an operation of this name is (a write, a promise) stands in the workload of the stage that the run
/// began with. Names are few and kept for ever, so that an operation costs no text of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Hash)]
pub struct OpKind(&'static str);

impl OpKind {
    /// The operation of this name.
    pub fn new(name: &str) -> Self {
        Self(Intern::<str>::from(name).as_ref())
    }

    /// The spelling in journals and reports.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for OpKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&std::borrow::Cow::<str>::deserialize(deserializer)?))
    }
}

/// The name of what follows from a write after it was acknowledged, such as `mail`: a promise with a name, or
/// something that the stage's own workers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Hash)]
pub struct Effect(&'static str);

impl Effect {
    /// What leads to an effect came once more, as messages may.
    pub fn again(effect: Self) -> Self {
        Self::new(&format!("{}-repeat", effect.0))
    }

    /// The effect of this name.
    pub fn new(name: &str) -> Self {
        Self(Intern::<str>::from(name).as_ref())
    }

    /// The spelling in journals and reports.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&std::borrow::Cow::<str>::deserialize(deserializer)?))
    }
}

/// The demo shop's operations, by which most tests are written.
#[cfg(test)]
#[allow(missing_docs)]
impl OpKind {
    pub const BROWSE: Self = Self("browse");
    pub const PRODUCT: Self = Self("product");
    pub const READ_FORUM: Self = Self("read-forum");
    pub const ADD_TO_CART: Self = Self("add-to-cart");
    pub const ORDER: Self = Self("order");
    pub const POST: Self = Self("post");
    pub const WRITE_PROFILE: Self = Self("write-profile");
    pub const READ_PROFILE: Self = Self("read-profile");

    /// Whether it is a promise of the shop.
    pub fn is_promise(self) -> bool {
        [Self::ORDER, Self::POST].contains(&self)
    }

    /// Whether it changes something in the shop.
    pub fn is_write(self) -> bool {
        self.is_promise() || [Self::ADD_TO_CART, Self::WRITE_PROFILE].contains(&self)
    }
}

/// What follows from the demo shop's orders.
#[cfg(test)]
#[allow(missing_docs)]
impl Effect {
    pub const MAIL: Self = Self("mail");
    pub const MAIL_REPEAT: Self = Self("mail-repeat");
    pub const ORDER_RECORDED: Self = Self("order-recorded");
    pub const MAIL_RECORDED: Self = Self("mail-recorded");
}
