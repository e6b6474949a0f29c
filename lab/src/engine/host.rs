//! Which engine is talked to: chosen as Docker's own command chooses, so that both mean the same one.
//! From first to last: `--host` or `--context`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of
//! Docker's configuration, the local socket.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::EngineError;

/// Where an engine listens when nobody says otherwise; also its place in the control plane's container.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// The context that stands for the local socket.
const DEFAULT_CONTEXT: &str = "default";

/// An engine, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`.
    pub address: String,
    /// Who chose it, in words: `DOCKER_HOST`, `context remote`, `default`.
    pub source: String,
}

/// What the user said on our command line.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// An address.
    pub host: Option<String>,
    /// The name of a context.
    pub context: Option<String>,
}

/// Everything that the choice follows from.
#[derive(Clone, Debug, Default)]
struct Given {
    wanted: Wanted,
    docker_host: Option<String>,
    docker_context: Option<String>,
    /// The current context of Docker's configuration.
    current: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` or `DOCKER_TLS` asks for TLS.
    tls: bool,
    /// Every context that there is.
    contexts: BTreeMap<String, Context>,
}

/// What is stored about a context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Context {
    address: String,
    /// Certificates are stored for it.
    tls: bool,
}

impl Default for Host {
    fn default() -> Self {
        Self { address: format!("unix://{DEFAULT_SOCKET}"), source: "default".into() }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.source)
    }
}

impl Host {
    /// The engine that a command talks to.
    ///
    /// # Errors
    /// There is no such context, it cannot be read, or we cannot talk to it.
    pub fn choose(wanted: &Wanted) -> Result<Self, EngineError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let folder = variable("DOCKER_CONFIG").map(PathBuf::from);
        let home = || variable("HOME").map(|home| Path::new(&home).join(".docker"));
        let folder = folder.or_else(home);
        choose(Given {
            wanted: wanted.clone(),
            docker_host: variable("DOCKER_HOST"),
            docker_context: variable("DOCKER_CONTEXT"),
            current: folder.as_deref().and_then(current_context),
            tls: ["DOCKER_TLS_VERIFY", "DOCKER_TLS"].iter().any(|name| variable(name).is_some()),
            contexts: folder.as_deref().map(contexts).unwrap_or_default(),
        })
    }

    /// The path of its socket, if it has one.
    pub fn socket(&self) -> Option<&str> {
        self.address.strip_prefix("unix://")
    }
}

fn choose(given: Given) -> Result<Host, EngineError> {
    let Wanted { host, context } = given.wanted;
    if let (Some(host), Some(context)) = (&host, &context) {
        let why = "`--host` and `--context` name two engines: give one of them";
        return Err(no_engine(&format!("{host} or {context}"), why));
    }
    let address =
        |address: String, source: &str| checked(Host { address, source: source.into() }, given.tls);
    let named = |name: String, source: &str| match given.contexts.get(&name) {
        _ if name == DEFAULT_CONTEXT => {
            Ok(Host { source: format!("context {name}{source}"), ..Host::default() })
        }
        Some(found) => checked(
            Host { address: found.address.clone(), source: format!("context {name}{source}") },
            found.tls,
        ),
        None => {
            let all: Vec<&str> = given.contexts.keys().map(String::as_str).collect();
            let there_is = [&[DEFAULT_CONTEXT][..], &all].concat().join(", ");
            let why = format!("there is no such context; there are: {there_is}");
            Err(no_engine(&format!("context {name}{source}"), &why))
        }
    };
    match (host, context, given.docker_host, given.docker_context, given.current) {
        (Some(host), ..) => address(host, "--host"),
        (_, Some(name), ..) => named(name, ", --context"),
        (_, _, Some(host), ..) => address(host, "DOCKER_HOST"),
        (_, _, _, Some(name), _) => named(name, ", DOCKER_CONTEXT"),
        (.., Some(name)) => named(name, ", the current one"),
        _ => Ok(Host::default()),
    }
}

/// What we can talk to: a socket of this machine, or plain TCP.
fn checked(host: Host, tls: bool) -> Result<Host, EngineError> {
    let refused = |why: &str| Err(no_engine(&host.to_string(), why));
    match host.address.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Ok(host),
        Some(("tcp" | "http", _)) if !tls => Ok(host),
        Some(("tcp" | "http" | "https", _)) => {
            refused("it wants TLS, and containers of another machine cannot be reached by address")
        }
        Some(("ssh", _)) => refused(
            "it is reached by SSH, and containers of another machine cannot be reached by address",
        ),
        _ => refused("an engine's address begins with unix:/// or tcp://"),
    }
}

fn no_engine(engine: &str, why: &str) -> EngineError {
    EngineError::NoEngine { engine: engine.into(), why: why.into() }
}

#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "currentContext")]
    current_context: String,
}

/// The current context of Docker's configuration, if it names one.
fn current_context(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
    let config: Config = serde_json::from_str(&text).ok()?;
    Some(config.current_context).filter(|name| !name.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    endpoints: BTreeMap<String, Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(default)]
    host: String,
}

/// The contexts that are stored: each in a folder called by the SHA-256 of its name.
fn contexts(folder: &Path) -> BTreeMap<String, Context> {
    let store = folder.join("contexts");
    let Ok(entries) = std::fs::read_dir(store.join("meta")) else { return BTreeMap::new() };
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path().join("meta.json")).ok()?;
        let mut meta: Meta = serde_json::from_str(&text).ok()?;
        let address = meta.endpoints.remove("docker")?.host;
        let id: String = Sha256::digest(&meta.name).iter().map(|b| format!("{b:02x}")).collect();
        let tls = store.join("tls").join(id).join("docker").is_dir();
        Some((meta.name, Context { address, tls }))
    };
    entries.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        let context = |address: &str, tls| Context { address: address.into(), tls };
        let contexts = [
            ("flag", context("unix:///flag.sock", false)),
            ("variable", context("unix:///variable.sock", false)),
            ("current", context("unix:///current.sock", false)),
            ("far", context("ssh://user@far", false)),
            ("secure", context("tcp://10.0.0.1:2376", true)),
        ];
        let contexts = contexts.map(|(name, context)| (name.to_owned(), context));
        Given { contexts: contexts.into(), ..Given::default() }
    }

    fn address(given: Given) -> String {
        choose(given).unwrap().address
    }

    fn refusal(given: Given) -> String {
        choose(given).unwrap_err().to_string()
    }

    #[test]
    fn the_engine_is_chosen_in_the_order_of_docker_s_own_command() {
        let some = |text: &str| Some(text.to_owned());
        let mut given = given();
        assert_eq!(address(given.clone()), Host::default().address);
        given.current = some("current");
        assert_eq!(address(given.clone()), "unix:///current.sock");
        given.docker_context = some("variable");
        assert_eq!(address(given.clone()), "unix:///variable.sock");
        given.docker_host = some("unix:///host.sock");
        assert_eq!(address(given.clone()), "unix:///host.sock");
        given.wanted.context = some("flag");
        assert_eq!(address(given.clone()), "unix:///flag.sock");
        given.wanted.context = some("default");
        assert_eq!(address(given.clone()), Host::default().address);
        given.wanted.host = some("tcp://127.0.0.1:1");
        assert!(refusal(given.clone()).contains("give one of them"));
        given.wanted.context = None;
        assert_eq!(address(given), "tcp://127.0.0.1:1");
    }

    #[test]
    fn what_cannot_be_talked_to_is_refused_by_name() {
        let named = |name: &str| Given { current: Some(name.into()), ..given() };
        let far = refusal(named("far"));
        assert!(far.contains("ssh://user@far (context far, the current one)"), "{far}");
        assert!(refusal(named("secure")).contains("TLS"));
        let gone = refusal(named("gone"));
        assert!(gone.contains("default, current, far, flag"), "{gone}");
        let host = |address: &str| Given { docker_host: Some(address.into()), ..given() };
        assert!(refusal(Given { tls: true, ..host("tcp://127.0.0.1:2376") }).contains("TLS"));
        for bad in ["docker", "ftp://x", "unix://relative.sock", "npipe:////./pipe/x"] {
            assert!(refusal(host(bad)).contains("begins with"), "{bad}");
        }
    }

    #[test]
    fn contexts_are_read_from_docker_s_own_store() {
        let home = tempfile::tempdir().unwrap();
        let meta = |id: &str, name: &str| {
            let folder = home.path().join("contexts/meta").join(id);
            std::fs::create_dir_all(&folder).unwrap();
            let text = format!(
                r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"tcp://{name}:1","SkipTLSVerify":false}}}}}}"#
            );
            std::fs::write(folder.join("meta.json"), text).unwrap();
        };
        meta("1", "plain");
        meta("2", "secure");
        let hash: String = Sha256::digest("secure").iter().map(|b| format!("{b:02x}")).collect();
        std::fs::create_dir_all(home.path().join("contexts/tls").join(hash).join("docker"))
            .unwrap();
        std::fs::write(home.path().join("config.json"), r#"{"auths":{},"currentContext":"plain"}"#)
            .unwrap();
        let found = contexts(home.path());
        assert_eq!(found["plain"], Context { address: "tcp://plain:1".into(), tls: false });
        assert!(found["secure"].tls);
        assert_eq!(current_context(home.path()).as_deref(), Some("plain"));
        assert!(contexts(Path::new("/nowhere")).is_empty());
    }
}
