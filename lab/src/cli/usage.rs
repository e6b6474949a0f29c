//! The definition of the command line as it is used: what clap does not say by itself.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::Cli;

/// What `lab` alone says: the help of everything is longer than a terminal.
const FIRST_STEPS: &str = "\
Starts a small copy of a web architecture in containers, breaks it the way
clouds break, and proves whether it survived. The usual way through it:

  lab list                  the stages, from one user to a million
  lab up stage-1k           bring one up
  lab status                what runs, and where it answers
  lab chaos list            the ways to break it
  lab chaos kill-primary    break it, heal it, and say what users saw
  lab verify                judge that, then run the stage's experiments
  lab down                  remove everything that is the lab's

`lab --help` shows every command, `lab COMMAND --help` explains one.
";

/// The command line.
pub fn definition() -> Command {
    tolerant(Cli::command().max_term_width(80))
}

/// The command line of somebody who gave no argument.
pub fn first_steps() -> Command {
    definition().override_help(FIRST_STEPS)
}

/// A value that begins with `-` is a value: `--rate -1` is a wrong rate, not an unknown option `-1`.
fn tolerant(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        if arg.is_positional() || !arg.get_action().takes_values() {
            return arg;
        }
        let is_time = arg.get_value_names().is_some_and(|names| names.iter().any(|n| n == "TIME"));
        if is_time { arg.allow_hyphen_values(true) } else { arg.allow_negative_numbers(true) }
    });
    command.mut_subcommands(tolerant)
}

/// The same error; where something is missing, it says where to find it.
pub fn explained(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return error;
    }
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    if let Some(tip) = missing.iter().find_map(|name| where_to_find(name)) {
        let tips = vec![StyledStr::from(tip.to_owned())];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

fn where_to_find(argument: &str) -> Option<&'static str> {
    Some(match argument {
        "<FAULT>" => "`lab chaos list` shows the faults, such as `kill-primary`",
        "<STAGE>" | "<BEFORE>" | "<AFTER>" => {
            "`lab list` shows the stages; a path to a YAML file works, too"
        }
        "<TIER>" | "<RELEASE>" => {
            "`lab show STAGE` shows tiers and releases, such as `lab deploy web v2`"
        }
        "<NODE>" => "`lab status` shows the nodes",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> String {
        let error = definition().try_get_matches_from(line.split(' ')).unwrap_err();
        explained(error).to_string()
    }

    #[test]
    fn what_is_missing_is_said_with_where_to_find_it() {
        for (line, told) in [
            ("lab chaos", "tip: `lab chaos list` shows the faults"),
            ("lab up", "tip: `lab list` shows the stages"),
            ("lab show", "tip: `lab list` shows the stages"),
            ("lab diff stage-1", "tip: `lab list` shows the stages"),
            ("lab export compose", "tip: `lab list` shows the stages"),
            ("lab deploy", "tip: `lab show STAGE` shows tiers and releases"),
            ("lab deploy web", "tip: `lab show STAGE` shows tiers and releases"),
            ("lab exec", "tip: `lab status` shows the nodes"),
        ] {
            let said = refusal(line);
            assert!(said.contains("required arguments") && said.contains(told), "{line}: {said}");
        }
    }

    /// Every option of every command that takes a number or a time.
    #[test]
    fn a_negative_value_is_a_wrong_value_and_no_unknown_option() {
        for line in [
            "lab load --rate -1",
            "lab load --rate=-1",
            "lab load --for -5s",
            "lab load --seed -1",
            "lab chaos x --latency -1ms",
            "lab chaos x --percent -1",
            "lab chaos x --connections -5",
            "lab chaos x --factor -2.5",
            "lab verify --seed -7",
            "lab up stage-1 --port -1",
            "lab logs --tail -1",
        ] {
            let said = refusal(line);
            assert!(said.starts_with("error: invalid value '-"), "{line}: {said}");
        }
    }

    #[test]
    fn the_first_steps_fit_a_terminal_and_are_commands() {
        let lines: Vec<&str> = FIRST_STEPS.lines().collect();
        assert!(lines.len() < 24 && lines.iter().all(|line| line.len() <= 80), "{lines:?}");
        for line in lines.iter().filter_map(|line| line.strip_prefix("  ")) {
            let command = line.split("  ").next().unwrap_or_default();
            let parsed = definition().try_get_matches_from(command.split(' '));
            assert!(parsed.is_ok(), "{command}: {parsed:?}");
        }
    }

    #[test]
    fn every_command_is_explained_in_one_line_of_a_terminal() {
        let help = definition().term_width(80).render_help().to_string();
        for command in definition().get_subcommands().filter(|c| !c.is_hide_set()) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let line = help.lines().find(|l| l.trim_start().starts_with(command.get_name()));
            assert!(line.is_some_and(|line| line.ends_with(&about)), "{about}");
        }
    }
}
