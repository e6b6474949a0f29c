//! Arguments of `lab chaos`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::number::whole;
use super::{Format, duration};
use crate::spec::crowd::{REQUEST_PATH, is_request_path};
use crate::spec::model::Mode;

/// Arguments of `chaos`.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// The fault, or `list`
    pub fault: String,
    /// The tier that is hit, where the fault could mean several; for an edge `CALLER:CALLED`; for
    /// `list` a stage
    pub target: Option<String>,
    /// The zone that is hit
    #[arg(long)]
    pub zone: Option<String>,
    /// How long the fault lasts, such as `10s` or `500ms`
    #[arg(long = "for", value_parser = duration, value_name = "TIME")]
    pub duration: Option<std::time::Duration>,
    /// How a node dies: `crash` resets connections, `silent` answers nothing, `terminated` takes its
    /// disk along
    #[arg(long, value_parser = modes())]
    pub mode: Option<Mode>,
    /// What every answer that crosses an edge takes longer, such as `200ms`
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub latency: Option<std::time::Duration>,
    /// How much that varies to either side
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub jitter: Option<std::time::Duration>,
    /// How far behind read replicas are
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub lag: Option<std::time::Duration>,
    /// How many connections are opened
    #[arg(long, value_parser = whole(1..=10_000_u16))]
    pub connections: Option<u16>,
    /// How many clients ask for the same object at once
    #[arg(long, value_parser = whole(1..=5000_u16))]
    pub requests: Option<u16>,
    /// What they ask for, such as `/products/1`
    #[arg(long, value_parser = request_path)]
    pub path: Option<String>,
    /// What they ask for, as an operation of the workload
    #[arg(long, conflicts_with = "path")]
    pub operation: Option<String>,
    /// By how much a spike multiplies the stage's traffic
    #[arg(long, value_parser = whole(2..=20_u16))]
    pub factor: Option<u16>,
    /// How many clients flood
    #[arg(long, value_parser = whole(1..=100_u16))]
    pub clients: Option<u16>,
    /// How much each of them sends in a second
    #[arg(long = "per-second", value_parser = whole(1..=5000_u16))]
    pub per_second: Option<u16>,
    /// Which share of a tier is killed
    #[arg(long, value_parser = whole(1..=100_u8))]
    pub percent: Option<u8>,
    /// Which release is deployed
    #[arg(long)]
    pub release: Option<String>,
    /// How long a spike takes to get there, such as `60s`
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub ramp: Option<std::time::Duration>,
    /// They have a session, so that an edge cache passes them on
    #[arg(long)]
    pub signed_in: bool,
    /// The seed of every choice (which node); random when absent, and printed
    #[arg(long, env = "LAB_SEED", value_parser = whole(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// The modes as words that help and completions know.
fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(["crash", "silent", "terminated"]).map(|word| match word.as_str() {
        "silent" => Mode::Silent,
        "terminated" => Mode::Terminated,
        _ => Mode::Crash,
    })
}

/// What can be asked of a web server.
fn request_path(text: &str) -> Result<String, String> {
    if is_request_path(text) { Ok(text.into()) } else { Err(REQUEST_PATH.into()) }
}
