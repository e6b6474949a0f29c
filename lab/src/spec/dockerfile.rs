//! What in a Dockerfile only BuildKit understands: images are built by the engine's own builder, which every
//! engine has, and which would say it later and without a line.

use super::error::{Pos, Problem};
use super::path::Path;

/// Flags of instructions that only BuildKit knows, by instruction. Source: the Dockerfile reference of
/// Docker, which names for each the version of the BuildKit frontend.
const FLAGS: [(&str, &[&str]); 3] = [
    ("RUN", &["--mount", "--network", "--security", "--device"]),
    ("COPY", &["--link", "--parents", "--exclude", "--chmod"]),
    ("ADD", &["--link", "--exclude", "--chmod", "--checksum", "--keep-git-dir", "--unpack"]),
];

/// Everything in the text that the engine's own builder refuses, with its line.
pub(super) fn problems(text: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut heredoc: Option<String> = None;
    let mut continued: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(end) = &heredoc {
            if line == end {
                heredoc = None;
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (instruction, rest) = match &continued {
            Some(instruction) => (instruction.clone(), line),
            None => {
                let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                (word.to_ascii_uppercase(), rest)
            }
        };
        let at = Pos { line: index + 1, column: 1 };
        if let Some((_, flags)) = FLAGS.iter().find(|(name, _)| *name == instruction) {
            let words = rest.split_whitespace().take_while(|word| word.starts_with("--"));
            for word in words {
                let flag = word.split('=').next().unwrap_or(word);
                if flags.contains(&flag) {
                    found.push(problem(at, flag, &format!("`{instruction}` without `{flag}`")));
                }
            }
            if let Some(end) = heredoc_in(rest) {
                let allowed = "lines joined by `\\`, or a script that is copied into the image";
                found.push(problem(at, &format!("<<{end}"), allowed));
                heredoc = Some(end);
            }
        }
        continued = line.ends_with('\\').then_some(instruction);
    }
    found
}

fn problem(at: Pos, found: &str, allowed: &str) -> Problem {
    let message = "only BuildKit understands this, and the engine's own builder makes this image";
    Problem::new(at, &Path::root(), message)
        .found(found)
        .allowed(allowed)
        .help("or build the image yourself and name it with `image`")
}

/// The word that ends a text that begins in this line.
fn heredoc_in(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find_map(|word| {
        let end = word.strip_prefix("<<")?.trim_start_matches('-').trim_matches(['"', '\'']);
        let is_name = end.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && end.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then(|| end.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(usize, String)> {
        problems(text).into_iter().map(|p| (p.line, p.found)).collect()
    }

    #[test]
    fn what_only_buildkit_understands_is_told_with_its_line() {
        let text = "# syntax=docker/dockerfile:1\nARG BASE\nFROM $BASE\nrun --mount=type=cache,target=/x \\\n  \
                    apt-get update\nCOPY --link a b\nCOPY --chown=1:1 --chmod=755 a b\nRUN <<EOF\nCOPY --link x\nEOF\n\
                    ADD --checksum=sha256:1 http://a/ /b\n";
        let found = |line, what: &str| (line, what.to_owned());
        assert_eq!(
            told(text),
            [
                found(4, "--mount"),
                found(6, "--link"),
                found(7, "--chmod"),
                found(8, "<<EOF"),
                found(11, "--checksum")
            ]
        );
    }

    #[test]
    fn what_every_builder_understands_is_not() {
        let text = "FROM a AS b\nRUN echo $((1 << 3)) --mount && cat <<<word\nCOPY --from=b --chown=1 /a /b\n\
                    RUN echo a \\\n # --mount\n && echo b\nCMD [\"x\", \"--link\"]\n";
        assert_eq!(told(text), []);
    }
}
