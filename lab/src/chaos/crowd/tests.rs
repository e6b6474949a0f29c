//! Crowds against a server that behaves as a stage, a full one, or a broken one does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::net::SocketAddr;

use super::*;
use crate::load::testing::{Behaviour, Server, good, refusing};

fn order(addresses: &[SocketAddr], clients: u16) -> Order {
    Order {
        id: "f1".into(),
        site: Site::from(addresses),
        clients,
        asked: Asked::literally("/products/1"),
        workload: crate::load::testing::shop(),
        signed_in: false,
        cold: true,
        patience: Duration::from_secs(20),
    }
}

/// What the crowd can show, once it can.
async fn proof(crowd: &Crowd) -> String {
    loop {
        match crowd.proof() {
            Ok(proof) => return proof,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// What hinders the crowd, once that is known.
async fn problem(crowd: &Crowd) -> String {
    loop {
        match crowd.proof() {
            Err(why) if !why.contains("still connecting") => return why,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Waits until nobody waits for an answer any more.
async fn settled(crowd: &mut Crowd) {
    while crowd.clients.join_next().await.is_some() {}
}

fn cached(edge: &'static str) -> Behaviour {
    Behaviour::Answer(200, edge, "{}".into())
}

#[tokio::test]
async fn all_are_under_way_before_the_first_is_answered_and_each_answer_counts() {
    let asked = Arc::new(AtomicUsize::new(0));
    let number = Arc::clone(&asked);
    let server = Server::start(move |_| match number.fetch_add(1, Ordering::SeqCst) {
        0 => cached("X-Cache-Status: MISS\r\nx-cache: miss\r\n"),
        1 => cached("X-Cache-Status: EXPIRED\r\nx-cache: joined\r\n"),
        2 => cached("X-Cache-Status: STALE\r\nx-cache: miss\r\n"),
        3 => Behaviour::Answer(503, "X-Cache-Status: MISS\r\n", String::new()),
        _ => cached("X-Cache-Status: HIT\r\nx-cache: miss\r\n"),
    })
    .await;
    let mut crowd = Crowd::start(order(&[server.address], 200));
    assert_eq!(proof(&crowd).await, "200 requests in flight at once for /products/1?crowd=f1");
    settled(&mut crowd).await;
    let found = crowd.end().await;
    assert_eq!((found.asked, found.in_flight, found.answered, found.good), (200, 200, 200, 199));
    assert_eq!((found.origin_fetches, found.loads), (3, 1));
    assert!(found.max_us >= found.p99_us && found.p99_us > 0, "{found:?}");
    assert_eq!((found.id.as_str(), found.path.as_str()), ("f1", "/products/1?crowd=f1"));
    assert!(server.seen().iter().all(|r| r.line == "GET /products/1?crowd=f1"));
    assert!(server.seen().iter().all(|r| !r.head.contains("authorization")));
    assert_eq!(server.connections(), 200, "a connection for each");
}

#[tokio::test]
async fn who_gets_no_whole_answer_is_not_counted_as_answered() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) % 4 {
        0 => Behaviour::Hang,
        1 => Behaviour::Reset,
        2 => Behaviour::CutShort(200, ""),
        _ => cached(""),
    })
    .await;
    let patience = Duration::from_millis(300);
    let mut crowd = Crowd::start(Order { patience, ..order(&[server.address], 40) });
    assert!(proof(&crowd).await.starts_with("40 requests"));
    settled(&mut crowd).await;
    let found = crowd.end().await;
    assert_eq!((found.asked, found.answered, found.good), (40, 10, 10));
    assert_eq!((found.origin_fetches, found.loads), (10, 10), "no word of a cache");
}

#[tokio::test]
async fn a_crowd_that_is_sent_away_is_gone_at_once() {
    let server = Server::start(|_| Behaviour::Hang).await;
    let crowd = Crowd::start(order(&[server.address], 20));
    proof(&crowd).await;
    let begun = Instant::now();
    let found = crowd.end().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!((found.in_flight, found.answered), (20, 0));
}

#[tokio::test]
async fn a_refused_crowd_says_why_and_shows_nothing() {
    let address = refusing().await;
    let crowd = Crowd::start(order(&[address], 5));
    let why = problem(&crowd).await;
    assert!(why.starts_with("nobody asked for /products/1?crowd=f1: "), "{why}");
    assert!(why.contains("refused"), "{why}");
    let found = crowd.end().await;
    assert_eq!((found.asked, found.in_flight, found.answered), (5, 0, 0));
}

#[tokio::test]
async fn several_addresses_share_the_crowd_and_one_that_refuses_leaves_it_to_the_others() {
    let (one, two) = (Server::start(good).await, Server::start(good).await);
    let mut crowd = Crowd::start(order(&[one.address, two.address], 30));
    settled(&mut crowd).await;
    assert_eq!((one.connections(), two.connections()), (15, 15));
    let mut crowd = Crowd::start(order(&[one.address, refusing().await], 30));
    settled(&mut crowd).await;
    assert!(proof(&crowd).await.starts_with("30 requests"));
    assert_eq!(one.connections(), 45);
}

/// Two connections are closed, and one is answered, before the last request is sent.
#[tokio::test]
async fn only_what_nobody_has_answered_yet_is_under_way() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        ours.push(TcpStream::connect(address).await.unwrap());
        theirs.push(listener.accept().await.unwrap().0);
    }
    theirs.truncate(8);
    theirs[0].try_write(b"HTTP/1.1 200 OK").unwrap();
    let request = |stream| (stream, "GET / HTTP/1.1\r\n\r\n".to_owned());
    let asked = ask(ours.into_iter().map(request).collect());
    assert_eq!(under_way(&asked), 7);
    let book = Book { in_flight: Some(7), ..Book::default() };
    let crowd = Crowd {
        order: order(&[address], 10),
        book: Arc::new(Mutex::new(book)),
        clients: JoinSet::new(),
    };
    let wanted = "7 of 10 requests in flight at once for /products/1";
    assert_eq!(crowd.proof().unwrap(), wanted);
    read(&crowd.book).in_flight = Some(0);
    assert!(crowd.proof().is_err(), "no crowd at all");
}

#[tokio::test]
async fn who_is_signed_in_sends_a_session() {
    let server = Server::start(good).await;
    let mut crowd = Crowd::start(Order { signed_in: true, ..order(&[server.address], 10) });
    proof(&crowd).await;
    settled(&mut crowd).await;
    assert_eq!(crowd.end().await.good, 10);
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /sessions");
    assert!(seen[1..].iter().all(|r| r.head.contains("authorization: bearer t1")), "{seen:?}");
}

#[tokio::test]
async fn a_crowd_that_cannot_sign_in_does_not_come() {
    let server = Server::start(|_| Behaviour::Answer(503, "", "{}".into())).await;
    let crowd = Crowd::start(Order { signed_in: true, ..order(&[server.address], 10) });
    let why = problem(&crowd).await;
    assert!(why.ends_with("the sign-in: 503"), "{why}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_session_that_is_no_header_is_left_out() {
    let header = |request: &crate::load::testing::Request| match request.line.as_str() {
        "POST /sessions" => {
            Behaviour::Answer(200, "", r#"{"token":"a\r\nb: c","user_id":"1"}"#.into())
        }
        _ => good(request),
    };
    let server = Server::start(header).await;
    let mut crowd = Crowd::start(Order { signed_in: true, ..order(&[server.address], 3) });
    proof(&crowd).await;
    settled(&mut crowd).await;
    assert!(server.seen()[1..].iter().all(|r| !r.head.contains("b: c")), "{:?}", server.seen());
}

#[tokio::test]
async fn an_operation_is_asked_for_with_its_headers_and_the_same_for_all() {
    let text = "workload:\n  headers: {X-Tenant: t1, X-Of: \"{token}\"}\n  begin: [{post: /in, take: {token: json.t}}]\n  \
                operations: {see: {get: \"/a?n={int 1 1000000}\", headers: {Accept: text/plain}}}\n";
    let workload = Arc::new(crate::spec::workload::parse(text, "w.yaml").unwrap());
    let server = Server::start(good).await;
    let asked = Asked::Operation("see".into());
    let plain = Order { asked, workload, cold: false, ..order(&[server.address], 5) };
    let mut crowd = Crowd::start(plain);
    proof(&crowd).await;
    settled(&mut crowd).await;
    let seen = server.seen();
    assert_eq!(seen.len(), 5, "nobody signs in");
    assert!(seen.iter().all(|r| r.line == seen[0].line && r.line.starts_with("GET /a?n=")));
    let head = &seen[0].head;
    assert!(head.contains("x-tenant: t1") && head.contains("accept: text/plain"), "{head}");
    assert!(!head.contains("x-of"), "{head}");
}

#[test]
fn a_process_with_too_few_files_is_told_so() {
    assert_eq!(too_few(1000, Some(1256)), None);
    assert_eq!(too_few(1000, None), None, "no limit");
    let why = too_few(1000, Some(1255)).unwrap();
    assert!(why.contains("1000 clients needs 1256 open files") && why.contains("1255"), "{why}");
}
