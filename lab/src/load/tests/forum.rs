//! What is written down of the forum, and of the caches on the way.

use super::super::testing::{Behaviour, Request, Server, good};
use super::{config, run};
use crate::journal::{
    Caches, EdgeUse, Listed, Op, OpKind, Outcome, Session, ShopUse, Showed, ShownItem,
};

const HEADERS: &str = "X-Cache-Status: UPDATING\r\nx-cache: hit\r\nx-age-ms: 1234\r\n";

/// Two posts of this traffic, one of a client whose prefix begins alike, and one of a person.
const POSTS: &str = r#"{"posts":[
    {"post_id":14,"topic":"news","body":"A word about news, number run-31."},
    {"post_id":13,"topic":"news","body":"A word about news, number run-2-30."},
    {"post_id":12,"topic":"news","body":"I said \"hello\", and that was all."},
    {"post_id":11,"topic":"news","body":"A word about news, number run-7."}]}"#;

fn shop(request: &Request) -> Behaviour {
    let line = request.line.as_str();
    match line.split('?').next().unwrap() {
        "GET /posts" => Behaviour::Answer(200, HEADERS, POSTS.into()),
        "POST /posts" => Behaviour::Answer(201, HEADERS, r#"{"post_id":15}"#.into()),
        "GET /products" => Behaviour::Answer(200, "x-cache: miss\r\n", "{}".into()),
        _ => good(request),
    }
}

async fn ops(
    script: impl Fn(&Request) -> Behaviour + Send + Sync + 'static,
    kind: OpKind,
) -> Vec<Op> {
    let server = Server::start(script).await;
    let (ops, _) = run(config(&[server.address], 300, 50, 500)).await;
    let ops: Vec<Op> = ops.into_iter().filter(|op| op.kind == kind).collect();
    assert!(ops.len() > 3, "{} of {kind:?}", ops.len());
    ops
}

#[tokio::test]
async fn a_read_of_the_forum_notes_what_was_shown_and_what_the_caches_said() {
    let posts =
        [ShownItem::Own(14, 31), ShownItem::Other(13), ShownItem::Other(12), ShownItem::Own(11, 7)];
    let (edge, shop_use) = (Some(EdgeUse::Updating), Some(ShopUse::Hit));
    let caches = Caches { edge, shop: shop_use, age_ms: Some(1234) };
    let ops = ops(shop, OpKind::READ_FORUM).await;
    let topics: Vec<&String> = ops
        .iter()
        .map(|op| match &op.listed {
            Some(Listed::Showed(Showed { list, full: false, prefix, items: shown })) => {
                assert_eq!((prefix.as_str(), shown.as_slice()), ("run", &posts[..]));
                list
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(topics.iter().any(|topic| *topic != topics[0]), "the topic is the one asked for");
    assert!(ops.iter().all(|op| op.caches == Some(caches)), "{ops:?}");
}

#[tokio::test]
async fn a_post_notes_its_number_and_no_cache() {
    for op in ops(shop, OpKind::POST).await {
        let Some(Listed::Wrote { list, id: 15 }) = &op.listed else { panic!("{op:?}") };
        assert!(
            list.starts_with("/posts?topic=") && op.caches.is_none() && op.key.is_some(),
            "{op:?}"
        );
    }
}

#[tokio::test]
async fn other_reads_note_the_caches_alone() {
    let caches = Some(Caches { shop: Some(ShopUse::Miss), ..Caches::default() });
    for op in ops(shop, OpKind::BROWSE).await {
        assert_eq!((&op.listed, op.caches), (&None, caches));
    }
    for op in ops(shop, OpKind::PRODUCT).await {
        assert_eq!((&op.listed, op.caches, &op.session), (&None, None, &None::<Session>));
    }
}

#[tokio::test]
async fn an_error_and_an_answer_that_cannot_be_understood_note_nothing_of_the_forum() {
    let failing = |request: &Request| match request.line.starts_with("GET") {
        true => Behaviour::Answer(503, HEADERS, POSTS.into()),
        false => good(request),
    };
    for op in ops(failing, OpKind::READ_FORUM).await {
        assert_eq!((op.outcome, &op.listed, op.caches), (Outcome::Fail, &None, None));
    }
    // The server's usual answer has neither posts nor a number.
    for kind in [OpKind::READ_FORUM, OpKind::POST] {
        for op in ops(good, kind).await {
            assert_eq!((op.outcome, &op.listed), (Outcome::Ok, &None), "{op:?}");
        }
    }
}
