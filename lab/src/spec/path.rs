//! Paths into a stage file, such as `tiers.db.zones`, and how messages speak of them.

use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A field of a map.
    Key(String),
    /// An element of a list, counted from 0.
    Index(usize),
}

/// Where something is in a stage file, independent of line and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole file.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of these fields, from the root.
    pub fn of<const N: usize>(keys: [&str; N]) -> Self {
        Self(keys.iter().map(|k| Step::Key((*k).to_owned())).collect())
    }

    /// This path and one field more.
    pub fn key(&self, name: &str) -> Self {
        self.with(Step::Key(name.to_owned()))
    }

    /// This path and one element more.
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The steps from the root.
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path in the words of a reader: "tier `db`", "fault 1 of experiment `kill-db`".
    pub(super) fn describe(&self) -> String {
        use Step::{Index, Key};
        match self.0.as_slice() {
            [] => "the stage".to_owned(),
            [Key(a), Key(name)] if a == "tiers" => format!("tier `{}`", quote(name)),
            [Key(a), Key(name)] if a == "experiments" => format!("experiment `{}`", quote(name)),
            [Key(a), Key(name), Key(f), Index(i)] if a == "experiments" && f == "faults" => {
                format!("fault {} of experiment `{}`", i + 1, quote(name))
            }
            [Key(a), Key(name), Key(f)] if a == "experiments" && f == "fault" => {
                format!("the fault of experiment `{}`", quote(name))
            }
            [Key(a), Index(i)] if a == "regions" => format!("region {}", i + 1),
            [Key(a), Index(i)] if a == "edges" => format!("edge {}", i + 1),
            [Key(w)] if w == "workload" => "the workload".to_owned(),
            [Key(w), Key(a), Key(name)] if w == "workload" && a == "operations" => {
                format!("operation `{}`", quote(name))
            }
            [Key(w), Key(a), Index(i)] if w == "workload" && a == "invariants" => {
                format!("invariant {}", i + 1)
            }
            _ => format!("`{self}`"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(name) if i == 0 => f.write_str(&quote(name))?,
                Step::Key(name) => write!(f, ".{}", quote(name))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Longest piece of a file that a message repeats, in characters.
const LONGEST_QUOTE: usize = 60;

/// Text of the file, safe to print: control characters escaped, long text cut.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST_QUOTE {
            out.push('…');
            break;
        }
        // Left alone by `escape_debug`, these reorder or hide what a terminal shows.
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c {
            '\'' | '"' | '\\' => out.push(c),
            _ if hides => out.extend(c.escape_unicode()),
            _ => out.extend(c.escape_debug()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_the_file() {
        let fault = Path::of(["experiments", "kill-db", "faults"]).index(0).key("tier");
        assert_eq!(fault.to_string(), "experiments.kill-db.faults[0].tier");
        assert_eq!(Path::of(["tiers", "db"]).describe(), "tier `db`");
    }

    #[test]
    fn quotes_cannot_drive_a_terminal() {
        assert_eq!(quote("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(quote("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), LONGEST_QUOTE + 1);
    }
}
