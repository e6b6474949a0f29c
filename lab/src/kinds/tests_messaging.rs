//! What events, workers and mail become in the environment of tasks.

use std::net::SocketAddrV4;

use super::tests_growth::{env, file, node, nodes_of, stage};
use crate::control::{CONFIG_PATH, ControlConfig};
use crate::plan::Wanted;
use crate::plan::node::NodeSpec;
use crate::spec::model::{Acknowledge, Kind, Mail};

#[test]
fn whoever_makes_a_queue_makes_the_same_one_and_workers_are_told_their_habits() {
    let nodes = nodes_of(&stage("stage-1m"));
    let (api, mailer, feed) =
        (node(&nodes, "api-a1"), node(&nodes, "mailer-b1"), node(&nodes, "feed-b1"));
    assert_eq!(env(api, "ORDER_EVENTS"), Some("on"));
    assert_eq!((env(api, "ROLE"), env(mailer, "ROLE")), (None, Some("worker")));
    for name in ["EVENTS_QUEUE", "EVENTS_TOPIC", "QUEUE_VISIBILITY_S", "QUEUE_MAX_RECEIVES"] {
        assert!(env(api, name).is_some(), "{name}");
        assert_eq!(env(api, name), env(mailer, name), "{name}");
    }
    assert_eq!(env(mailer, "MAIL"), Some("ses"));
    assert_eq!(
        (env(mailer, "WORKER_ACK"), env(mailer, "WORKER_DEDUPE")),
        (Some("after"), Some("on"))
    );
    // What the mailer tells the bus comes to the other workers' queue.
    assert!(env(mailer, "WORKER_ANNOUNCE").is_some());
    assert_eq!(env(mailer, "WORKER_ANNOUNCE"), env(feed, "EVENTS_BUS"));
    assert_eq!(env(feed, "WORKER_JOB"), Some("record"));
    assert_ne!(env(feed, "EVENTS_QUEUE"), env(mailer, "EVENTS_QUEUE"));
}

#[test]
fn queues_and_mail_are_looked_for_where_they_are() {
    let mut stage = stage("stage-1m");
    for edge in &mut stage.edges {
        edge.faultable = None;
    }
    let nodes = nodes_of(&stage);
    let mailer = node(&nodes, "mailer-a1");
    let at = |name: &str| format!("http://{}:4566", node(&nodes, name).address);
    assert_eq!(env(mailer, "AWS_ENDPOINT_URL_SQS"), Some(&*at("queues-ministack")));
    assert_eq!(env(mailer, "AWS_ENDPOINT_URL_SNS"), Some(&*at("queues-ministack")));
    assert_eq!(env(mailer, "AWS_ENDPOINT_URL_SES"), Some(&*at("aws-localstack")));
    let api = node(&nodes, "api-a1");
    assert_eq!(env(api, "AWS_ENDPOINT_URL_DYNAMODB"), Some(&*at("aws-ministack")));
    assert_eq!(env(api, "AWS_ENDPOINT_URL_SQS"), Some(&*at("queues-ministack")));
}

#[test]
fn an_image_of_the_users_own_is_told_its_queue_and_how_long_to_serve_on() {
    let mut own = stage("stage-1m");
    for tier in ["mailer", "api"] {
        let Some(Kind::Service(service)) = own.tiers.get_mut(tier).map(|t| &mut t.kind) else {
            panic!("no {tier}")
        };
        service.image = "example/own:1".into();
    }
    let nodes = nodes_of(&own);
    let (mailer, api) = (node(&nodes, "mailer-a1"), node(&nodes, "api-a1"));
    assert_eq!(
        (env(mailer, "ROLE"), env(mailer, "EVENTS_QUEUE")),
        (Some("worker"), Some("order-mail"))
    );
    assert_eq!((env(api, "EVENTS_TOPIC"), env(api, "DRAIN_MS")), (Some("orders"), Some("2000")));
    assert_eq!(env(api, "STAMPEDE_PROTECTION"), None, "a habit of the demo application");
    assert!(
        api.init && mailer.init && !node(&nodes, "web-a1").init,
        "ours listens to signals itself"
    );
}

