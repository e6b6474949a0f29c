//! A YAML document as a tree in which everything knows its line and column.
//!
//! The typed parser loses positions inside tagged and flattened types, so all checks that speak to
//! the user are made on this tree. It accepts what a stage file needs of YAML and no more: one
//! document, keys that are text, no tags, bounded size, depth and repetition.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::error::{Pos, Problem};
use super::path::{Path, quote};
use super::scalar::Scalar;

/// Largest stage file in bytes. The largest stage of the growth path needs a tenth of it.
pub(super) const LARGEST: usize = 256 * 1024;
/// Deepest nesting; the model needs 6.
const DEEPEST: usize = 32;
/// Most values in a file after aliases are followed, which stops files that expand without end.
const MOST_NODES: usize = 50_000;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: Pos,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Map(Vec<Entry>),
    List(Vec<Node>),
    /// Text in quotes or in a block.
    Quoted(String),
    /// A bare word, whose type follows from its spelling; empty where nothing was written.
    Plain(String),
}

/// A field: key and value. Keys may repeat; the checks report it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// The key is a bare word, and so could be a number or a truth value to the typed parser.
    pub(super) plain: bool,
    pub(super) at: Pos,
    pub(super) value: Node,
}

impl Node {
    /// Takes a field out whose value is a text, with the place of that; one that is none stays.
    pub(super) fn take_text(&mut self, key: &str) -> Option<(String, Pos)> {
        let Content::Map(entries) = &mut self.content else { return None };
        let is_text = |e: &Entry| match &e.value.content {
            Content::Quoted(_) => true,
            Content::Plain(word) => matches!(super::scalar::resolve(word), Scalar::Text),
            _ => false,
        };
        let at = entries.iter().position(|e| e.key == key && is_text(e))?;
        let value = entries.remove(at).value;
        match value.content {
            Content::Quoted(text) | Content::Plain(text) => Some((text, value.at)),
            _ => None,
        }
    }

