//! A table of carts: one item for each user, replaced only by who has read its latest version.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::client::Service;
use crate::config;
use crate::db::{Budget, Cause, Effect, Failure, backoff};

/// How long one request may keep trying.
const PATIENCE: Duration = Duration::from_millis(4000);

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_millis(1000);

/// What is in a cart: quantity by product.
pub type Lines = BTreeMap<i32, i64>;

/// The table.
pub struct CartTable {
    service: Service,
    name: String,
    counts: Counts,
}

/// What is counted.
#[derive(Default)]
pub struct Counts {
    /// Requests sent.
    pub requests: AtomicU64,
    /// Requests sent again.
    pub retries: AtomicU64,
    /// Writes that found a newer version.
    pub conflicts: AtomicU64,
    /// Requests that failed for good.
    pub failures: AtomicU64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cart {
    /// 0 when there is none yet.
    version: u64,
    lines: Lines,
}

enum Refusal {
    /// Somebody else wrote in between.
    Conflict,
    /// The table is not there.
    NoTable,
    /// It may work later.
    Passing(Effect, String),
    /// It never will.
    Never(String),
}

impl CartTable {
    /// The table called `name`, which may not be there yet.
    pub fn new(settings: &config::Aws, name: String) -> Self {
        let service = Service::new("dynamodb", &settings.dynamodb, TIMEOUT, &settings.keys);
        Self { service, name, counts: Counts::default() }
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Reads a cart.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn read(&self, user_id: i64) -> Result<Lines, Failure> {
        let mut tries = Tries::new(self);
        loop {
            match self.get(user_id).await {
                Ok(cart) => return Ok(cart.lines),
                Err(refusal) => tries.again(refusal).await.map_err(unharmed)?,
            }
        }
    }

    /// Changes a cart. `change` may be called several times, each time on what is there.
    ///
    /// # Errors
    /// The service does not answer, or refuses; the failure says whether it may have happened.
    pub async fn update(&self, user_id: i64, change: impl Fn(&mut Lines)) -> Result<(), Failure> {
        let mut tries = Tries::new(self);
        loop {
            match self.try_update(user_id, &change).await {
                Ok(()) => return Ok(()),
                Err(refusal) => tries.again(refusal).await?,
            }
        }
    }

    async fn try_update(&self, user_id: i64, change: &impl Fn(&mut Lines)) -> Result<(), Refusal> {
        let harmless = |refusal| match refusal {
            Refusal::Passing(_, why) => Refusal::Passing(Effect::None, why),
            other => other,
        };
        let read = self.get(user_id).await.map_err(harmless)?;
        let mut cart = read.clone();
        change(&mut cart.lines);
        if cart == read {
            return Ok(());
        }
        cart.version += 1;
        let condition = match read.version {
            0 => json!({ "ConditionExpression": "attribute_not_exists(user_id)" }),
            version => json!({
                "ConditionExpression": "version = :read",
                "ExpressionAttributeValues": { ":read": { "N": version.to_string() } },
            }),
        };
        let mut body = json!({ "TableName": self.name, "Item": item(user_id, &cart) });
        if let (Some(body), Value::Object(condition)) = (body.as_object_mut(), condition) {
            body.extend(condition);
        }
        self.call("PutItem", &body).await.map(|_| ())
    }

    async fn get(&self, user_id: i64) -> Result<Cart, Refusal> {
        let body = json!({
            "TableName": self.name,
            "Key": { "user_id": { "S": user_id.to_string() } },
            "ConsistentRead": true,
        });
        let answer = self.call("GetItem", &body).await?;
        match answer.get("Item") {
            None => Ok(Cart::default()),
            Some(item) => cart(item).ok_or_else(|| Refusal::Never("the cart is damaged".into())),
        }
    }

    /// Makes the table, if it is not there.
    async fn create(&self) -> Result<(), Refusal> {
        let body = json!({
            "TableName": self.name,
            "AttributeDefinitions": [{ "AttributeName": "user_id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "user_id", "KeyType": "HASH" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        self.call("CreateTable", &body).await.map(|_| ())
    }

    /// Makes the table at the start of the program; requests do so too when it is missing.
    pub async fn prepare(&self) {
        let body = json!({ "TableName": self.name });
        let made = match self.call("DescribeTable", &body).await {
            Err(Refusal::NoTable) => self.create().await,
            other => other.map(|_| ()),
        };
        match made {
            Ok(()) => tracing::info!(table = self.name, "the table of carts is there"),
            Err(_) => tracing::warn!(table = self.name, "the table of carts is not there yet"),
        }
    }

    async fn call(&self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
        let target = HeaderValue::try_from(format!("DynamoDB_20120810.{operation}"));
        let target = target.map_err(|e| Refusal::Never(e.to_string()))?;
        headers.insert("x-amz-target", target);
        let sent = self.service.send("POST", "/", headers, body.to_string().into()).await;
        let answer = sent.map_err(|e| Refusal::Passing(e.effect, e.to_string()))?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() { Ok(json) } else { Err(refusal(answer.status, &json)) }
    }
}

/// The error codes are those of the service's API reference, "Error handling with DynamoDB".
fn refusal(status: StatusCode, body: &Value) -> Refusal {
    let code = body.get("__type").and_then(Value::as_str).unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let why = format!("{status} {code}");
    match code {
        "ConditionalCheckFailedException" => Refusal::Conflict,
        "ResourceNotFoundException" => Refusal::NoTable,
        // It is being made, or was made by another task.
        "ResourceInUseException"
        | "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "LimitExceededException" => Refusal::Passing(Effect::None, why),
        _ if status.is_server_error() => Refusal::Passing(Effect::Unknown, why),
        _ => Refusal::Never(why),
    }
}

/// Keeps count of what one request tried.
struct Tries<'a> {
    table: &'a CartTable,
    budget: Budget,
    failures: u32,
    in_doubt: bool,
}

impl<'a> Tries<'a> {
    fn new(table: &'a CartTable) -> Self {
        let budget = Budget::starting_now(PATIENCE);
        Self { table, budget, failures: 0, in_doubt: false }
    }

    /// Waits before the next try, or says why there is none.
    async fn again(&mut self, refusal: Refusal) -> Result<(), Failure> {
        let counts = &self.table.counts;
        let (cause, why) = match refusal {
            Refusal::Conflict => {
                counts.conflicts.fetch_add(1, Ordering::Relaxed);
                (Cause::Conflict, "somebody else changes the cart all the time".to_owned())
            }
            Refusal::NoTable => {
                self.table.prepare().await;
                (Cause::NoSchema, "the table of carts is not there yet".to_owned())
            }
            Refusal::Passing(effect, why) => {
                self.in_doubt |= effect == Effect::Unknown;
                (Cause::TimedOut, why)
            }
            Refusal::Never(why) => (Cause::Refused, why),
        };
        let pause = backoff(self.failures, rand::random());
        if cause == Cause::Refused || !self.budget.allows(pause) {
            counts.failures.fetch_add(1, Ordering::Relaxed);
            let failure = Failure::clean(cause, format!("the table of carts: {why}"));
            return Err(if self.in_doubt { failure.doubtful() } else { failure });
        }
        self.failures += 1;
        counts.retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// A read leaves nothing behind, however it ends.
fn unharmed(failure: Failure) -> Failure {
    Failure { effect: Effect::None, ..failure }
}

fn item(user_id: i64, cart: &Cart) -> Value {
    let lines: serde_json::Map<String, Value> = cart
        .lines
        .iter()
        .map(|(product, quantity)| (product.to_string(), json!({ "N": quantity.to_string() })))
        .collect();
    json!({
        "user_id": { "S": user_id.to_string() },
        "version": { "N": cart.version.to_string() },
        "lines": { "M": lines },
    })
}

fn cart(item: &Value) -> Option<Cart> {
    let number = |value: &Value| value.get("N")?.as_str().map(str::to_owned);
    let version = number(item.get("version")?)?.parse().ok()?;
    let lines = item.get("lines")?.get("M")?.as_object()?;
    let line = |(product, quantity): (&String, &Value)| {
        Some((product.parse().ok()?, number(quantity)?.parse().ok()?))
    };
    Some(Cart { version, lines: lines.iter().map(line).collect::<Option<Lines>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_survives_being_stored() {
        let full = Cart { version: 3, lines: Lines::from([(7, 2), (200, 1)]) };
        for stored in [full, Cart { version: 1, lines: Lines::new() }] {
            assert_eq!(cart(&item(5, &stored)), Some(stored));
        }
        assert_eq!(cart(&json!({ "version": { "S": "1" } })), None);
    }

    #[test]
    fn refusals_say_whether_to_try_again_and_what_may_have_happened() {
        let of = |status, code: &str| {
            let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}") });
            refusal(StatusCode::from_u16(status).unwrap(), &body)
        };
        assert!(matches!(of(400, "ConditionalCheckFailedException"), Refusal::Conflict));
        assert!(matches!(of(400, "ResourceNotFoundException"), Refusal::NoTable));
        assert!(matches!(of(400, "ThrottlingException"), Refusal::Passing(Effect::None, _)));
        assert!(matches!(of(500, "InternalServerError"), Refusal::Passing(Effect::Unknown, _)));
        assert!(matches!(of(400, "ValidationException"), Refusal::Never(_)));
    }
}
