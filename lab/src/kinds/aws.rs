//! `aws`: managed services of a region, emulated.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::address::{Order, addresses, service_at};
use super::{Context, blank, password};
use crate::plan::layout::Place;
use crate::plan::node::{NodeSpec, Probe};
use crate::spec::model::{Aws, Emulator, Kind, Stage};
use crate::spec::slots::Duty;

/// Port on which each emulator answers for all its services.
pub const AWS_PORT: u16 = 4566;

/// The regions that our regions stand for, in their order: emulators know only the provider's names.
const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "ap-southeast-1", "sa-east-1"];

/// Spelling in stage files, in LocalStack's `SERVICES`, and in the environment of the provider's
/// libraries.
const NAMES: [(&str, &str, &str); 14] = [
    ("s3", "s3", "S3"),
    ("sqs", "sqs", "SQS"),
    ("sns", "sns", "SNS"),
    ("ses", "ses", "SES"),
    ("eventbridge", "events", "EVENTBRIDGE"),
    ("cloudwatch", "cloudwatch,logs", "CLOUDWATCH"),
    ("route53", "route53", "ROUTE_53"),
    ("stepfunctions", "stepfunctions", "SFN"),
    ("apigateway", "apigateway", "API_GATEWAY"),
    ("secretsmanager", "secretsmanager", "SECRETS_MANAGER"),
    ("dynamodb", "dynamodb", "DYNAMODB"),
    ("kinesis", "kinesis", "KINESIS"),
    ("lambda", "lambda", "LAMBDA"),
    ("cognito", "cognito-idp", "COGNITO_IDENTITY_PROVIDER"),
];

/// An emulator.
pub(super) fn node(context: &Context<'_>, place: &Place, kind: &Aws) -> NodeSpec {
    let Duty::Emulator(emulator) = place.duty else { return blank(context, place, "aws", "aws") };
    let mut node = blank(context, place, "aws", &format!("aws-{}", emulator.as_str()));
    let used = kind.services.used();
    let services: Vec<&str> = NAMES
        .iter()
        .filter(|(name, ..)| used.contains(&(*name, emulator)))
        .map(|(_, service, _)| *service)
        .collect();
    node.env.insert("SERVICES".into(), services.join(","));
    node.env.insert("AWS_DEFAULT_REGION".into(), region(context, place));
    // What an emulator says of itself where it does not repeat the address that was asked.
    node.env.insert("OWN_ADDRESS".into(), place.address.to_string());
    node.data = Some("/data".into());
    node.probe = probe(emulator);
    node.priority = 2;
    node
}

/// The emulator's own word on its health.
pub(super) fn probe(emulator: Emulator) -> Probe {
    let path = match emulator {
        Emulator::Localstack => "/_localstack/health",
        Emulator::Ministack => "/_ministack/health",
    };
    Probe::Http { port: AWS_PORT, path: path.into() }
}

/// The name of the provider's region that a node's region stands for.
pub(super) fn region(context: &Context<'_>, place: &Place) -> String {
    region_of(context.stage, place)
}

/// The same, of a stage.
pub(super) fn region_of(stage: &Stage, place: &Place) -> String {
    let regions = &stage.regions;
    let at = regions.iter().position(|r| r.name == place.region).unwrap_or_default();
    REGIONS[at % REGIONS.len()].to_owned()
}

/// What the provider's libraries read: where each service is, and keys that every emulator takes.
pub(super) fn env(
    context: &Context<'_>,
    places: &[Place],
    from: &Place,
    tier: &str,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let Some(Kind::Aws(kind)) = context.stage.tiers.get(tier).map(|t| &t.kind) else { return env };
    let url =
        |emulator| endpoint(context, places, from, tier, emulator).map(|at| format!("http://{at}"));
    let used = kind.services.used();
    // A service that the stage does not have is looked for somewhere, never at the real provider.
    if let Some(at) = used.first().and_then(|(_, emulator)| url(*emulator)) {
        env.insert("AWS_ENDPOINT_URL".into(), at);
    }
    for (name, _, variable) in NAMES {
        if let Some(at) = service_at(context.stage, places, from, tier, name, AWS_PORT) {
            env.insert(format!("AWS_ENDPOINT_URL_{variable}"), format!("http://{at}"));
        }
    }
    let region = region(context, from);
    env.insert("AWS_REGION".into(), region.clone());
    env.insert("AWS_DEFAULT_REGION".into(), region);
    // Emulators read an account out of other keys.
    env.insert("AWS_ACCESS_KEY_ID".into(), "test".into());
    env.insert("AWS_SECRET_ACCESS_KEY".into(), password(context.secret, "aws"));
    env
}

/// Where an emulator of a tier is.
fn endpoint(
    context: &Context<'_>,
    places: &[Place],
    from: &Place,
    tier: &str,
    emulator: Emulator,
) -> Option<SocketAddrV4> {
    let duty = Duty::Emulator(emulator);
    addresses((context.stage, places), from, tier, duty, AWS_PORT, Order::AsDeclared)
        .into_iter()
        .next()
}

/// Where object storage is.
pub(super) fn object_storage(
    context: &Context<'_>,
    places: &[Place],
    from: &Place,
    tier: &str,
) -> Option<SocketAddrV4> {
    let Kind::Aws(kind) = &context.stage.tiers.get(tier)?.kind else { return None };
    endpoint(context, places, from, tier, kind.services.s3?)
}
