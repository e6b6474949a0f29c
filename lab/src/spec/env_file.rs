//! Files of environment variables: a line `NAME=value` each, `#` before words for people.
//!
//! Docker takes values as they are, Compose knows quotes and replaces `$NAME`. Whatever both understand alike is
//! taken, quotes as in Compose; what one of them would replace is refused, so that nothing means two things.

use indexmap::IndexMap;

use super::error::{Pos, Problem};
use super::path::Path;

/// The variables of a file.
///
/// # Errors
/// Every line that is none, or that has no one meaning.
pub(super) fn read(text: &str) -> Result<IndexMap<String, String>, Vec<Problem>> {
    let (mut variables, mut problems) = (IndexMap::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        match variable(trimmed) {
            Ok((name, value)) => {
                variables.insert(name, value);
            }
            Err((what, allowed)) => {
                let column = 1 + line.chars().take_while(|c| c.is_whitespace()).count();
                let at = Pos { line: number + 1, column };
                let problem = Problem::new(at, &Path::root(), what).found(trimmed);
                problems.push(problem.allowed(allowed));
            }
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(problems) }
}

/// What is wrong in a line, and what may stand there.
type Wrong = (&'static str, &'static str);

fn variable(line: &str) -> Result<(String, String), Wrong> {
    let Some((name, value)) = line.split_once('=') else {
        return Err(("a variable without a value", "`NAME=value`; `NAME=` for an empty one"));
    };
    let name = name.trim();
    let is_name = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_name || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return Err(("this is no name of a variable", "letters, digits and `_`, then `=`"));
    }
    let value = value.trim();
    let quoted =
        ['\'', '"'].into_iter().find_map(|quote| value.strip_prefix(quote).zip(Some(quote)));
    let value = match quoted {
        None if value.contains(" #") => {
            return Err(("a `#` after a value", "a line of its own, or the value in quotes"));
        }
        None => value,
        Some((rest, quote)) => match rest.split_once(quote) {
            Some((inside, "")) => inside,
            _ => return Err(("a quote without its end", "the whole value in quotes, on one line")),
        },
    };
    let literal = matches!(quoted, Some((_, '\'')));
    if !literal && value.contains(['$', '\\']) {
        return Err(("nothing is replaced in values", "`'` around a value with `$` or `\\`"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_variables_and_the_last_of_a_name_counts() {
        let text =
            "\u{feff}# words\n\nA=1\r\nB = two words \n  C='$x \\n'\nD=\"a # b\"\nE=\nA=a=b\n";
        let found = read(text).unwrap();
        let found: Vec<String> = found.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(found, ["A=a=b", "B=two words", "C=$x \\n", "D=a # b", "E="]);
    }

    #[test]
    fn what_has_no_one_meaning_is_refused_with_its_line() {
        for (line, what) in [
            ("HOME", "a variable without a value"),
            ("1A=b", "this is no name of a variable"),
            ("export A=b", "this is no name of a variable"),
            ("A=$B", "nothing is replaced in values"),
            ("A=\"${B}\"", "nothing is replaced in values"),
            ("A=b # words", "a `#` after a value"),
            ("A='b", "a quote without its end"),
            ("A=\"b\" c", "a quote without its end"),
        ] {
            let problems = read(&format!("OK=1\n {line}\n")).unwrap_err();
            assert_eq!(problems.len(), 1, "{line}");
            assert_eq!((problems[0].line, problems[0].column), (2, 2), "{line}");
            assert_eq!(problems[0].message, what, "{line}");
        }
    }
}
