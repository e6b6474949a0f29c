//! The arguments of the tool.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::number::whole;
use crate::plan::layout::Subnet;
use crate::plan::subnet::wanted;

mod chaos;
mod deploy;
mod global;
mod logs;
mod number;
pub use chaos::ChaosArgs;
pub use deploy::DeployArgs;
pub use global::Global;
pub use logs::LogsArgs;

/// Starts a faithful small copy of a web architecture in containers, sends it real traffic, breaks
/// it the way clouds break, and proves whether it survived.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    version,
    after_help = "Example:\n  lab up stage-1k && lab chaos kill-primary && lab verify"
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the stages
    #[command(after_help = "Example:\n  lab list --format json")]
    List(FormatArgs),
    /// Show one stage in detail
    #[command(after_help = "Example:\n  lab show stage-1k")]
    Show(ShowArgs),
    /// Show what one stage adds to another, and what it newly survives
    #[command(after_help = "Example:\n  lab diff stage-10k stage-100k")]
    Diff(DiffArgs),
    /// Validate stage files and workload files, without an engine
    #[command(
        after_help = "Examples:\n  lab check ./my-stage.yaml ./my-workload.yaml\n  lab check ./my-stage.yaml --format json\n\nExit codes: 0 all are valid, 2 one is not: every problem with file, line and column"
    )]
    Check(super::check::CheckArgs),
    /// Try what a workload says on the running lab
    #[command(after_help = "Example:\n  lab workload check")]
    Workload(super::workload::WorkloadArgs),
    /// Bring a stage up; run again, it repairs what differs
    #[command(after_help = "Examples:\n  lab up stage-1k\n  lab up ./my-stage.yaml --dry-run")]
    Up(UpArgs),
    /// Show nodes, endpoints, active faults and what the canary sees
    #[command(after_help = "Example:\n  lab status --format json")]
    Status(FormatArgs),
    /// Inject a fault, prove it, heal it, and say what users saw
    #[command(
        after_help = "Examples:\n  lab chaos list\n  lab chaos kill-primary --mode silent\n  lab chaos lose-zone --zone a --for 15s"
    )]
    Chaos(ChaosArgs),
    /// Put another release of a tier in place; a bad one is rolled back
    #[command(
        after_help = "Example:\n  lab deploy web v2\n\nExit codes: 0 it runs, 1 rolled back, 2 no such tier or release, 4 not possible at this moment"
    )]
    Deploy(DeployArgs),
    /// Undo every active fault; safe at any moment, any number of times
    #[command(after_help = "Example:\n  lab heal")]
    Heal,
    /// Judge what happened since `up`, then run the stage's experiments
    #[command(
        after_help = "Examples:\n  lab verify stage-1k\n  lab verify stage-1k --only kill-primary --seed 7\n  lab verify runs/latest        # judge a finished run again, without Docker\n\nExit codes: 0 as declared, 1 violated, 2 wrong input, 3 inconclusive, 4 environment not able, 70 a bug"
    )]
    Verify(VerifyArgs),
    /// Send open-model traffic to the running lab, with a live view
    #[command(after_help = "Example:\n  lab load --rate 100 --for 30s")]
    Load(LoadArgs),
    /// Show the log of nodes
    #[command(after_help = "Example:\n  lab logs web-a1 db-a1 --tail 50")]
    Logs(LogsArgs),
    /// Run a command in a node
    #[command(after_help = "Example:\n  lab exec web-a1 -- cat /etc/os-release")]
    Exec(ExecArgs),
    /// Open psql on the primary of a database tier, or run one statement
    #[command(after_help = "Example:\n  lab psql -c 'select count(*) from orders'")]
    Psql(PsqlArgs),
    /// Show a finished run's report
    #[command(after_help = "Example:\n  lab report runs/latest")]
    Report(ReportArgs),
    /// Write the stage as a file of another tool
    #[command(after_help = "Example:\n  lab export compose stage-1k > compose.yaml")]
    Export(ExportArgs),
    /// Say what this machine can and cannot do
    #[command(after_help = "Example:\n  lab doctor")]
    Doctor,
    /// Build, list or remove the images that the stages use
    #[command(after_help = "Example:\n  lab images build")]
    Images(ImagesArgs),
    /// Remove everything that is the lab's, and nothing else
    #[command(after_help = "Example:\n  lab down --all")]
    Down(DownArgs),
    /// Print the JSON Schema of stage files, for editors
    #[command(after_help = "Example:\n  lab schema > stage.schema.json")]
    Schema,
    /// Print completions for a shell
    #[command(after_help = "Example:\n  lab completions bash > /etc/bash_completion.d/lab")]
    Completions(CompletionsArgs),
    /// The control plane (runs inside its container)
    #[command(hide = true)]
    Control(ServiceArgs),
    /// The load balancer's health checker (runs inside its container)
    #[command(hide = true)]
    Balancer(ServiceArgs),
    /// The program beside PowerDNS (runs inside its container)
    #[command(hide = true)]
    Dns(ServiceArgs),
    /// The counter of a front door, beside nginx (runs inside its container)
    #[command(hide = true)]
    FrontDoor(ServiceArgs),
}

/// Form of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; a stable shape.
    Json,
}

