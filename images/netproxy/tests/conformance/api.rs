//! Status codes and bodies.

use serde_json::{Value, json};

use crate::harness::Server;
use crate::peers::echo;

fn at(name: &str) -> Value {
    json!({"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"})
}

#[test]
fn a_server_without_proxies() {
    let server = Server::start();
    assert_eq!(server.get("/proxies").expect(200), json!({}));
    assert!(server.get("/version").expect(200)["version"].is_string());
    assert_eq!(server.call("POST", "/reset", "").status, 204);
    server.get("/proxies/none").expect_error(404, "proxy not found");
    server.post("/proxies/none", &json!({})).expect_error(404, "proxy not found");
    server.call("DELETE", "/proxies/none", "").expect_error(404, "proxy not found");
    server.get("/proxies/none/toxics").expect_error(404, "proxy not found");
    server.post("/proxies/none/toxics", &json!({})).expect_error(404, "proxy not found");
    server.get("/proxies/none/toxics/x").expect_error(404, "proxy not found");
    server.post("/proxies/none/toxics/x", &json!({})).expect_error(404, "proxy not found");
    server.call("DELETE", "/proxies/none/toxics/x", "").expect_error(404, "proxy not found");
}

#[test]
fn unknown_paths_and_methods() {
    let server = Server::start();
    assert_eq!(server.get("/nothing").status, 404);
    assert_eq!(server.get("/reset").status, 405);
    assert_eq!(server.get("/populate").status, 405);
    assert_eq!(server.call("PUT", "/proxies", "{}").status, 405);
}

#[test]
fn browsers_are_refused() {
    let server = Server::start();
    assert_eq!(server.call_as("Mozilla/5.0 (X11)", "GET", "/proxies", "").status, 403);
}

#[test]
fn a_proxy_is_created_shown_and_removed() {
    let server = Server::start();
    let made = server.post("/proxies", &at("a")).expect(201);
    let port = made["listen"].as_str().unwrap().strip_prefix("127.0.0.1:").unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0, "the real port is shown");
    let listen = &made["listen"];
    let whole = json!({"name": "a", "listen": listen, "upstream": "127.0.0.1:9",
        "enabled": true, "toxics": []});
    assert_eq!(made, whole);
    assert_eq!(server.get("/proxies/a").expect(200), whole);
    assert_eq!(server.get("/proxies").expect(200), json!({"a": whole}));
    let gone = server.call("DELETE", "/proxies/a", "");
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    server.get("/proxies/a").expect_error(404, "proxy not found");
}

#[test]
fn a_proxy_may_be_created_disabled() {
    let server = Server::start();
    let mut new = at("a");
    new["enabled"] = json!(false);
    let made = server.post("/proxies", &new).expect(201);
    assert_eq!((&made["enabled"], &made["listen"]), (&json!(false), &json!("127.0.0.1:0")));
}

#[test]
fn proxies_that_cannot_be_created() {
    let server = Server::start();
    for bad in ["", "{", "[]", "\"a\"", r#"{"name": 5}"#, r#"{"enabled": "yes"}"#] {
        server.call("POST", "/proxies", bad).expect_error(400, "bad request body: ");
    }
    let no_name = json!({"upstream": "127.0.0.1:9"});
    server.post("/proxies", &no_name).expect_error(400, "missing required field: name");
    let no_upstream = json!({"name": "a"});
    server.post("/proxies", &no_upstream).expect_error(400, "missing required field: upstream");
    let made = server.post("/proxies", &at("a")).expect(201);
    server.post("/proxies", &at("a")).expect_error(409, "proxy already exists");
    let mut taken = at("b");
    taken["listen"] = made["listen"].clone();
    server.post("/proxies", &taken).expect_error(500, "listen tcp");
    server.get("/proxies/b").expect_error(404, "proxy not found");
}

