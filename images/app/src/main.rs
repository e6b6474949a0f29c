//! The demo application: a small shop with a forum, carried through every stage of the lab.

mod assets;
mod aws;
mod cache;
mod config;
mod db;
mod defect;
mod drain;
mod events;
mod front;
mod log;
mod mail;
mod serve;
mod shop;
mod start;
mod trace;
mod web;
mod worker;

use std::process::ExitCode;

use config::Settings;

/// Requests wait for the database, not for a core: more threads would not make them faster.
const MAX_WORKERS: usize = 2;

fn main() -> ExitCode {
    log::start();
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(MAX_WORKERS);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(serve::run(settings))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
