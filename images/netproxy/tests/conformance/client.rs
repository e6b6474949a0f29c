//! The client crate that the lab uses.

use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::ProxyPack;

use crate::harness::Server;
use crate::peers::{End, connect, echo, end, round_trip};

fn pack(name: &str) -> ProxyPack {
    ProxyPack::new(name.into(), "127.0.0.1:0".into(), echo().to_string())
}

#[test]
fn the_client_finds_its_way() {
    let server = Server::start();
    let client = Client::new(server.address);
    assert!(client.is_running());
    assert!(client.version().unwrap().contains("version"));
    let made = client.populate(vec![pack("a"), pack("b")]).unwrap();
    assert_eq!(made.len(), 2);
    assert_eq!(client.all().unwrap().len(), 2);
    let proxy = client.find_proxy("a").unwrap();
    assert!(proxy.proxy_pack.enabled);
    proxy.delete().unwrap();
    assert!(client.find_proxy("a").is_err());
    assert!(
        client.populate(vec![ProxyPack::new(String::new(), String::new(), String::new())]).is_err()
    );
}

#[test]
fn every_toxic_of_the_client_is_read_back() {
    let server = Server::start();
    let client = Client::new(server.address);
    client.populate(vec![pack("a")]).unwrap();
    let proxy = client.find_proxy("a").unwrap();
    let down = || "downstream".to_owned();
    proxy
        .with_latency(down(), 20, 5, 1.0)
        .with_bandwidth(down(), 7, 0.5)
        .with_slow_close(down(), 8, 1.0)
        .with_timeout(down(), 9, 0.0)
        .with_slicer("upstream".into(), 10, 2, 3, 1.0)
        .with_limit_data("upstream".into(), 11, 0.0);
    let toxics = proxy.toxics().unwrap();
    let found = |kind: &str| toxics.iter().find(|t| t.r#type == kind).expect(kind);
    assert_eq!(found("latency").attributes["jitter"], 5);
    assert_eq!(found("bandwidth").toxicity, 0.5);
    assert_eq!(found("slow_close").attributes["delay"], 8);
    assert_eq!(found("timeout").name, "timeout_downstream");
    assert_eq!(found("slicer").stream, "upstream");
    assert_eq!(found("limit_data").attributes["bytes"], 11);
    proxy.delete_all_toxics().unwrap();
    assert!(proxy.toxics().unwrap().is_empty());
}

#[test]
fn the_client_cuts_slows_and_resets() {
    let server = Server::start();
    let client = Client::new(server.address);
    let made = client.populate(vec![pack("a")]).unwrap();
    let address = made[0].proxy_pack.listen.parse().unwrap();
    let proxy = client.find_proxy("a").unwrap();
    let mut open = connect(address);
    round_trip(&mut open);
    let refused = || assert!(std::net::TcpStream::connect(address).is_err());
    proxy.with_down(refused).unwrap();
    assert_eq!(end(&mut open), End::Closed(Vec::new()));
    let mut open = connect(address);
    proxy
        .with_latency("upstream".into(), 60, 0, 1.0)
        .apply(|| assert!(round_trip(&mut open).as_millis() >= 60))
        .unwrap();
    proxy.disable().unwrap();
    client.reset().unwrap();
    round_trip(&mut connect(address));
    client.find_and_reset_proxy("a").unwrap();
}
