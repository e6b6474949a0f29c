//! The command line: one file per subcommand. Errors become text, hint and exit code in one place.

mod args;
mod balancer;
mod chaos;
mod check;
mod collector;
mod completions;
mod control;
mod deploy;
mod diff;
mod dns;
mod doctor;
mod down;
mod endpoints;
mod error;
mod exec;
mod export;
#[cfg(test)]
mod fits;
mod heal;
mod images;
mod interrupt;
mod list;
mod load;
mod logs;
mod psql;
mod report;
mod room;
mod schema;
mod show;
mod status;
mod up;
mod usage;
mod verify;
mod workload;

use std::process::ExitCode;

use clap::FromArgMatches;

pub use args::{Cli, Command, Format, Global};
pub use error::CliError;

use crate::report::{Level, LogWriter, Ui};
use json_lines::JsonLines;

/// Runs the tool: parses the arguments, carries out the command, reports, and returns the exit
/// code of the contract (0 done, 1 violated, 2 wrong input, 3 inconclusive, 4 environment, 70 bug).
pub fn run() -> ExitCode {
    let definition = match std::env::args_os().len() {
        0 | 1 => usage::first_steps(),
        _ => usage::definition(),
    };
    let cli = match definition.try_get_matches().and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => {
            let e = usage::explained(e);
            // Help and version come this way too; clap knows which stream and code each needs.
            let code = e.exit_code();
            return match e.print() {
                Ok(()) => ExitCode::from(u8::try_from(code).unwrap_or(2)),
                Err(_) => ExitCode::from(4),
            };
        }
    };
    start_tracing(&cli);
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let ui = Ui::terminal(level(&cli.global), no_color);
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => {
                return fail(&ui, &CliError::environment(format!("cannot start threads: {e}")));
            }
        };
    let result = runtime.block_on(dispatch(&cli, &ui));
    // A probe that still waits for an answer must not delay the end.
    runtime.shutdown_background();
    match result {
        Ok(code) => match ui.write_error() {
            None => ExitCode::from(code),
            Some(e) => fail(&ui, &CliError::environment(format!("cannot write the result: {e}"))),
        },
        Err(e) => fail(&ui, &e),
    }
}

fn fail(ui: &Ui, error: &CliError) -> ExitCode {
    ui.error(&error.message, error.hint.as_deref());
    ExitCode::from(error.code)
}

fn level(global: &Global) -> Level {
    match (global.quiet, global.verbose) {
        (true, _) => Level::Quiet,
        (false, 0) => Level::Normal,
        (false, _) => Level::Verbose,
    }
}

/// Our own diagnostics go to stderr: JSON inside containers, text for `-vv` on the terminal.
fn start_tracing(cli: &Cli) {
    use tracing_subscriber::EnvFilter;
    let service = matches!(
        cli.command,
        Command::Control(_) | Command::Balancer(_) | Command::FrontDoor(_) | Command::Dns(_)
    );
    let default = match (service, cli.global.verbose) {
        (true, _) => "info",
        (false, 0 | 1) => "off",
        (false, 2) => "lab=debug",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_env("LAB_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| LogWriter);
    // A second subscriber can only mean that a test set one already.
    if service {
        subscriber.event_format(JsonLines::of_this_node()).try_init().unwrap_or_default();
    } else {
        subscriber.try_init().unwrap_or_default();
    }
}

async fn dispatch(cli: &Cli, ui: &Ui) -> Result<u8, CliError> {
    let global = &cli.global;
    global.check_name()?;
    match &cli.command {
        Command::List(a) => list::run(a, ui),
        Command::Show(a) => show::run(a, ui),
        Command::Diff(a) => diff::run(a, ui),
        Command::Check(a) => check::run(a, ui),
        Command::Workload(a) => workload::run(global, a, ui).await,
        Command::Up(a) => up::run(global, a, ui).await,
        Command::Status(a) => status::run(global, a, ui).await,
        Command::Chaos(a) => chaos::run(global, a, ui).await,
        Command::Deploy(a) => deploy::run(global, a, ui).await,
        Command::Heal => heal::run(global, ui).await,
        Command::Verify(a) => verify::run(global, a, ui).await,
        Command::Load(a) => load::run(global, a, ui).await,
        Command::Logs(a) => logs::run(global, a, ui).await,
        Command::Exec(a) => exec::run(global, a).await,
        Command::Psql(a) => psql::run(global, a, ui).await,
        Command::Report(a) => report::run(a, ui),
        Command::Export(a) => export::run(global, a, ui).await,
        Command::Doctor => doctor::run(global, ui).await,
        Command::Images(a) => images::run(global, a, ui).await,
        Command::Down(a) => down::run(global, a, ui).await,
        Command::Schema => schema::run(ui),
        Command::Completions(a) => completions::run(a, ui),
        Command::Control(a) => control::run(a).await,
        Command::Balancer(a) => balancer::run(a).await,
        Command::Dns(a) => dns::run(a).await,
        Command::FrontDoor(a) => balancer::run_front_door(a).await,
    }
}
