//! What each toxic does to connections. Lower limits of time are exact; upper limits are those of
//! the best of several tries, because the machine may be busy.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::Server;
use crate::peers::{
    End, connect, echo, end, end_of_talk, round_trip, says, server as peer, silent,
};

const MS: Duration = Duration::from_millis(1);

fn round_trips(stream: &mut TcpStream, count: usize) -> Vec<Duration> {
    (0..count).map(|_| round_trip(stream)).collect()
}

fn best(times: &[Duration]) -> Duration {
    *times.iter().min().unwrap()
}

#[test]
fn latency_delays_either_direction() {
    for stream in ["upstream", "downstream"] {
        let server = Server::start();
        let address = server.proxy("p", echo());
        server.toxic("p", "latency", stream, json!({"latency": 100}));
        let times = round_trips(&mut connect(address), 5);
        assert!((100 * MS..130 * MS).contains(&best(&times)), "{stream}: {times:?}");
    }
}

#[test]
fn latency_in_both_directions_adds_up() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "latency", "upstream", json!({"latency": 60}));
    server.toxic("p", "latency", "downstream", json!({"latency": 60}));
    let times = round_trips(&mut connect(address), 3);
    assert!((120 * MS..160 * MS).contains(&best(&times)), "{times:?}");
}

#[test]
fn latency_is_a_delay_and_not_a_limit_of_the_rate() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "latency", "downstream", json!({"latency": 200}));
    let mut stream = connect(address);
    let start = Instant::now();
    for i in 0..20_u8 {
        stream.write_all(&[i]).unwrap();
        std::thread::sleep(2 * MS);
    }
    let mut all = [0; 20];
    stream.read_exact(&mut all).unwrap();
    assert!(all.into_iter().eq(0..20), "out of order: {all:?}");
    let took = start.elapsed();
    assert!((200 * MS..1000 * MS).contains(&took), "{took:?}");
}

#[test]
fn jitter_varies_the_latency_within_its_bounds() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "latency", "downstream", json!({"latency": 40, "jitter": 30}));
    let times = round_trips(&mut connect(address), 40);
    // 40 of 40 outside a fifth of the range: less than once in 7000 runs.
    assert!((10 * MS..22 * MS).contains(&best(&times)), "{times:?}");
    assert!(*times.iter().max().unwrap() > 58 * MS, "{times:?}");
}

#[test]
fn bandwidth_limits_the_rate() {
    let server = Server::start();
    let address = server.proxy("p", says(vec![7; 50_000], true));
    server.toxic("p", "bandwidth", "downstream", json!({"rate": 100}));
    let times: Vec<_> = (0..3)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(end(&mut connect(address)), End::Closed(vec![7; 50_000]));
            start.elapsed()
        })
        .collect();
    assert!((480 * MS..620 * MS).contains(&best(&times)), "{times:?}");
}

#[test]
fn no_bandwidth_holds_back_and_loses_nothing() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let mut stream = connect(address);
    round_trip(&mut stream);
    server.toxic("p", "bandwidth", "upstream", json!({"rate": 0}));
    stream.write_all(b"held").unwrap();
    assert!(silent(&mut stream, 250 * MS));
    server.cure("p", "bandwidth_upstream");
    let mut held = [0; 4];
    stream.read_exact(&mut held).unwrap();
    assert_eq!(&held, b"held");
}

#[test]
fn slow_close_delays_the_end_but_not_the_data() {
    let server = Server::start();
    let address = server.proxy("p", says(b"bye".to_vec(), true));
    server.toxic("p", "slow_close", "downstream", json!({"delay": 400}));
    let start = Instant::now();
    let mut stream = connect(address);
    stream.read_exact(&mut [0; 3]).unwrap();
    let data = start.elapsed();
    assert_eq!(end(&mut stream), End::Closed(Vec::new()));
    let closed = start.elapsed();
    assert!(data < 300 * MS && closed >= 400 * MS, "{data:?} {closed:?}");
}

#[test]
fn timeout_lets_nothing_through_and_closes() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let mut stream = connect(address);
    round_trip(&mut stream);
    server.toxic("p", "timeout", "downstream", json!({"timeout": 300}));
    let start = Instant::now();
    stream.write_all(b"lost").unwrap();
    assert_eq!(end(&mut stream), End::Closed(Vec::new()));
    assert!((250 * MS..2000 * MS).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[test]
fn timeout_of_zero_closes_only_when_it_is_removed() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "timeout", "upstream", json!({"timeout": 0}));
    let mut stream = connect(address);
    stream.write_all(b"lost").unwrap();
    assert!(silent(&mut stream, 300 * MS));
    server.cure("p", "timeout_upstream");
    assert_eq!(end(&mut stream), End::Closed(Vec::new()));
    round_trip(&mut connect(address));
}

#[test]
fn reset_peer_resets_both_peers() {
    for stream in ["upstream", "downstream"] {
        let server = Server::start();
        let (tell, told) = std::sync::mpsc::channel();
        let upstream = peer(move |mut stream| {
            let _ = tell.send(end_of_talk(&mut stream));
        });
        let address = server.proxy("p", upstream);
        server.toxic("p", "reset_peer", stream, json!({"timeout": 0}));
        let mut client = connect(address);
        assert_eq!(end_of_talk(&mut client), End::Reset, "{stream}");
        assert_eq!(told.recv_timeout(crate::harness::LONG).unwrap(), End::Reset, "{stream}");
    }
}

#[test]
fn reset_peer_waits_for_its_timeout() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "reset_peer", "upstream", json!({"timeout": 200}));
    let mut stream = connect(address);
    let start = Instant::now();
    stream.write_all(b"x").unwrap();
    assert_eq!(end(&mut stream), End::Reset);
    assert!(start.elapsed() >= 200 * MS, "{:?}", start.elapsed());
}

