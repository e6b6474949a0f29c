//! From the text of a condition to its expression: words first, then what binds stronger first.

use super::{Arithmetic, Comparison, Expression, Function};
use crate::spec::workload::selector::{self, Selector};
use crate::spec::workload::text::{Notation, Wrong};

/// Deepest nesting.
const DEEPEST: usize = 32;

const FUNCTIONS: [(&str, Function); 4] = [
    ("sum", Function::Sum),
    ("count", Function::Count),
    ("min", Function::Min),
    ("max", Function::Max),
];

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

/// What stands at the beginning of a value, for messages.
const VALUES: [&str; 8] =
    ["a number", "a text in quotes", "json.FIELD", "sum(…)", "count(…)", "min(…)", "max(…)", "(…)"];

/// The whole text as a condition.
pub(super) fn condition(text: &str) -> Result<Expression, Wrong> {
    let mut parser = Parser { words: words(text)?, next: 0, depth: 0 };
    let expression = parser.either()?;
    if let Some((at, word)) = parser.peek() {
        let wrong = Wrong::new(at, format!("`{word}` after the end of the condition"));
        return Err(wrong.allowed(&["and", "or", "==", "<=", "+", "-"]));
    }
    if !expression.is_condition() {
        let wrong = Wrong::new(0, "it compares nothing, so it neither holds nor fails");
        return Err(wrong.allowed(&["==", "!=", "<", "<=", ">", ">="]));
    }
    Ok(expression)
}

/// The words with their places in characters. A `-` belongs to the word it stands in.
fn words(text: &str) -> Result<Vec<(usize, String)>, Wrong> {
    let chars: Vec<char> = text.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(c) = chars.get(at) {
        let length = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '"' | '\'' => {
                quoted(&chars[at..]).ok_or_else(|| Wrong::new(at, "a quote without its end"))?
            }
            '(' | ')' | '+' | '*' | '/' => 1,
            '=' | '!' | '<' | '>' => 1 + usize::from(chars.get(at + 1) == Some(&'=')),
            '-' if !chars.get(at + 1).is_some_and(char::is_ascii_digit) => 1,
            _ => word(&chars[at..]),
        };
        words.push((at, chars[at..at + length].iter().collect()));
        at += length;
    }
    Ok(words)
}

fn quoted(chars: &[char]) -> Option<usize> {
    chars.iter().skip(1).position(|c| *c == chars[0]).map(|end| end + 2)
}

/// The length of a number or a place; brackets keep together what is in them.
fn word(chars: &[char]) -> usize {
    let mut depth = 0_usize;
    for (n, c) in chars.iter().enumerate() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 && (c.is_whitespace() || "()+*/=!<>\"'".contains(*c)) => {
                return n.max(1);
            }
            _ => {}
        }
    }
    chars.len()
}

struct Parser {
    words: Vec<(usize, String)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<(usize, &str)> {
        self.words.get(self.next).map(|(at, word)| (*at, word.as_str()))
    }

    /// Takes the next word if it is this one.
    fn take(&mut self, wanted: &str) -> bool {
        let is = self.peek().is_some_and(|(_, word)| word == wanted);
        self.next += usize::from(is);
        is
    }

    /// The place behind the last word.
    fn end(&self) -> usize {
        self.words.last().map_or(0, |(at, word)| at + word.chars().count())
    }

