//! Entries that speak TLS and HTTP/2.

use super::errors_of;
use crate::spec::{load, parse};

const STAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/secure/shop.yaml"));

fn with(tls: &str) -> String {
    STAGE.replace("build: edge", "image: edge").replace("{ca: ca.pem, name: shop.example}", tls)
}

#[test]
fn whoever_is_believed_is_named() {
    let stage = parse(&with("{unchecked: true}"), "s.yaml").unwrap();
    assert!(!stage.traffic.is_plain() && stage.traffic.http2);
    for (tls, told) in [
        ("{}", "has no `ca` or `unchecked`"),
        ("{unchecked: false}", "nothing says who is believed"),
        ("{unchecked: true, ca: a.pem}", "`ca` and `unchecked`"),
        ("{unchecked: true, name: a_b!}", "this is no name of a host"),
        ("{ca: '-----BEGIN CERTIFICATE-----'}", "no certificates: certificate 1 is no PEM"),
    ] {
        let errors = errors_of(&with(tls));
        assert!(errors.contains(told) && errors.starts_with("s.yaml:2"), "{tls}: {errors}");
    }
}

#[test]
fn certificates_are_read_beside_the_stage() {
    let around = tempfile::tempdir().unwrap();
    let file = around.path().join("s.yaml");
    std::fs::write(&file, with("{ca: ca.pem}")).unwrap();
    let loaded = || load(file.to_str().unwrap()).map_err(|e| e.to_string());
    let missing = loaded().unwrap_err();
    assert!(missing.contains("s.yaml:20:13: ") && missing.contains("No such file"), "{missing}");
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["a.example".into()]).unwrap();
    let pem = own.self_signed(&key).unwrap().pem();
    std::fs::write(around.path().join("ca.pem"), &pem).unwrap();
    assert_eq!(loaded().unwrap().0.traffic.tls.unwrap().ca, Some(pem));
}

#[test]
fn a_crowd_cannot_speak_so() {
    let errors = errors_of(
        &with("{unchecked: true}")
            .replace("fault: spike, factor: 3, ramp_ms: 1000, for_ms: 4000", "fault: flash-crowd"),
    );
    assert!(errors.contains("a flash crowd speaks HTTP/1.1 without TLS"), "{errors}");
}