    /// The fields of a map; none for everything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The field of this name (the first one).
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The elements of a list; none for everything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The characters of a scalar, whatever its type.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Quoted(text) | Content::Plain(text) => Some(text),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        1 + match &self.content {
            Content::Map(entries) => entries.iter().map(|e| e.value.size()).sum(),
            Content::List(items) => items.iter().map(Self::size).sum::<usize>(),
            _ => 0,
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.content {
            Content::Map(entries) => entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
            Content::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Reads the only document of `text`.
///
/// # Errors
/// The first thing that is not YAML, or not the part of YAML that stage files use.
pub(super) fn read(text: &str) -> Result<Node, Box<Problem>> {
    if text.len() > LARGEST {
        let message = format!("the file has {} KiB, which is too much", text.len() / 1024);
        return Err(problem(Pos::START, message)
            .allowed(format!("a stage file of at most {} KiB", LARGEST / 1024))
            .into());
    }
    let end = end_of(text);
    let mut builder = Builder::new(end);
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = next_event(&mut parser) {
        let (event, span) = next.map_err(|e| explain(&e, text, end))?;
        if builder.on_event(event, span)? {
            break;
        }
    }
    builder.root.ok_or_else(|| {
        problem(Pos::START, "the file is empty")
            .allowed("a stage: `stage`, `title`, `users`, …")
            .help("`lab show stage-1` shows a complete one")
            .into()
    })
}

type NextEvent<'a> = Option<Result<(Event<'a>, Span), ScanError>>;

fn next_event<'a>(parser: &mut Parser<'a, StrInput<'a>>) -> NextEvent<'a> {
    parser.next_event()
}

fn problem(at: Pos, message: impl Into<String>) -> Problem {
    Problem::new(at, &Path::root(), message)
}

/// Where the scanner stands. It counts a line more than there is at the end of a text without a
/// line break.
fn position(marker: &Marker, end: Pos) -> Pos {
    let at = Pos { line: marker.line().max(1), column: marker.col() + 1 };
    if at.line > end.line { end } else { at }
}

/// Where the text ends. YAML knows three line breaks.
fn end_of(text: &str) -> Pos {
    let lines = text.split('\n').flat_map(|l| l.strip_suffix('\r').unwrap_or(l).split('\r'));
    let (count, last) = lines.fold((0, ""), |(count, _), line| (count + 1, line));
    Pos { line: count, column: last.chars().count() + 1 }
}

/// A syntax error in the words of someone who writes a stage file.
fn explain(error: &ScanError, text: &str, end: Pos) -> Box<Problem> {
    let at = position(error.marker(), end);
    if error.info().contains("recursion limit") {
        return too_deep(at).into();
    }
    // The scanner may notice a tab only on the line after it, or stop at the end of the one before.
    for line in [at.line, at.line + 1, at.line.saturating_sub(1)] {
        let Some(content) = line.checked_sub(1).and_then(|n| text.lines().nth(n)) else { continue };
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        if let Some(column) = content[..indent].find('\t') {
            return problem(Pos { line, column: column + 1 }, "a tab in the indentation")
                .found("\t")
                .allowed("spaces")
                .into();
        }
    }
    problem(at, format!("not valid YAML: {}", quote(error.info())))
        .help("often the cause is in the line above: indentation, a missing quote or a missing `:`")
        .into()
}

/// A tag as it is usually written: `!!str` for the ones of YAML itself.
fn tag_name(tag: &Tag) -> String {
    let handle = if tag.is_yaml_core_schema() { "!!" } else { &tag.handle };
    quote(&format!("{handle}{}", tag.suffix))
}

fn too_deep(at: Pos) -> Problem {
    problem(at, format!("nested more than {DEEPEST} levels deep"))
        .allowed("the fields of a stage, which nest 6 deep")
}

fn no_key(at: Pos) -> Box<Problem> {
    problem(at, "a key that is a list or a map").allowed("text as key").into()
}

/// A map or list that is not complete yet.
struct Open {
    at: Pos,
    anchor: usize,
    /// The key that waits for its value, in a map.
    key: Option<Key>,
    content: Content,
}

/// A key that has no value yet.
struct Key {
    text: String,
    plain: bool,
    at: Pos,
}

struct Builder {
    end: Pos,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    /// A builder for a text that ends there.
    fn new(end: Pos) -> Self {
        Self { end, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None }
    }

    /// Takes one event; true when the stream is at its end.
    fn on_event(&mut self, event: Event<'_>, span: Span) -> Result<bool, Box<Problem>> {
        let at = position(&span.start, self.end);
        match event {
            Event::StreamEnd => return Ok(true),
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err(problem(at, "a second YAML document in the file")
                    .allowed("one stage in one file")
                    .into());
            }
            Event::DocumentStart(_) => {}
            Event::Alias(anchor) => self.alias(anchor, at)?,
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag)) => {
                return Err(problem(at, format!("the YAML tag `{}`", tag_name(&tag)))
                    .allowed("values without tags")
                    .into());
            }
            Event::Scalar(text, style, anchor, None) => {
                let at = self.position_of(&text, style, at);
                let content = match style {
                    // The parser's word for "nothing was written here".
                    ScalarStyle::Plain if span.is_empty() => Content::Plain(String::new()),
                    ScalarStyle::Plain => Content::Plain(text.into_owned()),
                    _ => Content::Quoted(text.into_owned()),
                };
                self.complete(Node { at, content }, anchor)?;
            }
            Event::SequenceStart(anchor, None) => {
                self.start(at, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, None) => {
                self.start(at, anchor, Content::Map(Vec::new()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.complete(Node { at: open.at, content: open.content }, open.anchor)?;
                }
            }
        }
        Ok(false)
    }

    /// Where nothing was written the parser stands at the next token; the key is the better place.
    fn position_of(&self, text: &str, style: ScalarStyle, at: Pos) -> Pos {
        let nothing = style == ScalarStyle::Plain && (text.is_empty() || text == "~");
        let key = self.open.last().and_then(|open| open.key.as_ref());
        match key {
            Some(key) if nothing => key.at,
            _ => at,
        }
    }

    fn start(&mut self, at: Pos, anchor: usize, content: Content) -> Result<(), Box<Problem>> {
        if let Some(Open { key: None, content: Content::Map(_), .. }) = self.open.last() {
            return Err(no_key(at));
        }
        self.check_depth(self.open.len() + 1, at)?;
        self.open.push(Open { at, anchor, key: None, content });
        Ok(())
    }

    fn check_depth(&self, depth: usize, at: Pos) -> Result<(), Box<Problem>> {
        if depth <= DEEPEST {
            return Ok(());
        }
        Err(too_deep(at).into())
    }

    fn alias(&mut self, anchor: usize, at: Pos) -> Result<(), Box<Problem>> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(problem(at, "an alias that contains itself")
                .allowed("an alias of something that ends before it")
                .into());
        };
        let copy = Node { at, content: node.content.clone() };
        self.check_depth(self.open.len() + copy.depth(), at)?;
        self.nodes += copy.size();
        self.complete(copy, 0)
    }

    /// Puts a complete value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Box<Problem>> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(problem(node.at, format!("more than {MOST_NODES} values"))
                .allowed("a file of usual size, whose aliases do not multiply")
                .into());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) => match open.key.take() {
                Some(Key { text, plain, at }) => {
                    entries.push(Entry { key: text, plain, at, value: node });
                }
                None => open.key = Some(key(node)?),
            },
            Content::Plain(_) | Content::Quoted(_) => {}
        }
        Ok(())
    }
}

fn key(node: Node) -> Result<Key, Box<Problem>> {
    let at = node.at;
    match node.content {
        Content::Plain(text) => Ok(Key { text, plain: true, at }),
        Content::Quoted(text) => Ok(Key { text, plain: false, at }),
        Content::Map(_) | Content::List(_) => Err(no_key(at)),
    }
}
