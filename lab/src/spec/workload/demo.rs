//! The demo shop's workload as a stage uses it.

use std::sync::OnceLock;

use super::model::Workload;
use crate::spec::model::Stage;

/// The text of the demo shop's own workload.
pub fn shop() -> &'static str {
    crate::spec::embedded("workloads/shop.yaml").unwrap_or_default()
}

/// Weights are scaled to this, so that shares of a percent of a percent are whole numbers.
const WHOLE: u64 = 1_000_000;

impl Stage {
    /// What its clients do: what the stage says, or else the demo shop's traffic, with the shares that the
    /// stage wants and the promises that its tiers can keep.
    pub fn workload(&self) -> Workload {
        if let Some(own) = &self.workload {
            return (**own).clone();
        }
        let (traffic, mut workload) = (&self.traffic, base().clone());
        workload.share(traffic.read_percent, traffic.profile_percent);
        let is_kept = |name: Option<&str>| match name {
            Some("mail") => self.mails(),
            Some("order-recorded") => self.records_orders(),
            Some("mail-recorded") => self.mails() && self.records_mails(),
            _ => true,
        };
        for operation in workload.operations.values_mut() {
            operation.promise.retain(|promise| is_kept(promise.name.as_deref()));
            for pages in operation.promise.iter_mut().filter_map(|p| p.pages.as_mut()) {
                pages.again = pages.again.take().filter(|_| self.counts_repeats());
            }
        }
        workload
    }
}

fn base() -> &'static Workload {
    static SHOP: OnceLock<Workload> = OnceLock::new();
    // A test reads the embedded file; nobody can change it afterwards.
    SHOP.get_or_init(|| super::parse(shop(), "workloads/shop.yaml").unwrap_or_default())
}

impl Workload {
    /// Gives registers and reads their shares of all operations, in percent, and the writes the rest. Among
    /// themselves reads, writes and registers keep the weights that they have; a register is read as often as
    /// the others are.
    fn share(&mut self, read_percent: u8, register_percent: u8) {
        let (reads, registers) =
            (u64::from(read_percent.min(100)), u64::from(register_percent.min(100)));
        let others = 100 - registers;
        let share = |class: Class| match class {
            Class::Register => registers * 100,
            Class::Read => others * reads,
            Class::Write => others * (100 - reads),
        };
        let sums = [Class::Register, Class::Read, Class::Write].map(|class| {
            let of_class = self.operations.values().filter(|o| Class::of(o) == class);
            of_class.map(|o| u64::from(o.weight.max(1))).sum::<u64>()
        });
        for operation in self.operations.values_mut() {
            let class = Class::of(operation);
            let (weight, sum) = (u64::from(operation.weight.max(1)), sums[class as usize].max(1));
            let scaled = weight * share(class) * (WHOLE / 10_000) / sum;
            operation.weight = u32::try_from(scaled).unwrap_or(u32::MAX);
            if let Some(register) = &mut operation.register {
                register.read_percent = read_percent.min(100);
            }
        }
    }
}

/// What has a share of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Register,
    Read,
    Write,
}

impl Class {
    fn of(operation: &super::Operation) -> Self {
        match (&operation.register, operation.is_write()) {
            (Some(_), _) => Self::Register,
            (None, false) => Self::Read,
            (None, true) => Self::Write,
        }
    }
}
