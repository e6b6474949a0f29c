//! `lab down`.

use std::time::Instant;

use super::args::DownArgs;
use super::{CliError, Global};
use crate::engine::{Engine, Lock};
use crate::report::Ui;

/// Removes the lab, or all labs.
pub async fn run(global: &Global, args: &DownArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let names = if args.all { engine.all_labs().await? } else { vec![global.lab.clone()] };
    let mut any = false;
    for name in names {
        let _lock = Lock::take(&name)?;
        let begun = Instant::now();
        let removed = Engine::connect(&name, engine.host()).await?.down().await?;
        if removed.containers + removed.volumes + removed.networks > 0 {
            any = true;
            ui.result(&format!(
                "lab `{name}` removed: {}, {}, {} ({:.1} s)",
                counted(removed.containers, "container"),
                counted(removed.volumes, "volume"),
                counted(removed.networks, "network"),
                begun.elapsed().as_secs_f64()
            ));
        }
    }
    if !any {
        ui.result("nothing to remove");
    }
    Ok(0)
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}
