//! Where traces go, under the names that OpenTelemetry gave its settings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::env::{ConfigError, Env};

/// Attributes that have a setting of their own.
const NAMED: [&str; 2] = ["service.name", "service.instance.id"];

/// How requests are traced.
#[derive(Clone, Debug)]
pub struct Tracing {
    /// Where spans are sent.
    pub endpoint: String,
    /// What all spans say of their sender.
    pub resource: Vec<(String, String)>,
    /// Share of the requests that are recorded, 0 to 1, where the caller does not say.
    pub share: f64,
    /// What takes longer is kept in any case.
    pub slow: Duration,
    /// Spans that wait to be sent; more are dropped.
    pub queue: usize,
    /// Spans in one request.
    pub batch: usize,
    /// Time between two requests.
    pub delay: Duration,
    /// Longest wait for the collector.
    pub timeout: Duration,
    /// What those are called that are called here.
    peers: BTreeMap<String, String>,
}

impl Tracing {
    /// The settings, if there is a collector.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn from_env(env: &Env<'_>, node: &str) -> Result<Option<Self>, ConfigError> {
        const PAIRS: &str = "names and values such as a=b,c=d";
        let words = [("true", true), ("false", false)];
        let off = env.choice("OTEL_SDK_DISABLED", &words, false, "true or false")?;
        env.choice("OTEL_EXPORTER_OTLP_PROTOCOL", &[("http/json", ())], (), "http/json")?;
        let sampler = [("parentbased_traceidratio", ())];
        env.choice("OTEL_TRACES_SAMPLER", &sampler, (), "parentbased_traceidratio")?;
        let count = "a number from 1 to 65536";
        let service = env.text("OTEL_SERVICE_NAME", Some("shop"))?;
        let mut resource = vec![
            ("service.name".to_owned(), service),
            ("service.instance.id".to_owned(), node.to_owned()),
        ];
        // Each attribute once: what has a setting of its own is taken from there.
        let more = env.pairs("OTEL_RESOURCE_ATTRIBUTES", PAIRS)?.into_iter();
        resource.extend(more.filter(|(name, _)| !NAMED.contains(&name.as_str())));
        let size = |name, default| {
            env.number(name, default, 1, 65_536, count).map(|n| usize::try_from(n).unwrap_or(1))
        };
        let settings = Self {
            endpoint: endpoint(env)?.unwrap_or_default(),
            resource,
            share: env.share("OTEL_TRACES_SAMPLER_ARG", 0.05)?,
            slow: env.millis("TRACE_SLOW_MS", 1000)?,
            queue: size("OTEL_BSP_MAX_QUEUE_SIZE", 2048)?,
            batch: size("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?,
            delay: env.millis("OTEL_BSP_SCHEDULE_DELAY", 1000)?,
            timeout: env.millis("OTEL_EXPORTER_OTLP_TIMEOUT", 2000)?,
            peers: env.pairs("OTEL_PEER_SERVICES", PAIRS)?.into_iter().collect(),
        };
        Ok((!off && !settings.endpoint.is_empty()).then_some(settings))
    }

    /// What something that is called here is called.
    pub fn peer<'a>(&'a self, name: &'a str) -> &'a str {
        self.peers.get(name).map_or(name, String::as_str)
    }
}

/// The address for traces is taken as it is; to the one for everything the path belongs.
fn endpoint(env: &Env<'_>) -> Result<Option<String>, ConfigError> {
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    if env.optional(OWN).is_some() {
        return env.endpoint(OWN).map(Some);
    }
    match env.optional(ALL) {
        Some(_) => Ok(Some(format!("{}/v1/traces", env.endpoint(ALL)?))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<Tracing>, ConfigError> {
        let lookup =
            |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Tracing::from_env(&Env::new(&lookup), "web-a1")
    }

    const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://10.0.9.1:4318/");

    #[test]
    fn nothing_is_traced_without_a_collector() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[ALL, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
    }

    #[test]
    fn the_standard_names_mean_what_they_mean_elsewhere() {
        let all = read(&[ALL]).unwrap().unwrap();
        assert_eq!((&*all.endpoint, all.share), ("http://10.0.9.1:4318/v1/traces", 0.05));
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://10.0.9.2:7070/spans");
        let set = read(&[
            ALL,
            own,
            ("OTEL_SERVICE_NAME", "web"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.instance.id=y,cloud.availability_zone=a, host.name=x",
            ),
            ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ("OTEL_PEER_SERVICES", "database=db-proxy"),
        ]);
        let set = set.unwrap().unwrap();
        assert_eq!((&*set.endpoint, set.share), ("http://10.0.9.2:7070/spans", 0.5));
        let resource: Vec<(&str, &str)> =
            set.resource.iter().map(|(name, value)| (&**name, &**value)).collect();
        let expected = [
            ("service.name", "web"),
            ("service.instance.id", "web-a1"),
            ("cloud.availability_zone", "a"),
            ("host.name", "x"),
        ];
        assert_eq!(resource, expected);
        assert_eq!((set.peer("database"), set.peer("cache")), ("db-proxy", "cache"));
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER", "always"),
            ("OTEL_TRACES_SAMPLER_ARG", "5"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a"),
            ("OTEL_PEER_SERVICES", "=b"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_SDK_DISABLED", "yes"),
        ] {
            assert_eq!(read(&[(name, value)]).expect_err(name).name, name);
        }
    }
}