#[test]
fn bad_habits_and_mail_inside_the_request_can_be_asked_for() {
    let mut bad = stage("stage-1m");
    let Some(Kind::Service(mailer)) = bad.tiers.get_mut("mailer").map(|t| &mut t.kind) else {
        panic!("no mailer")
    };
    let worker = mailer.worker.as_mut().unwrap();
    (worker.acknowledge, worker.dedupe) = (Acknowledge::Before, false);
    let nodes = nodes_of(&bad);
    let mailer = node(&nodes, "mailer-a1");
    assert_eq!(
        (env(mailer, "WORKER_ACK"), env(mailer, "WORKER_DEDUPE")),
        (Some("before"), Some("off"))
    );

    let mut inline = stage("stage-100k");
    assert!(!inline.mails());
    let Some(Kind::Service(web)) = inline.tiers.get_mut("web").map(|t| &mut t.kind) else {
        panic!("no web")
    };
    web.mail = Mail::Inline;
    assert!(inline.mails() && inline.mail_queue().is_none());
    let nodes = nodes_of(&inline);
    let web = node(&nodes, "web-a1");
    assert_eq!((env(web, "MAIL"), env(web, "MAIL_INLINE")), (Some("ses"), Some("on")));
    assert_eq!(env(web, "ORDER_EVENTS"), None);
}

#[test]
fn each_queue_knows_who_takes_it_and_who_else_knows_the_outbox() {
    let stage = stage("stage-1m");
    let nodes = nodes_of(&stage);
    let config: ControlConfig =
        serde_json::from_str(file(node(&nodes, "control"), CONFIG_PATH)).unwrap();
    let of = |tier: &str| config.queues.iter().find(|queue| queue.tier == tier).unwrap();
    let tasks = |tier: &str| -> Vec<_> {
        let tasks = nodes.iter().filter(|n| n.tier == tier);
        tasks.map(|n| SocketAddrV4::new(n.address, 8080)).collect()
    };
    let (mailer, feed) = (of("mailer"), of("feed"));
    assert_eq!((&*mailer.name, &*feed.name), ("order-mail", "order-feed"));
    assert!(!mailer.workers.is_empty() && !feed.workers.is_empty());
    // Whoever publishes knows the outbox as well as whoever takes a queue.
    assert_eq!(mailer.workers, tasks("mailer"));
    assert_eq!(mailer.others, [tasks("api"), tasks("feed")].concat());
    assert_eq!(feed.workers, tasks("feed"));
    assert_eq!(feed.others, [tasks("api"), tasks("mailer")].concat());
}

#[test]
fn what_a_stage_needs_of_its_managed_services_follows_from_it() {
    let mut stage = stage("stage-1m");
    let nodes = nodes_of(&stage);
    let config = |nodes: &[NodeSpec]| -> ControlConfig {
        serde_json::from_str(file(node(nodes, "control"), CONFIG_PATH)).unwrap()
    };
    let wanted = config(&nodes).wanted;
    let in_words = |wanted: &[Wanted]| -> Vec<String> {
        wanted.iter().map(|one| format!("{}: {}", one.node, one.resource)).collect()
    };
    assert_eq!(
        in_words(&wanted),
        [
            "aws-localstack: the bucket shop-assets",
            "aws-ministack: the table carts",
            "queues-ministack: the queue order-mail",
            "queues-ministack: the queue order-mail-dead",
            "queues-ministack: the subscription of order-mail to the topic orders",
            "queues-ministack: the queue order-feed",
            "queues-ministack: the queue order-feed-dead",
            "queues-ministack: the subscription of order-feed to the topic orders",
            "queues-ministack: the rule of the bus shop for order-feed",
        ]
    );
    let at = |name: &str| node(&nodes, name).address;
    assert!(wanted.iter().all(|one| *one.at.ip() == at(&one.node) && one.at.port() == 4566));
    assert_eq!(config(&nodes).in_memory, ["aws-localstack", "aws-ministack", "queues-ministack"]);

    // What an image of somebody else's makes is not known.
    let Some(Kind::Service(feed)) = stage.tiers.get_mut("feed").map(|t| &mut t.kind) else {
        panic!("no feed")
    };
    feed.image = "example/own:1".into();
    let wanted = in_words(&config(&nodes_of(&stage)).wanted);
    assert!(wanted.iter().all(|one| !one.contains("feed")), "{wanted:?}");
    let small = nodes_of(&super::tests_growth::stage("stage-1k"));
    assert!(config(&small).wanted.is_empty() && config(&small).in_memory.is_empty());
}
