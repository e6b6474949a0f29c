//! What can be seen of requests on their way.

use std::net::{Ipv4Addr, SocketAddrV4};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Registered port of OTLP over HTTP.
const OTLP_PORT: &str = "4318";

/// Traces, and who else gets them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Observability {
    /// Whether a share of the requests is traced from the edge to the stores; the report then has a
    /// map of the services.
    pub traces: bool,
    /// That share, in percent. Requests that fail or are slow are kept in any case, without what they
    /// called.
    #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
    pub sample_percent: f64,
    /// Another collector that is sent traces and metrics as well, over OTLP/HTTP with JSON, such as
    /// `http://127.0.0.1:4318` (this machine, where it must listen on more than 127.0.0.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
}

impl Default for Observability {
    fn default() -> Self {
        Self { traces: false, sample_percent: 5.0, otlp_endpoint: None }
    }
}

impl Observability {
    /// Where the other collector is; `None` when there is none, or none that can be understood.
    pub fn collector(&self) -> Option<SocketAddrV4> {
        let address = self.otlp_endpoint.as_deref()?.strip_prefix("http://")?;
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = address.split_once(':').unwrap_or((address, OTLP_PORT));
        let host = match host {
            "localhost" => Ipv4Addr::LOCALHOST,
            host => host.parse().ok()?,
        };
        Some(SocketAddrV4::new(host, port.parse().ok()?))
    }

    /// Whether this is what a stage has that does not say anything.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_address_and_perhaps_a_port() {
        let at = |text: &str| {
            let otlp_endpoint = Some(text.to_owned());
            Observability { otlp_endpoint, ..Observability::default() }.collector()
        };
        let local = "127.0.0.1:4318".parse().ok();
        for good in ["http://127.0.0.1:4318", "http://127.0.0.1/", "http://localhost"] {
            assert_eq!(at(good), local, "{good}");
        }
        assert_eq!(at("http://10.0.0.9:99"), "10.0.0.9:99".parse().ok());
        for bad in [
            "",
            "127.0.0.1",
            "https://127.0.0.1",
            "http://a.b",
            "http://1.2.3.4:x",
            "http://1.2.3.4/v1",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
        assert_eq!(Observability::default().collector(), None);
    }
}