#[test]
fn reset_peer_ends_connections_that_were_open_before() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let mut stream = connect(address);
    round_trip(&mut stream);
    server.toxic("p", "reset_peer", "downstream", json!({"timeout": 0}));
    stream.write_all(b"x").unwrap();
    let ended = end(&mut stream);
    // The official server closes such connections in an orderly way.
    assert!(ended == End::Reset || !server.is_ours() && ended == End::Closed(vec![]), "{ended:?}");
}

#[test]
fn slicer_cuts_into_pieces_and_loses_nothing() {
    let server = Server::start();
    let text: Vec<u8> = (0..100).collect();
    let address = server.proxy("p", says(text.clone(), false));
    let settings = json!({"average_size": 10, "size_variation": 3, "delay": 10_000});
    server.toxic("p", "slicer", "downstream", settings);
    let mut stream = connect(address);
    let (start, mut all, mut reads) = (Instant::now(), Vec::new(), 0);
    while all.len() < 100 {
        let mut buffer = [0; 100];
        let len = stream.read(&mut buffer).unwrap();
        all.extend_from_slice(&buffer[..len]);
        reads += 1;
    }
    assert_eq!(all, text);
    assert!(reads > 3, "in {reads} pieces");
    assert!(start.elapsed() >= 60 * MS, "at least 8 pieces with pauses: {:?}", start.elapsed());
}

#[test]
fn limit_data_closes_after_its_bytes() {
    let server = Server::start();
    let address = server.proxy("p", says(b"0123456789abcdef".to_vec(), false));
    server.toxic("p", "limit_data", "downstream", json!({"bytes": 10}));
    assert_eq!(end(&mut connect(address)), End::Closed(b"0123456789".to_vec()));
}

#[test]
fn limit_data_ends_the_other_side_as_well() {
    let server = Server::start();
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = peer(move |mut stream| {
        let _ = stream.write_all(b"0123456789abcdef");
        let _ = tell.send(end(&mut stream));
    });
    let address = server.proxy("p", upstream);
    server.toxic("p", "limit_data", "downstream", json!({"bytes": 10}));
    // A client that does not react to the end.
    let mut client = connect(address);
    assert_eq!(end(&mut client), End::Closed(b"0123456789".to_vec()));
    let seen = told.recv_timeout(crate::harness::LONG);
    assert!(seen.is_ok(), "the server's connection is still open");
}

#[test]
fn limit_data_counts_over_several_messages() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "limit_data", "upstream", json!({"bytes": 10}));
    let mut stream = connect(address);
    round_trips(&mut stream, 2);
    stream.write_all(b"0123").unwrap();
    match end(&mut stream) {
        // The last bytes reach the server; its answer may be overtaken by the end.
        End::Closed(rest) => assert!(b"01".starts_with(rest.as_slice()), "{rest:?}"),
        End::Reset => {}
    }
}

#[test]
fn toxicity_is_the_share_of_connections() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    server.toxic("p", "latency", "downstream", json!({"latency": 50}));
    let share = |toxicity: f64| {
        let body = json!({"toxicity": toxicity});
        server.post("/proxies/p/toxics/latency_downstream", &body).expect(200);
        let slow = |_: &usize| round_trip(&mut connect(address)) >= 50 * MS;
        (0..40).filter(slow).count()
    };
    assert_eq!(share(1.0), 40);
    // A busy machine can make a few of the quick ones look slow.
    assert!(share(0.0) <= 4);
    // 0.5 to the power of 40 is the chance that this is wrong.
    let some = share(0.5);
    assert!((1..40).contains(&some), "{some} of 40");
}

#[test]
fn changes_act_on_open_connections() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let mut stream = connect(address);
    assert!(best(&round_trips(&mut stream, 5)) < 50 * MS);
    server.toxic("p", "latency", "downstream", json!({"latency": 60}));
    assert!(best(&round_trips(&mut stream, 3)) >= 60 * MS);
    let path = "/proxies/p/toxics/latency_downstream";
    server.post(path, &json!({"attributes": {"latency": 120}})).expect(200);
    assert!(best(&round_trips(&mut stream, 3)) >= 120 * MS);
    server.cure("p", "latency_downstream");
    assert!(best(&round_trips(&mut stream, 5)) < 50 * MS);
    server.toxic("p", "latency", "upstream", json!({"latency": 60}));
    assert!(best(&round_trips(&mut stream, 3)) >= 60 * MS);
    assert_eq!(server.call("POST", "/reset", "").status, 204);
    assert!(best(&round_trips(&mut stream, 5)) < 50 * MS);
}

#[test]
fn nothing_is_lost_or_reordered_while_toxics_come_and_go() {
    let server = Server::start();
    let address = server.proxy("p", echo());
    let mut stream = connect(address);
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        for i in 0..3000_u32 {
            writer.write_all(&i.to_be_bytes()).unwrap();
            if i % 10 == 0 {
                std::thread::sleep(MS);
            }
        }
    });
    let reading = std::thread::spawn(move || {
        for i in 0..3000_u32 {
            let mut number = [0; 4];
            stream.read_exact(&mut number).unwrap();
            assert_eq!(u32::from_be_bytes(number), i);
        }
    });
    while !writing.is_finished() {
        server.toxic("p", "latency", "upstream", json!({"latency": 20, "jitter": 10}));
        server.toxic("p", "slicer", "upstream", json!({"average_size": 3, "delay": 10}));
        server.toxic("p", "bandwidth", "downstream", json!({"rate": 1000}));
        server.cure("p", "latency_upstream");
        server.cure("p", "slicer_upstream");
        server.cure("p", "bandwidth_downstream");
    }
    writing.join().unwrap();
    reading.join().unwrap();
}
