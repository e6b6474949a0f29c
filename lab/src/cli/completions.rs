//! `lab completions`.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::args::CompletionsArgs;
use super::{Cli, CliError};
use crate::report::Ui;

/// Prints completions for a shell.
pub fn run(args: &CompletionsArgs, ui: &Ui) -> Result<u8, CliError> {
    ui.result(&script(args.shell));
    Ok(0)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible(&Cli::command()), "lab", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The commands without those that only run inside containers: the generators offer hidden ones.
fn visible(all: &Command) -> Command {
    Command::new("lab")
        .args(all.get_arguments().cloned())
        .subcommands(all.get_subcommands().filter(|c| !c.is_hide_set()).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_offered_commands_flags_and_values_but_nothing_hidden() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = script(shell);
            for word in ["verify", "only", "silent", "quiet"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            assert!(!script.contains("balancer"), "{shell}");
        }
    }
}