/// Arguments of commands that list.
#[derive(Debug, Args)]
pub struct FormatArgs {
    /// Form of the listing
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A built-in stage, or a path to a YAML file
    pub stage: String,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A built-in stage, or a path to a YAML file
    pub before: String,
    /// What it is compared with
    pub after: String,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// A built-in stage, or a path to a YAML file
    pub stage: String,
    /// Print what would be done, and do nothing but build missing images
    #[arg(long)]
    pub dry_run: bool,
    /// First published port of 127.0.0.1 (0: any free ones; the default for a lab with a name)
    #[arg(long, env = "LAB_PORT", value_parser = whole(0..=u16::MAX), value_name = "PORT")]
    pub port: Option<u16>,
    /// The lab's subnet: a private /16 that nothing else on this machine has; the first free one when absent
    #[arg(long, env = "LAB_SUBNET", value_parser = wanted, value_name = "CIDR")]
    pub subnet: Option<Subnet>,
    /// A collector of your own that is sent traces and metrics as well, such as http://127.0.0.1:4318
    #[arg(long, env = "LAB_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A built-in stage, a path to a YAML file, or the folder of a finished run; the running lab
    /// when absent
    pub stage: Option<String>,
    /// Run only this experiment (may be given more than once)
    #[arg(long, value_name = "EXPERIMENT")]
    pub only: Vec<String>,
    /// Shorter steady and settling phases
    #[arg(long)]
    pub quick: bool,
    /// The seed of every choice; random when absent, and printed
    #[arg(long, env = "LAB_SEED", value_parser = whole(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Folder for run folders
    #[arg(long, env = "LAB_OUT", default_value = "runs", value_name = "DIR")]
    pub out: PathBuf,
    /// Leave the lab running afterwards
    #[arg(long)]
    pub keep: bool,
    /// First published port of 127.0.0.1, when the stage is started (0: any free ones)
    #[arg(long, env = "LAB_PORT", value_parser = whole(0..=u16::MAX), value_name = "PORT")]
    pub port: Option<u16>,
    /// The lab's subnet: a private /16 that nothing else on this machine has; the first free one when absent
    #[arg(long, env = "LAB_SUBNET", value_parser = wanted, value_name = "CIDR")]
    pub subnet: Option<Subnet>,
    /// A collector of your own that is sent traces and metrics as well, such as http://127.0.0.1:4318
    #[arg(long, env = "LAB_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Form of the result on stdout
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Arguments of `load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Requests per second; the stage's own when absent
    #[arg(long, value_parser = whole(1..=20_000_u32))]
    pub rate: Option<u32>,
    /// How long
    #[arg(long = "for", value_parser = duration, default_value = "30s", value_name = "TIME")]
    pub duration: std::time::Duration,
    /// The seed of the schedule
    #[arg(long, env = "LAB_SEED", value_parser = whole(0..=u64::MAX), default_value_t = 1)]
    pub seed: u64,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The node
    pub node: String,
    /// The command
    #[arg(last = true, required = true)]
    pub command: Vec<String>,
}

/// Arguments of `psql`.
#[derive(Debug, Args)]
pub struct PsqlArgs {
    /// The database tier; the stage's only one when absent
    pub tier: Option<String>,
    /// Run this and print the result
    #[arg(short, long)]
    pub command: Option<String>,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a finished run; the latest one when absent
    run: Option<PathBuf>,
    /// Folder for run folders
    #[arg(long, env = "LAB_OUT", default_value = "runs", value_name = "DIR")]
    out: PathBuf,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

impl ReportArgs {
    /// The run to show.
    pub fn folder(&self) -> PathBuf {
        self.run.clone().unwrap_or_else(|| self.out.join("latest"))
    }
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The other tool
    pub tool: ExportTool,
    /// A built-in stage, or a path to a YAML file
    pub stage: String,
    /// The subnet that the file has unless it is told another one: a private /16
    #[arg(long, env = "LAB_SUBNET", value_parser = wanted, value_name = "CIDR")]
    pub subnet: Option<Subnet>,
}

/// Tools that a stage can be written for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ExportTool {
    /// Docker Compose.
    Compose,
}

/// Arguments of `images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ImagesAction,
}

/// What `images` can do.
#[derive(Debug, Subcommand)]
pub enum ImagesAction {
    /// Build what is missing; -v shows every step
    #[command(after_help = "Example:\n  lab images build -v")]
    Build,
    /// List the lab's images
    #[command(after_help = "Example:\n  lab images list --format json")]
    List(FormatArgs),
    /// Remove the lab's images that nothing uses
    #[command(after_help = "Example:\n  lab images clean")]
    Clean,
}

/// Arguments of `down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Every lab on this machine, whatever its name
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of the programs that run inside containers.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// The configuration file
    #[arg(long)]
    pub config: PathBuf,
}

/// `10s`, `500ms`, `2m`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err("a number with a unit, such as 500ms, 10s or 2m".into()),
    };
    match number.parse::<f64>().map(|n| n * seconds) {
        Ok(s) if s > 0.0 && s <= 3600.0 => Ok(std::time::Duration::from_secs_f64(s)),
        Ok(_) => Err("more than nothing and at most 60m".into()),
        Err(_) => Err("a number with a unit, such as 500ms, 10s or 2m".into()),
    }
}

#[cfg(test)]
mod tests;
