//! Every listing fits a terminal of 80 characters, whatever the stage.

use super::chaos::list as faults;
use super::{diff, list, show, status};
use crate::report::listing::WIDTH;
use crate::spec;
use crate::spec::model::Stage;

fn stages() -> Vec<Stage> {
    spec::builtin().into_iter().map(|b| spec::load(b.name).unwrap().0).collect()
}

/// No line is longer than the width, and the words are those of a width without limit: none is cut or
/// broken.
fn fits(what: &str, text: impl Fn(usize) -> String) {
    let narrow = text(WIDTH);
    for line in narrow.lines() {
        assert!(line.chars().count() <= WIDTH, "{what}: {} characters: {line}", line.len());
    }
    let words = |text: String| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(words(narrow), words(text(10_000)), "{what}");
}

#[test]
fn every_listing_fits_80_columns_and_breaks_no_word() {
    let stages = stages();
    fits("list", |width| list::text(&list::rows().unwrap(), width));
    fits("chaos list", |width| faults::of_all(&stages, width));
    for stage in &stages {
        fits(&format!("show {}", stage.stage), |width| show::text(stage, width));
        fits(&format!("chaos list {}", stage.stage), |width| faults::of_one(stage, width));
        fits(&format!("status of {}", stage.stage), |width| status::example(stage, width));
        for after in &stages {
            let what = format!("diff {} {}", stage.stage, after.stage);
            fits(&what, |width| diff::compared(stage, after, width));
        }
    }
}

#[test]
fn names_of_ones_own_stages_stay_whole_however_long_they_are() {
    let (mut stage, _) = spec::load("stage-100").unwrap();
    let name = "a-tier-with-a-name-that-is-very-long-for-a-tier-but-allowed-all-the-same";
    let tier = stage.tiers["db"].clone();
    stage.tiers.insert(name.to_owned(), tier);
    for text in [show::text(&stage, WIDTH), status::example(&stage, WIDTH)] {
        assert!(text.contains(name), "{text}");
    }
}
