//! What a message says.

use serde::{Deserialize, Serialize};

/// A part of an order's key that marks an order whose mail can never be sent: a message that fails
/// each time it is handled.
const POISON: &str = "poison!";

/// What a message can say.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event<Placed> {
    OrderPlaced(Placed),
}

/// An order was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// Number of the event; the same however often it is delivered.
    pub id: i64,
    /// Key of the order.
    pub order_key: String,
    /// Number of the order.
    pub order_id: i64,
    /// Who ordered. As text: the number has more digits than JavaScript keeps.
    #[serde(with = "as_text")]
    pub user_id: i64,
    /// What the order costs.
    pub total_cents: i64,
}

/// What a message tells of, whoever put it there: the shop itself, through a queue or a topic, or an
/// event bus, which wraps what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The sort of event.
    pub kind: String,
    /// Key of the order.
    pub order_key: String,
}

impl Heard {
    /// Reads a message.
    ///
    /// # Errors
    /// It tells of no order, or of one that is marked.
    pub fn from_message(body: &str) -> Result<Self, NoEvent> {
        #[derive(Deserialize)]
        struct Wrapped {
            #[serde(rename = "detail-type")]
            kind: String,
            detail: Detail,
        }
        #[derive(Deserialize)]
        struct Detail {
            order_key: String,
        }
        #[derive(Deserialize)]
        struct Plain {
            event: String,
            order_key: String,
        }
        let (kind, order_key) = match serde_json::from_str::<Wrapped>(body) {
            Ok(Wrapped { kind, detail }) => (kind, detail.order_key),
            Err(_) => {
                let read = serde_json::from_str(body);
                let Plain { event, order_key } =
                    read.map_err(|e| NoEvent::Unreadable(e.to_string()))?;
                (event, order_key)
            }
        };
        if order_key.contains(POISON) {
            return Err(NoEvent::Marked(order_key));
        }
        Ok(Self { kind, order_key })
    }
}

/// A message that cannot be handled, however often it comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// It says nothing that is known here.
    #[error("the message cannot be read: {0}")]
    Unreadable(String),
    /// It is marked.
    #[error("the order {0} is marked as one whose mail cannot be sent")]
    Marked(String),
}

impl OrderPlaced {
    /// The message.
    pub fn to_message(&self) -> String {
        // Numbers and texts can always be written.
        serde_json::to_string(&Event::OrderPlaced(self)).unwrap_or_default()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is no event of an order, or of an order that is marked.
    pub fn from_message(body: &str) -> Result<Self, NoEvent> {
        let read = serde_json::from_str(body);
        let Event::OrderPlaced(event): Event<Self> =
            read.map_err(|e| NoEvent::Unreadable(e.to_string()))?;
        if event.order_key.contains(POISON) {
            return Err(NoEvent::Marked(event.order_key));
        }
        Ok(event)
    }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(number: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(order_key: &str) -> OrderPlaced {
        let user_id = i64::MAX;
        OrderPlaced { id: 3, order_key: order_key.into(), order_id: 4, user_id, total_cents: 599 }
    }

    #[test]
    fn an_event_survives_being_a_message() {
        let told = event("run-1:42");
        let message = told.to_message();
        let expected = "{\"event\":\"order-placed\",\"id\":3,\"order_key\":\"run-1:42\",\
                        \"order_id\":4,\"user_id\":\"9223372036854775807\",\"total_cents\":599}";
        assert_eq!(message, expected);
        assert_eq!(OrderPlaced::from_message(&message), Ok(told));
    }

    #[test]
    fn what_is_told_is_heard_with_and_without_the_wrapping_of_a_bus() {
        let order_key = "run-1:42".to_owned();
        let heard = Heard { kind: "order-placed".into(), order_key: order_key.clone() };
        assert_eq!(Heard::from_message(&event("run-1:42").to_message()), Ok(heard));
        let wrapped = r#"{"version":"0","source":"shop","detail-type":"mail-sent",
            "detail":{"order_key":"run-1:42"}}"#;
        let heard = Heard { kind: "mail-sent".into(), order_key };
        assert_eq!(Heard::from_message(wrapped), Ok(heard));
        for body in ["", "{}", r#"{"event":"x"}"#] {
            assert!(matches!(Heard::from_message(body), Err(NoEvent::Unreadable(_))), "{body}");
        }
        let marked = Heard::from_message(&event("a-poison!-1").to_message());
        assert!(matches!(marked, Err(NoEvent::Marked(_))), "{marked:?}");
    }

    #[test]
    fn what_can_never_be_handled_is_refused() {
        let other = event("k").to_message().replace("order-placed", "order-cancelled");
        for body in ["", "hello", "{}", &other] {
            let refused = OrderPlaced::from_message(body);
            assert!(matches!(refused, Err(NoEvent::Unreadable(_))), "{body:?}: {refused:?}");
        }
        let marked = OrderPlaced::from_message(&event("a-poison!-1").to_message());
        assert_eq!(marked, Err(NoEvent::Marked("a-poison!-1".into())));
    }
}