#[test]
fn a_proxy_is_changed_by_either_method() {
    let server = Server::start();
    let made = server.post("/proxies", &at("a")).expect(201);
    for method in ["POST", "PATCH"] {
        let off = server.call(method, "/proxies/a", r#"{"enabled": false}"#).expect(200);
        assert_eq!((&off["enabled"], &off["listen"]), (&json!(false), &made["listen"]));
        let on = server.call(method, "/proxies/a", r#"{"enabled": true}"#).expect(200);
        assert_eq!(on, made);
    }
    let moved = server.call("PATCH", "/proxies/a", r#"{"upstream": "127.0.0.1:10"}"#).expect(200);
    assert_eq!((&moved["upstream"], &moved["enabled"]), (&json!("127.0.0.1:10"), &json!(true)));
    assert_eq!(moved["listen"], made["listen"]);
    server.call("PATCH", "/proxies/a", "{").expect_error(400, "bad request body: ");
    let nowhere = json!({"listen": "127.0.0.1:port"});
    assert_eq!(server.post("/proxies/a", &nowhere).status, 500);
    assert_eq!(server.get("/proxies/a").expect(200), moved, "what failed changed nothing");
}

#[test]
fn many_proxies_at_once() {
    let server = Server::start();
    let made = server.post("/populate", &json!([at("a"), at("b")])).expect(201);
    assert_eq!(made["proxies"][0]["name"], "a");
    assert_eq!(made["proxies"][1]["enabled"], true);
    server.toxic("a", "latency", "upstream", json!({"latency": 1}));
    // The same again: nothing changes. Another upstream: a new proxy.
    let mut same = at("a");
    same["listen"] = made["proxies"][0]["listen"].clone();
    let mut other = at("b");
    other["upstream"] = json!("127.0.0.1:10");
    let again = server.post("/populate", &json!([same, other])).expect(201);
    assert_eq!(again["proxies"][0]["toxics"][0]["name"], "latency_upstream");
    assert_eq!(again["proxies"][1]["upstream"], "127.0.0.1:10");
    assert_eq!(server.get("/proxies").expect(200).as_object().unwrap().len(), 2);
    let nothing = server.post("/populate", &json!([])).expect(201);
    assert!(nothing["proxies"].as_array().is_none_or(Vec::is_empty));
}

#[test]
fn many_proxies_of_which_some_are_wrong() {
    let server = Server::start();
    server.call("POST", "/populate", "{").expect_error(400, "bad request body: ");
    let nameless = json!([at("a"), {"upstream": "127.0.0.1:9"}]);
    let refused = server.post("/populate", &nameless);
    refused.expect_error(400, "missing required field: name at proxy 2");
    assert_eq!(server.get("/proxies").expect(200), json!({}), "checked before anything is created");
    let taken = server.post("/proxies", &at("x")).expect(201)["listen"].clone();
    let clash =
        json!([at("a"), {"name": "b", "listen": taken, "upstream": "127.0.0.1:9"}, at("c")]);
    let partly = server.post("/populate", &clash);
    partly.expect_error(500, "listen tcp");
    let partly = partly.json();
    assert_eq!(partly["proxies"].as_array().unwrap().len(), 1, "{partly}");
    assert_eq!(partly["proxies"][0]["name"], "a");
}

#[test]
fn every_type_of_toxic_is_created_shown_changed_and_removed() {
    let server = Server::start();
    server.post("/proxies", &at("p")).expect(201);
    for (kind, attributes) in [
        ("latency", json!({"latency": 10, "jitter": 5})),
        ("bandwidth", json!({"rate": 10})),
        ("slow_close", json!({"delay": 10})),
        ("timeout", json!({"timeout": 10})),
        ("reset_peer", json!({"timeout": 10})),
        ("slicer", json!({"average_size": 10, "size_variation": 5, "delay": 3})),
        ("limit_data", json!({"bytes": 10})),
    ] {
        let new = json!({"type": kind, "attributes": attributes});
        let name = format!("{kind}_downstream");
        let whole = json!({"name": name, "type": kind, "stream": "downstream", "toxicity": 1.0,
            "attributes": attributes});
        assert_eq!(alike(server.post("/proxies/p/toxics", &new).expect(200)), whole);
        let path = format!("/proxies/p/toxics/{name}");
        assert_eq!(alike(server.get(&path).expect(200)), whole);
        assert_eq!(alike(server.get("/proxies/p/toxics").expect(200)[0].clone()), whole);
        let first = attributes.as_object().unwrap().keys().next().unwrap();
        let change = json!({"attributes": {first.as_str(): 99}, "toxicity": 0.5, "name": "other"});
        for method in ["POST", "PATCH"] {
            let changed = server.call(method, &path, &change.to_string()).expect(200);
            assert_eq!(changed["attributes"][first], 99);
            assert_eq!(changed["toxicity"], 0.5);
            assert_eq!(changed["name"], name.as_str(), "names stay");
            for (key, value) in attributes.as_object().unwrap().iter().filter(|(k, _)| *k != first)
            {
                assert_eq!(&changed["attributes"][key], value, "what is not given stays");
            }
        }
        assert_eq!(server.get("/proxies/p").expect(200)["toxics"][0]["attributes"][first], 99);
        server.cure("p", &name);
        server.get(&path).expect_error(404, "toxic not found");
    }
}

/// Whole numbers may or may not be written with a point.
fn alike(mut toxic: Value) -> Value {
    toxic["toxicity"] = json!(toxic["toxicity"].as_f64());
    toxic
}

#[test]
fn toxics_that_cannot_be_created_or_changed() {
    let server = Server::start();
    server.post("/proxies", &at("p")).expect(201);
    let toxics = "/proxies/p/toxics";
    for bad in ["", "{", "[]", r#"{"type": 1}"#, r#"{"type": "latency", "toxicity": "x"}"#] {
        server.call("POST", toxics, bad).expect_error(400, "bad request body: ");
    }
    for attributes in [json!({"latency": "x"}), json!({"latency": 1.5}), json!([])] {
        let new = json!({"type": "latency", "attributes": attributes});
        server.post(toxics, &new).expect_error(400, "bad request body: ");
    }
    server.post(toxics, &json!({"type": "x"})).expect_error(400, "invalid toxic type");
    server.post(toxics, &json!({})).expect_error(400, "invalid toxic type");
    let sideways = json!({"type": "latency", "stream": "sideways"});
    server.post(toxics, &sideways).expect_error(400, "stream was invalid");
    let named = json!({"type": "latency", "name": "n"});
    assert_eq!(server.post(toxics, &named).expect(200)["attributes"]["latency"], 0);
    let same_name = json!({"type": "timeout", "name": "n", "stream": "upstream"});
    server.post(toxics, &same_name).expect_error(409, "toxic already exists");
    let path = "/proxies/p/toxics/n";
    server.call("PATCH", path, "{").expect_error(400, "bad request body: ");
    let text = json!({"attributes": {"latency": "x"}});
    server.post(path, &text).expect_error(400, "bad request body: ");
    server.post("/proxies/p/toxics/x", &json!({})).expect_error(404, "toxic not found");
    server.call("DELETE", "/proxies/p/toxics/x", "").expect_error(404, "toxic not found");
    assert_eq!(server.get(toxics).expect(200).as_array().unwrap().len(), 1);
}

#[test]
fn upstream_toxics_are_listed_first_and_else_in_order() {
    let server = Server::start();
    server.post("/proxies", &at("p")).expect(201);
    for (kind, stream) in
        [("latency", "downstream"), ("slicer", "upstream"), ("bandwidth", "upstream")]
    {
        server.toxic("p", kind, stream, json!({}));
    }
    let names: Vec<_> = server.get("/proxies/p/toxics").expect(200).as_array().unwrap().clone();
    let names: Vec<_> = names.iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["slicer_upstream", "bandwidth_upstream", "latency_downstream"]);
}

#[test]
fn reset_enables_everything_and_removes_all_toxics() {
    let server = Server::start();
    for name in ["a", "b"] {
        server.post("/proxies", &at(name)).expect(201);
        server.toxic(name, "latency", "downstream", json!({}));
        server.toxic(name, "timeout", "upstream", json!({}));
    }
    server.post("/proxies/a", &json!({"enabled": false})).expect(200);
    let reset = server.call("POST", "/reset", "");
    assert_eq!((reset.status, reset.body.as_str()), (204, ""));
    for name in ["a", "b"] {
        let proxy = server.get(&format!("/proxies/{name}")).expect(200);
        assert_eq!((&proxy["enabled"], &proxy["toxics"]), (&json!(true), &json!([])));
    }
}

#[test]
fn bytes_are_counted() {
    let server = Server::start();
    if server.get("/metrics").status == 404 && !server.is_ours() {
        return; // The official server has them on request only.
    }
    let address = server.proxy("m", echo());
    crate::peers::round_trip(&mut crate::peers::connect(address));
    let label = format!("{{direction=\"upstream\",listener=\"{address}\",proxy=\"m\"");
    let limit = std::time::Instant::now() + crate::harness::LONG;
    loop {
        let metrics = server.get("/metrics").body;
        let line = metrics
            .lines()
            .find(|l| l.starts_with(&format!("toxiproxy_proxy_received_bytes_total{label}")));
        if line.is_some_and(|l| l.ends_with(" 4")) {
            break;
        }
        assert!(std::time::Instant::now() < limit, "4 bytes were not counted: {metrics}");
    }
}
