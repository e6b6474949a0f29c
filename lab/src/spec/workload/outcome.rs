//! What an answer proves about an operation, as the workload says it. Pure.

use super::dice::Dice;
use super::json::JsonTemplate;
use super::model::Operation;
use super::selector::{Answer, Place};
use super::template::{Values, plain};
use indexmap::IndexMap;

/// What an answer proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was done.
    Done,
    /// It had no effect.
    NoEffect,
    /// Nothing, and why: a write may have happened, a read failed.
    Nothing(Option<String>),
}

impl Operation {
    /// Whether this status is that of a good answer.
    pub fn is_good(&self, status: u16) -> bool {
        match self.ok.as_slice() {
            [] => (200..300).contains(&status),
            ok => ok.contains(&status),
        }
    }

    /// What an answer proves; `values` are those of the operation.
    pub fn proof(&self, answer: &Answer, values: &dyn Values, dice: &mut Dice) -> Proof {
        if self.is_good(answer.status) {
            return match unlike(&self.expect, answer, values, dice) {
                None => Proof::Done,
                Some(why) => Proof::Nothing(Some(why)),
            };
        }
        let says = |(name, value): (&String, &String)| answer.header(name) == Some(value.as_str());
        if self.no_effect.contains(&answer.status) || self.no_effect_header.iter().any(says) {
            return Proof::NoEffect;
        }
        Proof::Nothing(None)
    }
}

/// The first place at which an answer says something else than it should.
pub fn unlike(
    says: &IndexMap<Place, JsonTemplate>,
    answer: &Answer,
    values: &dyn Values,
    dice: &mut Dice,
) -> Option<String> {
    says.iter().find_map(|(place, wanted)| {
        let wanted = match wanted.value(values, dice) {
            Ok(wanted) => wanted,
            Err(missing) => return Some(format!("{missing}")),
        };
        match place.first(answer) {
            Err(missing) => Some(missing.to_string()),
            // A header has no numbers, and a form neither: what counts is how it is written.
            Ok(found) if found == wanted || plain(&found) == plain(&wanted) => None,
            Ok(found) => {
                Some(format!("{} is {}, not {}", place.text(), short(&found), short(&wanted)))
            }
        }
    })
}

fn short(value: &serde_json::Value) -> String {
    let text = plain(value);
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether a value is greater than another one: part by part, of two parts the longer one, of two as long the
/// one that is later in the alphabet. So `1-9F` < `1-100` < `2-1`, in whatever base the numbers are written.
pub fn is_greater(value: &str, than: &str) -> bool {
    let parts = |text: &str| -> Vec<(usize, String)> {
        let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
        parts
            .map(|part| part.trim_start_matches('0').to_ascii_uppercase())
            .map(|part| (part.len(), part))
            .collect()
    };
    parts(value) > parts(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_part_by_part() {
        for (less, more) in [
            ("1-FF", "1-100"),
            ("1-100", "2-1"),
            ("9", "10"),
            ("1.9.0", "1.10.0"),
            ("1-ab", "1-AC"),
        ] {
            assert!(is_greater(more, less) && !is_greater(less, more), "{less} {more}");
        }
        assert!(!is_greater("1-0FF", "1-ff"), "the same number");
    }
}
