use clap::{Command as Definition, CommandFactory};

use super::logs::lines;
use super::*;
use crate::spec::model::Mode;

/// Every command that users see, with its full name.
fn visible(command: &Definition, name: &str) -> Vec<(String, Definition)> {
    let mut all = vec![(name.to_owned(), command.clone())];
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        all.extend(visible(sub, &format!("{name} {}", sub.get_name())));
    }
    all
}

#[test]
fn every_command_says_what_it_does_and_has_an_example_that_it_accepts() {
    let commands = visible(&Cli::command(), "lab");
    assert!(commands.iter().any(|(name, _)| name == "lab images clean"), "nested ones are seen");
    for (name, command) in commands {
        assert!(command.get_about().is_some(), "{name}");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter_map(|l| l.strip_prefix("  ")).collect();
        assert!(help.starts_with("Example") && !examples.is_empty(), "{name}: {help}");
        for example in examples {
            for one in example.split('#').take(1).flat_map(|e| e.split("&&")) {
                let words: Vec<&str> =
                    one.split(['>', '\'']).next().unwrap().split_whitespace().collect();
                // What stands in quotes is one argument.
                let quoted = one.contains('\'').then_some("quoted");
                let parsed = Cli::try_parse_from(words.iter().copied().chain(quoted));
                assert!(parsed.is_ok(), "{name}: {one}: {parsed:?}");
            }
        }
    }
}

#[test]
fn every_argument_is_explained() {
    for (name, command) in visible(&Cli::command(), "lab") {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name} {}", argument.get_id());
        }
    }
}

#[test]
fn a_log_is_asked_for_by_lines() {
    assert_eq!((lines("all"), lines("7")), (Ok("all".into()), Ok("7".into())));
    for bad in ["", "-1", "many", "1.5"] {
        assert!(lines(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_mode_is_one_of_three_words() {
    for (word, mode) in
        [("crash", Mode::Crash), ("silent", Mode::Silent), ("terminated", Mode::Terminated)]
    {
        let cli = Cli::try_parse_from(["lab", "chaos", "x", "--mode", word]).unwrap();
        assert!(matches!(cli.command, Command::Chaos(a) if a.mode == Some(mode)), "{word}");
    }
    assert!(Cli::try_parse_from(["lab", "chaos", "x", "--mode", "loud"]).is_err());
}

#[test]
fn the_definition_of_the_arguments_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn durations_need_a_unit_and_bounds() {
    assert_eq!(duration("500ms"), Ok(std::time::Duration::from_millis(500)));
    assert_eq!(duration("1.5s"), Ok(std::time::Duration::from_millis(1500)));
    for bad in ["", "5", "s", "-1s", "0s", "2h", "61m", "1e3s"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}
