//! Pulling, against an engine that only notes what it is asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Uri};
use base64::Engine as _;
use bollard::auth::DockerCredentials;
use bollard::{API_DEFAULT_VERSION, Docker};

use super::super::pull::{Pulled, pull_as};

#[derive(Clone, Debug, Default)]
struct Asked {
    uri: String,
    auth: Option<String>,
}

/// An engine that has every image, in one layer.
async fn engine() -> (Docker, Arc<Mutex<Asked>>) {
    let asked: Arc<Mutex<Asked>> = Arc::default();
    let noted = Arc::clone(&asked);
    let answer = move |uri: Uri, headers: HeaderMap| {
        let noted = Arc::clone(&noted);
        async move {
            let auth = headers.get("x-registry-auth").map(|v| v.to_str().unwrap().to_owned());
            *noted.lock().unwrap() = Asked { uri: uri.to_string(), auth };
            "{\"status\":\"Downloading\",\"id\":\"a\",\"progressDetail\":{\"current\":1,\"total\":2}}\r\n\
             {\"status\":\"Pull complete\",\"id\":\"a\"}\r\n"
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (Docker::connect_with_http(&at, 10, API_DEFAULT_VERSION).unwrap(), asked)
}

fn sent(asked: &Mutex<Asked>) -> Option<DockerCredentials> {
    let auth = asked.lock().unwrap().auth.clone()?;
    let json = base64::engine::general_purpose::URL_SAFE.decode(auth).unwrap();
    Some(serde_json::from_slice(&json).unwrap())
}

#[tokio::test]
async fn what_docker_login_keeps_is_sent_to_its_registry_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let login = folder.path().join("config.json");
    // ada:secret
    std::fs::write(&login, r#"{"auths": {"127.0.0.1:5000": {"auth": "YWRhOnNlY3JldA=="}}}"#)
        .unwrap();
    let (docker, asked) = engine().await;
    let seen: Mutex<Vec<String>> = Mutex::default();
    let progress = |pulled: &Pulled| seen.lock().unwrap().push(pulled.to_string());
    let image = "127.0.0.1:5000/team/shop";
    pull_as(&docker, image, Some(&login), None, &progress).await.unwrap();
    let credentials = sent(&asked).expect("credentials");
    assert_eq!(credentials.username.as_deref(), Some("ada"));
    assert_eq!(credentials.password.as_deref(), Some("secret"));
    let uri = asked.lock().unwrap().uri.clone();
    assert!(uri.contains("fromImage=127.0.0.1%3A5000%2Fteam%2Fshop"), "{uri}");
    assert!(uri.contains("tag=latest"), "one image, not all of its name: {uri}");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, ["0 of 1 layers, 0.0 of 0.0 MiB", "1 of 1 layers, 0.0 of 0.0 MiB"]);
    pull_as(&docker, "team/shop:1", Some(&login), None, &progress).await.unwrap();
    let other = sent(&asked).and_then(|c| c.password);
    assert_eq!(other, None, "another registry is not told");
}

#[tokio::test]
async fn a_failing_helper_is_named_when_the_registry_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let login = folder.path().join("config.json");
    std::fs::write(&login, r#"{"credsStore": "lab-test-does-not-exist"}"#).unwrap();
    // Nobody listens there.
    let docker = Docker::connect_with_http("tcp://127.0.0.1:1", 10, API_DEFAULT_VERSION).unwrap();
    let said =
        pull_as(&docker, "127.0.0.1:5000/shop", Some(&login), None, &|_| ()).await.unwrap_err();
    assert!(said.contains("the credentials of `docker login` were not sent: "), "{said}");
}
