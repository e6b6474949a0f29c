//! Managed services and the programs that stand for them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Name;

/// Managed services of one region, emulated: one node for each emulator that is used. They belong to
/// no zone, so the loss of a zone does not stop them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// Which emulator stands for which service.
    pub services: AwsServices,
    /// The region; the stage's only one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
}

/// The emulator of each managed service; a service that is absent is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsServices {
    /// Object storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<Emulator>,
    /// Queues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs: Option<Emulator>,
    /// Topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sns: Option<Emulator>,
    /// Mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ses: Option<Emulator>,
    /// The event bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eventbridge: Option<Emulator>,
    /// Metrics, alarms and logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloudwatch: Option<Emulator>,
    /// Names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route53: Option<Emulator>,
    /// Workflows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stepfunctions: Option<Emulator>,
    /// API gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apigateway: Option<Emulator>,
    /// Secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secretsmanager: Option<Emulator>,
    /// Key-value tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamodb: Option<Emulator>,
    /// Streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinesis: Option<Emulator>,
    /// Functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<Emulator>,
    /// Sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cognito: Option<Emulator>,
}

impl AwsServices {
    /// The services that are there, by their spelling in stage files, and their emulators.
    pub fn used(&self) -> Vec<(&'static str, Emulator)> {
        [
            ("s3", self.s3),
            ("sqs", self.sqs),
            ("sns", self.sns),
            ("ses", self.ses),
            ("eventbridge", self.eventbridge),
            ("cloudwatch", self.cloudwatch),
            ("route53", self.route53),
            ("stepfunctions", self.stepfunctions),
            ("apigateway", self.apigateway),
            ("secretsmanager", self.secretsmanager),
            ("dynamodb", self.dynamodb),
            ("kinesis", self.kinesis),
            ("lambda", self.lambda),
            ("cognito", self.cognito),
        ]
        .into_iter()
        .filter_map(|(name, emulator)| Some((name, emulator?)))
        .collect()
    }

    /// The emulators in use, each once.
    pub fn emulators(&self) -> Vec<Emulator> {
        let mut all: Vec<Emulator> = self.used().into_iter().map(|(_, e)| e).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A program that stands for managed services.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Emulator {
    /// LocalStack's free core. Its DynamoDB, Kinesis, Lambda and Cognito are not free or download
    /// their engines while they run, and so are not here.
    Localstack,
    /// MiniStack, which has all of them.
    Ministack,
}

impl Emulator {
    /// The spelling in stage files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Localstack => "localstack",
            Self::Ministack => "ministack",
        }
    }

    /// Whether it has a service.
    pub fn has(self, service: &str) -> bool {
        match self {
            Self::Localstack => !["dynamodb", "kinesis", "lambda", "cognito"].contains(&service),
            Self::Ministack => true,
        }
    }
}
