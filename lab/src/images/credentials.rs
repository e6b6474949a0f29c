//! What `docker login` keeps for a registry: in its file, or with a helper that the file names.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};

/// The registry of an image, as `docker login` names it: what stands before the first `/` is one when it
/// looks like a host. Without one, and with its short name, it is the public one, of which the engine knows
/// the `index` (an address whose host is that name with `index.` before it).
pub fn registry(image: &str, index: Option<&str>) -> Option<String> {
    let host = image.split_once('/').map(|(host, _)| host);
    let host = host.filter(|host| host.contains(['.', ':']) || *host == "localhost");
    let is_public = |host: &str| {
        let known = index.and_then(|index| index.split_once("://")).map(|(_, rest)| rest);
        known.and_then(|known| known.strip_prefix("index.")?.split('/').next()) == Some(host)
    };
    match host {
        Some(host) if !is_public(host) => Some(host.to_owned()),
        _ => index.map(str::to_owned),
    }
}

/// The file that `docker login` writes: in `DOCKER_CONFIG`, or in the user's own folder.
pub fn file() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
    let folder = std::env::var_os("DOCKER_CONFIG").filter(|f| !f.is_empty()).map(PathBuf::from);
    Some(folder.or_else(home)?.join("config.json"))
}

/// The credentials for a registry; `None` when nobody logged in there. A helper is a program, and may
/// take its time.
///
/// # Errors
/// There are some, and they cannot be read.
pub fn read(file: &Path, registry: &str) -> Result<Option<DockerCredentials>, String> {
    use CredentialRetrievalError as E;
    let Ok(opened) = File::open(file) else { return Ok(None) };
    let found = docker_credential::get_credential_from_reader(BufReader::new(opened), registry);
    let mut credentials =
        DockerCredentials { serveraddress: Some(registry.to_owned()), ..Default::default() };
    match found {
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            credentials.username = Some(name);
            credentials.password = Some(password);
        }
        Ok(DockerCredential::IdentityToken(token)) => credentials.identitytoken = Some(token),
        Err(E::NoCredentialConfigured) => return Ok(None),
        // That is how helpers say that nobody logged in.
        Err(E::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            return Ok(None);
        }
        Err(E::HelperFailure { helper, stdout, stderr }) => {
            let said = format!("{} {}", stdout.trim(), stderr.trim());
            return Err(format!("{helper} failed: {}", said.trim()));
        }
        Err(e) => return Err(format!("{}: {e}", file.display())),
    }
    sendable(&credentials)?;
    Ok(Some(credentials))
}

/// The client library writes the header in the standard alphabet of base64, and the engine reads it in
/// the one for addresses: with the two letters in which they differ it would go on without credentials.
fn sendable(credentials: &DockerCredentials) -> Result<(), String> {
    use base64::Engine;
    let json = serde_json::to_string(credentials).map_err(|e| e.to_string())?;
    let header = base64::engine::general_purpose::STANDARD.encode(json);
    if header.contains(['+', '/']) {
        return Err("they have characters that cannot be sent from here: `docker pull` can".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_what_stands_before_the_name() {
        let index = "https://index.example.org/v1/";
        for (image, wanted) in [
            ("shop", Some(index)),
            ("team/shop:1", Some(index)),
            ("example.org/team/shop", Some(index)),
            ("localhost/shop", Some("localhost")),
            ("127.0.0.1:5000/shop:1", Some("127.0.0.1:5000")),
            ("registry.example.com/a/b@sha256:00", Some("registry.example.com")),
            ("registry.example.com:443/a/b", Some("registry.example.com:443")),
        ] {
            assert_eq!(registry(image, Some(index)).as_deref(), wanted, "{image}");
        }
        assert_eq!(registry("shop", None), None, "an engine that knows none");
    }

    fn read_from(config: &str, registry: &str) -> Result<Option<DockerCredentials>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, config).unwrap();
        read(&file, registry)
    }

    #[test]
    fn what_docker_login_wrote_is_read() {
        // ada:secret
        let config = r#"{"auths": {"reg.example.com": {"auth": "YWRhOnNlY3JldA=="},
            "https://index.example.com/v1/": {"identitytoken": "token"}}}"#;
        let found = read_from(config, "reg.example.com").unwrap().unwrap();
        assert_eq!(found.username.as_deref(), Some("ada"));
        assert_eq!(found.password.as_deref(), Some("secret"));
        assert_eq!(found.serveraddress.as_deref(), Some("reg.example.com"));
        let public = read_from(config, "https://index.example.com/v1/").unwrap().unwrap();
        assert_eq!(public.identitytoken.as_deref(), Some("token"));
        assert_eq!(read_from(config, "other.example.com"), Ok(None));
        assert_eq!(read_from("{}", "reg.example.com"), Ok(None));
        assert_eq!(read(Path::new("/does/not/exist"), "reg.example.com"), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(read_from("{", "reg.example.com").is_err());
        let absent = r#"{"credHelpers": {"reg.example.com": "lab-test-does-not-exist"}}"#;
        assert!(read_from(absent, "reg.example.com").is_err());
        assert_eq!(read_from(absent, "other.example.com"), Ok(None));
        let mut credentials = DockerCredentials::default();
        // One of each three places of `?` has the letter in which the alphabets differ.
        let sent = ["?", "a?", "aa?"].map(|password| {
            credentials.password = Some(password.into());
            sendable(&credentials).is_ok()
        });
        assert_eq!(sent.iter().filter(|sent| !**sent).count(), 1);
    }
}
