//! Reading single settings, each refused by name when it cannot be used.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} cannot be used: {problem}; set {name} to {allowed}")]
pub struct ConfigError {
    /// Name of the setting.
    pub name: &'static str,
    value: String,
    problem: String,
    allowed: &'static str,
}

/// Where settings come from.
pub struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Env<'a> {
    /// Settings are looked up with `lookup`.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The refusal of a setting that does not fit the others.
    pub fn refuse(&self, name: &'static str, problem: &str, allowed: &'static str) -> ConfigError {
        let value = (self.lookup)(name).unwrap_or_default();
        ConfigError { name, value, problem: problem.into(), allowed }
    }

    /// A text that may be absent. An empty one is absent: a deployment cannot always unset it.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// A text that must not be empty.
    pub fn text(&self, name: &'static str, default: Option<&str>) -> Result<String, ConfigError> {
        let found = (self.lookup)(name).or_else(|| default.map(str::to_owned));
        match found {
            Some(value) if !value.trim().is_empty() => Ok(value),
            found => Err(ConfigError {
                name,
                value: found.unwrap_or_default(),
                problem: "it is missing or empty".into(),
                allowed: "a non-empty name",
            }),
        }
    }

    /// One of a few words, each of which stands for a value.
    pub fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&str, T)],
        default: T,
        allowed: &'static str,
    ) -> Result<T, ConfigError> {
        let Some(value) = (self.lookup)(name) else { return Ok(default) };
        match choices.iter().find(|(word, _)| *word == value) {
            Some((_, chosen)) => Ok(*chosen),
            None => {
                Err(ConfigError { name, value, problem: format!("it is not {allowed}"), allowed })
            }
        }
    }

    /// `on` or `off`.
    pub fn switch(&self, name: &'static str, default: bool) -> Result<bool, ConfigError> {
        self.choice(name, &[("on", true), ("off", false)], default, "on or off")
    }

    /// A time in milliseconds.
    pub fn millis(&self, name: &'static str, default: u64) -> Result<Duration, ConfigError> {
        self.number(name, default, 1, 600_000, "a number of milliseconds from 1 to 600000")
            .map(Duration::from_millis)
    }

    /// How long a task serves on after the signal to end.
    pub fn drain(&self) -> Result<Duration, ConfigError> {
        self.number("DRAIN_MS", 0, 0, 600_000, "a number of milliseconds to 600000")
            .map(Duration::from_millis)
    }

    /// How many requests a second the task can serve, where that is limited.
    pub fn capacity_per_s(&self) -> Result<Option<u32>, ConfigError> {
        const NAME: &str = "CAPACITY_PER_S";
        if (self.lookup)(NAME).is_none() {
            return Ok(None);
        }
        let per_s = self.number(NAME, 1, 1, 100_000, "a number from 1 to 100000")?;
        Ok(u32::try_from(per_s).ok())
    }

    /// A number from 1 to 1000.
    pub fn count(
        &self,
        name: &'static str,
        default: u64,
        allowed: &'static str,
    ) -> Result<usize, ConfigError> {
        let number = self.number(name, default, 1, 1000, allowed)?;
        Ok(usize::try_from(number).unwrap_or(1))
    }

    /// A number between `min` and `max`.
    pub fn number(
        &self,
        name: &'static str,
        default: u64,
        min: u64,
        max: u64,
        allowed: &'static str,
    ) -> Result<u64, ConfigError> {
        let Some(value) = (self.lookup)(name) else { return Ok(default) };
        let problem = match value.trim().parse::<u64>() {
            Ok(n) if (min..=max).contains(&n) => return Ok(n),
            Ok(_) => "it is out of range".to_owned(),
            Err(e) => e.to_string(),
        };
        Err(ConfigError { name, value, problem, allowed })
    }

    /// A share, 0 to 1.
    pub fn share(&self, name: &'static str, default: f64) -> Result<f64, ConfigError> {
        let Some(value) = (self.lookup)(name) else { return Ok(default) };
        match value.trim().parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => {
                let problem = "it is no share".into();
                Err(ConfigError { name, value, problem, allowed: "a number from 0 to 1" })
            }
        }
    }

    /// Names with values, separated by commas.
    pub fn pairs(
        &self,
        name: &'static str,
        allowed: &'static str,
    ) -> Result<Vec<(String, String)>, ConfigError> {
        let value = self.optional(name).unwrap_or_default();
        let pair = |part: &str| match part.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(self.refuse(name, "it is no list of names and values", allowed)),
        };
        value.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
    }

    /// An IP address with a port.
    pub fn address(&self, name: &'static str, default: &str) -> Result<SocketAddr, ConfigError> {
        let value = self.text(name, Some(default))?;
        value.parse().map_err(|_| ConfigError {
            name,
            value,
            problem: "it is no IP address with a port".into(),
            allowed: "an address such as 0.0.0.0:8080",
        })
    }

    /// Where a service answers, without a slash at the end.
    pub fn endpoint(&self, name: &'static str) -> Result<String, ConfigError> {
        let value = self.text(name, None)?;
        match value.trim().trim_end_matches('/') {
            good if good.len() > "http://".len() && good.starts_with("http://") => Ok(good.into()),
            _ => Err(ConfigError {
                name,
                value,
                problem: "it does not begin with http://".into(),
                allowed: "an address such as http://10.0.9.1:4566",
            }),
        }
    }

    /// One or more servers.
    pub fn hosts(&self, name: &'static str, port: u16) -> Result<Vec<SocketAddr>, ConfigError> {
        let value = (self.lookup)(name).unwrap_or_default();
        let bad = |problem: String| ConfigError {
            name,
            value: value.clone(),
            problem,
            allowed: "one or more IP addresses with ports, such as 10.0.1.5:5432,10.0.2.5:5432",
        };
        let mut hosts: Vec<SocketAddr> = Vec::new();
        for part in value.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            // Names are refused: resolving the name of a dead node costs seconds in a fail-over.
            let host = part
                .parse()
                .or_else(|_| part.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)))
                .map_err(|_| bad(format!("{part:?} is no IP address")))?;
            if hosts.contains(&host) {
                return Err(bad(format!("{part} is named twice")));
            }
            hosts.push(host);
        }
        if hosts.is_empty() { Err(bad("it names no server".into())) } else { Ok(hosts) }
    }
}
