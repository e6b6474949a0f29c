//! Names of the faults of queues, of their messages and of workers.

use super::name::Offer;
use crate::spec::model::{DuplicateDelivery, Fault, KillWorker, PoisonMessage, QueueOutage, Stage};

/// Faults of a stage that has workers. Without a target they mean those that send mails.
pub(super) fn offers(stage: &Stage) -> Vec<Offer> {
    let Some(queue) = stage.queue_of(None) else { return Vec::new() };
    let (tier, name) = (Some(queue.tier.to_owned()), &queue.worker.queue);
    vec![
        Offer {
            name: "queue-outage".into(),
            what: "the queue service answers nobody, or not TIER; its messages stay".into(),
            flags: "TIER --for",
            fault: Fault::QueueOutage(QueueOutage {
                tier: Some(queue.aws.to_owned()),
                ..Default::default()
            }),
        },
        Offer {
            name: "duplicate-delivery".into(),
            what: format!("messages of {name} are delivered a second time"),
            flags: "TIER --for",
            fault: Fault::DuplicateDelivery(DuplicateDelivery {
                tier: tier.clone(),
                ..Default::default()
            }),
        },
        Offer {
            name: "poison-message".into(),
            what: format!("messages come to {name} that nobody can handle (3)"),
            flags: "TIER --for",
            fault: Fault::PoisonMessage(PoisonMessage { tier: tier.clone(), ..Default::default() }),
        },
        Offer {
            name: "kill-worker".into(),
            what: format!("kills one of {} after the other at random moments", queue.tier),
            flags: "TIER --for",
            fault: Fault::KillWorker(KillWorker { tier, ..Default::default() }),
        },
    ]
}
