//! The types of toxics and their settings as the API writes them.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::bandwidth::{Bandwidth, Limiting};
use super::latency::{Delaying, Latency};
use super::limit_data::{Counting, LimitData};
use super::noop::Passing;
use super::reset_peer::{ResetPeer, Resetting};
use super::slicer::{Slicer, Slicing};
use super::slow_close::{Lingering, SlowClose};
use super::stage::Stage;
use super::timeout::{Swallowing, Timeout};

/// What a toxic does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Nothing.
    Noop,
    /// Delays everything.
    Latency(Latency),
    /// Limits the rate.
    Bandwidth(Bandwidth),
    /// Delays the end.
    SlowClose(SlowClose),
    /// Lets nothing through, and closes.
    Timeout(Timeout),
    /// Resets the connection.
    ResetPeer(ResetPeer),
    /// Cuts data into small pieces.
    Slicer(Slicer),
    /// Closes after a number of bytes.
    LimitData(LimitData),
}

impl Kind {
    /// The kind of this type with every setting zero.
    pub fn of_type(name: &str) -> Option<Self> {
        Some(match name {
            "noop" => Self::Noop,
            "latency" => Self::Latency(Latency::default()),
            "bandwidth" => Self::Bandwidth(Bandwidth::default()),
            "slow_close" => Self::SlowClose(SlowClose::default()),
            "timeout" => Self::Timeout(Timeout::default()),
            "reset_peer" => Self::ResetPeer(ResetPeer::default()),
            "slicer" => Self::Slicer(Slicer::default()),
            "limit_data" => Self::LimitData(LimitData::default()),
            _ => return None,
        })
    }

    /// The name of the type in the API.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::SlowClose(_) => "slow_close",
            Self::Timeout(_) => "timeout",
            Self::ResetPeer(_) => "reset_peer",
            Self::Slicer(_) => "slicer",
            Self::LimitData(_) => "limit_data",
        }
    }

    /// The settings.
    pub fn attributes(&self) -> Value {
        let settings = match self {
            Self::Noop => Ok(Value::Object(Map::new())),
            Self::Latency(s) => serde_json::to_value(s),
            Self::Bandwidth(s) => serde_json::to_value(s),
            Self::SlowClose(s) => serde_json::to_value(s),
            Self::Timeout(s) => serde_json::to_value(s),
            Self::ResetPeer(s) => serde_json::to_value(s),
            Self::Slicer(s) => serde_json::to_value(s),
            Self::LimitData(s) => serde_json::to_value(s),
        };
        // Structures of numbers always have a JSON form.
        settings.unwrap_or_default()
    }

    /// The same kind with the settings that are given; the others stay.
    ///
    /// # Errors
    /// A setting that is not a whole number.
    pub fn with(&self, given: &Map<String, Value>) -> Result<Self, serde_json::Error> {
        let mut all = self.attributes();
        if let Value::Object(settings) = &mut all {
            settings.extend(
                given.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())),
            );
        }
        Ok(match self {
            Self::Noop => Self::Noop,
            Self::Latency(_) => Self::Latency(settings(all)?),
            Self::Bandwidth(_) => Self::Bandwidth(settings(all)?),
            Self::SlowClose(_) => Self::SlowClose(settings(all)?),
            Self::Timeout(_) => Self::Timeout(settings(all)?),
            Self::ResetPeer(_) => Self::ResetPeer(settings(all)?),
            Self::Slicer(_) => Self::Slicer(settings(all)?),
            Self::LimitData(_) => Self::LimitData(settings(all)?),
        })
    }

    /// Begins to act on one direction of a connection.
    pub fn stage(&self, now: Instant) -> Box<dyn Stage> {
        match *self {
            Self::Noop => Box::new(Passing::default()),
            Self::Latency(s) => Box::new(Delaying::new(s)),
            Self::Bandwidth(s) => Box::new(Limiting::new(s)),
            Self::SlowClose(s) => Box::new(Lingering::new(s)),
            Self::Timeout(s) => Box::new(Swallowing::new(s, now)),
            Self::ResetPeer(s) => Box::new(Resetting::new(s)),
            Self::Slicer(s) => Box::new(Slicing::new(s)),
            Self::LimitData(s) => Box::new(Counting::new(s)),
        }
    }
}

fn settings<T: DeserializeOwned>(all: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TYPES: [&str; 8] = [
        "noop",
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
    ];

    #[test]
    fn every_type_is_found_by_its_name() {
        for name in TYPES {
            assert_eq!(Kind::of_type(name).unwrap().type_name(), name);
        }
        assert_eq!(Kind::of_type("Latency"), None);
    }

    #[test]
    fn settings_that_are_not_given_stay() {
        let given = |v: Value| v.as_object().unwrap().clone();
        let kind = Kind::of_type("latency").unwrap();
        let kind = kind.with(&given(json!({"latency": 5, "jitter": 2}))).unwrap();
        let kind = kind.with(&given(json!({"latency": 7, "jitter": null, "other": "x"}))).unwrap();
        assert_eq!(kind.attributes(), json!({"latency": 7, "jitter": 2}));
        assert!(kind.with(&given(json!({"latency": 1.5}))).is_err());
        assert!(kind.with(&given(json!({"latency": "1"}))).is_err());
    }
}
