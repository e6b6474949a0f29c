//! Capacity units of a database.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How far a database may grow and shrink while it runs. A unit stands for 2 GiB of memory with the
/// processors that go with it; how much of this machine that is, the stage says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// The fewest units.
    pub min: Units,
    /// The most units.
    pub max: Units,
    /// Thousandths of a core that a unit is here.
    #[serde(default = "milli_cpus")]
    #[schemars(range(min = 10, max = 64_000))]
    pub milli_cpus_per_unit: u32,
    /// Memory that a unit is here, in MiB.
    #[serde(default = "memory")]
    #[schemars(range(min = 16, max = 65_536))]
    pub memory_mib_per_unit: u32,
}

impl Capacity {
    /// Processors of so many half units, in billionths of a core.
    pub fn nano_cpus(&self, halves: u16) -> i64 {
        i64::from(self.milli_cpus_per_unit) * i64::from(halves) * 500_000
    }

    /// Memory of so many half units, in bytes.
    pub fn memory_bytes(&self, halves: u16) -> i64 {
        i64::from(self.memory_mib_per_unit) * i64::from(halves) * (1 << 19)
    }
}

/// From 0.5 to 128 units, in steps of 0.5; kept in hundredths, so that what is between two steps can be
/// told from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(u16);

impl Units {
    /// In half units.
    pub fn halves(self) -> u16 {
        self.0 / 50
    }

    /// Whether it is one of the steps.
    pub fn is_step(self) -> bool {
        self.0.is_multiple_of(50)
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = f64::deserialize(deserializer)?;
        if (0.5..=128.0).contains(&units) {
            Ok(Self((units * 100.0).round() as u16))
        } else {
            Err(de::Error::custom("from 0.5 to 128 units"))
        }
    }
}

impl JsonSchema for Units {
    fn schema_name() -> Cow<'static, str> {
        "Units".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0.5, "maximum": 128, "multipleOf": 0.5 })
    }
}

fn milli_cpus() -> u32 {
    250
}

fn memory() -> u32 {
    192
}
