//! The configuration file, JSON, written by `lab up`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::BalancerError;
use super::gateway::GatewayConfig;
use super::span_log::SpanLog;
use crate::spec::model::HealthCheck;

/// Everything the balancer needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerConfig {
    /// Port on which nginx serves users; above 1023, because the container has no privileges.
    pub listen: u16,
    /// The nodes that receive the requests. At least one.
    pub targets: Vec<TargetConfig>,
    /// Path that answers 200 while a target is alive.
    pub health_path: String,
    /// How targets are probed; `interval_ms` 0 switches checks off, and every target is always
    /// used.
    #[serde(default)]
    pub health_check: HealthCheck,
    /// Port on which the balancer serves its view of the targets.
    #[serde(default = "status_port")]
    pub status_port: u16,
    /// Port of 127.0.0.1 on which nginx says that it works.
    #[serde(default = "nginx_status_port")]
    pub nginx_status_port: u16,
    /// Folder for nginx's configuration, pid and temporary files; created if need be.
    #[serde(default = "nginx_conf_dir")]
    pub nginx_conf_dir: PathBuf,
    /// The nginx program.
    #[serde(default = "nginx")]
    pub nginx: PathBuf,
    /// For an API gateway: what clients may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayConfig>,
    /// How it takes part in traces, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_log: Option<SpanLog>,
}

/// A node that receives requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// The node's name, such as `web-a1`.
    pub name: String,
    /// Where it answers, such as `10.0.0.1:8080`.
    pub address: SocketAddr,
}

fn status_port() -> u16 {
    8404
}
fn nginx_status_port() -> u16 {
    8405
}
fn nginx_conf_dir() -> PathBuf {
    "/tmp/lab-nginx".into()
}
fn nginx() -> PathBuf {
    "nginx".into()
}

impl BalancerConfig {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// It cannot be read, is not a configuration, or would not work.
    pub fn load(path: &Path) -> Result<Self, BalancerError> {
        let text = std::fs::read(path)
            .map_err(|source| BalancerError::File { path: path.into(), source })?;
        let wrong = |reason| BalancerError::Config { path: path.into(), reason };
        let config: Self = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        config.check().map_err(wrong)?;
        Ok(config)
    }

    /// Refuses what nginx would not understand, or would understand differently.
    fn check(&self) -> Result<(), String> {
        if self.targets.is_empty() {
            return Err("there is no target".into());
        }
        for (n, target) in self.targets.iter().enumerate() {
            let name = &target.name;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!("{name:?} is no name of a target: use letters, digits and -"));
            }
            let same = |t: &&TargetConfig| t.name == *name || t.address == target.address;
            if let Some(other) = self.targets[..n].iter().find(same) {
                let address = target.address;
                return Err(format!("{name} at {address} is there already as {}", other.name));
            }
        }
        let path = &self.health_path;
        if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("health_path {path:?} must begin with / and be plain ASCII"));
        }
        let dir = self.nginx_conf_dir.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
        if !dir.starts_with('/') || !dir.chars().all(plain) {
            return Err(format!(
                "nginx_conf_dir {dir:?} must be absolute, of letters, digits, -_."
            ));
        }
        self.gateway.as_ref().map_or(Ok(()), GatewayConfig::check)?;
        let mut ports = [self.listen, self.status_port, self.nginx_status_port];
        ports.sort_unstable();
        if ports[0] < 1024 || ports[0] == ports[1] || ports[1] == ports[2] {
            return Err(format!("the ports {ports:?} must differ, and be above 1023"));
        }
        self.span_log.as_ref().map_or(Ok(()), SpanLog::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"{"listen": 8080, "health_path": "/healthz",
        "targets": [{"name": "web-a1", "address": "10.0.0.1:8080"}]}"#;

    fn load(text: &str) -> Result<BalancerConfig, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("balancer.json");
        std::fs::write(&path, text).unwrap();
        BalancerConfig::load(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn the_rest_has_defaults() {
        let config = load(SMALLEST).unwrap();
        assert_eq!((config.status_port, config.nginx_status_port), (8404, 8405));
        assert_eq!(config.health_check, HealthCheck::default());
        assert_eq!(load(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn what_would_not_work_is_refused() {
        let table = [
            (r#""10.0.0.1:8080""#, r#""web-a1:8080""#, "invalid socket address"),
            ("web-a1", "a b;", "no name of a target"),
            (r#"[{"name": "web-a1", "address": "10.0.0.1:8080"}]"#, "[]", "there is no target"),
            (r#""/healthz""#, r#""healthz""#, "must begin with /"),
            ("8080,", "80,", "above 1023"),
            ("8080,", "8404,", "must differ"),
            (r#""listen""#, r#""nginx_conf_dir": "x;y", "listen""#, "must be absolute"),
            (r#""listen""#, r#""interval": 1, "listen""#, "unknown field `interval`"),
            (
                "[{",
                r#"[{"name": "web-b1", "address": "10.0.0.1:8080"}, {"#,
                "is there already as web-b1",
            ),
        ];
        for (good, bad, words) in table {
            let error = load(&SMALLEST.replacen(good, bad, 1)).unwrap_err();
            assert!(error.contains(words), "{bad}: {error}");
        }
        let nowhere = BalancerConfig::load(Path::new("/nowhere.json")).unwrap_err().to_string();
        assert!(nowhere.starts_with("/nowhere.json: "), "{nowhere}");
    }
}