    fn either(&mut self) -> Result<Expression, Wrong> {
        let mut left = self.both()?;
        while self.take("or") {
            left = Expression::Either(left.into(), self.both()?.into());
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, Wrong> {
        let mut left = self.opposite()?;
        while self.take("and") {
            left = Expression::Both(left.into(), self.opposite()?.into());
        }
        Ok(left)
    }

    fn opposite(&mut self) -> Result<Expression, Wrong> {
        if self.take("not") {
            return self.deeper(|p| p.opposite().map(|inner| Expression::Not(inner.into())));
        }
        let left = self.sum()?;
        let Some((at, word)) = self.peek() else { return Ok(left) };
        if word == "=" {
            return Err(Wrong::new(at, "a single `=`").allowed(&["=="]));
        }
        match COMPARISONS.iter().find(|(known, _)| *known == word) {
            None => Ok(left),
            Some((_, how)) => {
                self.next += 1;
                Ok(Expression::Compare(*how, left.into(), self.sum()?.into()))
            }
        }
    }

    fn sum(&mut self) -> Result<Expression, Wrong> {
        let mut left = self.product()?;
        loop {
            let how = match self.peek() {
                Some((_, "+")) => Arithmetic::Add,
                Some((_, "-")) => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.next += 1;
            left = Expression::Sum(how, left.into(), self.product()?.into());
        }
    }

    fn product(&mut self) -> Result<Expression, Wrong> {
        let mut left = self.value()?;
        loop {
            let how = match self.peek() {
                Some((_, "*")) => Arithmetic::Multiply,
                Some((_, "/")) => Arithmetic::Divide,
                _ => return Ok(left),
            };
            self.next += 1;
            left = Expression::Sum(how, left.into(), self.value()?.into());
        }
    }

    fn value(&mut self) -> Result<Expression, Wrong> {
        let Some((at, word)) = self.peek().map(|(at, word)| (at, word.to_owned())) else {
            return Err(Wrong::new(self.end(), "the condition ends too early").allowed(&VALUES));
        };
        self.next += 1;
        match word.as_str() {
            "(" => {
                let inner = self.deeper(Self::either)?;
                self.close(at)?;
                return Ok(inner);
            }
            "true" => return Ok(Expression::Flag(true)),
            "false" => return Ok(Expression::Flag(false)),
            _ => {}
        }
        if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == word) {
            return self.call(at, &word, *function);
        }
        if word.starts_with(['"', '\'']) {
            return Ok(Expression::Text(word[1..word.len() - 1].to_owned()));
        }
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        match word.parse::<f64>() {
            Ok(n) if is_number && n.is_finite() => return Ok(Expression::Number(n)),
            _ => {}
        }
        if self.peek().is_some_and(|(_, next)| next == "(") {
            let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
            let wrong = Wrong::new(at, format!("unknown function `{word}`"));
            return Err(wrong.word(&word).allowed(&names));
        }
        place(at, &word).map(|selector| Expression::Place(selector, word))
    }

    fn call(&mut self, at: usize, name: &str, function: Function) -> Result<Expression, Wrong> {
        if !self.take("(") {
            let at = open_at(at, name);
            return Err(Wrong::new(at, format!("`{name}` without `(`"))
                .allowed(&["sum(json.items[].left)"]));
        }
        let Some((at, word)) = self.peek().map(|(at, word)| (at, word.to_owned())) else {
            return Err(
                Wrong::new(self.end(), "the condition ends too early").allowed(&["json.FIELD"])
            );
        };
        self.next += 1;
        let selector = place(at, &word)?;
        self.close(at)?;
        Ok(Expression::Of(function, selector, word))
    }

    fn close(&mut self, open: usize) -> Result<(), Wrong> {
        match self.take(")") {
            true => Ok(()),
            false => {
                let at = self.peek().map_or(self.end(), |(at, _)| at).max(open);
                Err(Wrong::new(at, "a `(` without its `)`").allowed(&[")"]))
            }
        }
    }

    fn deeper(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Expression, Wrong>,
    ) -> Result<Expression, Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let at = self.peek().map_or(self.end(), |(at, _)| at);
            return Err(Wrong::new(at, format!("nested more than {DEEPEST} levels deep")));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}

fn open_at(at: usize, name: &str) -> usize {
    at + name.chars().count()
}

fn place(at: usize, word: &str) -> Result<Selector, Wrong> {
    let begins = selector::WORDS.iter().any(|known| word.starts_with(known));
    match Selector::parse(word) {
        Ok(Selector::Html { .. }) => Err(Wrong::new(at, "HTML cannot be compared")),
        Ok(selector) => Ok(selector),
        Err(wrong) if begins => Err(wrong.at(at)),
        Err(_) => Err(Wrong::new(at, format!("`{word}` is no value")).word(word).allowed(&VALUES)),
    }
}
