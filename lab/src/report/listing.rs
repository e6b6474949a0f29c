//! Text that fits: tables and paragraphs of a given width. Values (names, addresses, commands) are never
//! cut nor wrapped, prose is wrapped between words; what cannot fit all the same is wider, and whole.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Table, Width};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Characters of a line in files and pipes, and of most terminals. The shape of what a program reads does
/// not depend on how wide somebody's window is.
pub const WIDTH: usize = 80;
/// Wider lines are hard to read.
pub const WIDEST: usize = 120;
/// Characters between two columns.
const GAP: usize = 2;

/// A column, with its heading.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Its cells stay in one piece.
    Value(&'a str),
    /// Its cells may be wrapped between words.
    Prose(&'a str),
}

impl Column<'_> {
    fn head(&self) -> &str {
        match self {
            Self::Value(head) | Self::Prose(head) => head,
        }
    }

    /// The characters that a text needs at least.
    fn least(&self, text: &str) -> usize {
        match self {
            Self::Value(_) => display_width(text),
            Self::Prose(_) => text.split_whitespace().map(display_width).max().unwrap_or(0),
        }
    }
}

/// A table of the given width, without a line break at its end. With `color` the heading is bold, and
/// cells have the colours that they were given.
pub fn listing(
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = Vec<Cell>>,
    width: usize,
    color: bool,
) -> String {
    let rows: Vec<Vec<Cell>> = rows.into_iter().collect();
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let widths = widths(columns, &rows, width);
    table.set_width(u16::try_from(widths.iter().sum::<usize>()).unwrap_or(u16::MAX));
    table.set_header(columns.iter().map(|c| Cell::new(c.head()).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row);
    }
    for (column, width) in table.column_iter_mut().zip(widths) {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        column.set_padding((0, u16::try_from(GAP).unwrap_or(0)));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// The same of plain text.
pub fn plain(
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = Vec<String>>,
    width: usize,
) -> String {
    let cells = rows.into_iter().map(|row| row.into_iter().map(Cell::new).collect());
    listing(columns, cells, width, false)
}

/// The width of each column with its gap. Each has what it needs at least; what is left over goes, one
/// character after the other, to the column that would otherwise be the tallest.
fn widths(columns: &[Column<'_>], rows: &[Vec<Cell>], width: usize) -> Vec<usize> {
    let sizes: Vec<(usize, usize)> = columns
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let cells = rows.iter().filter_map(|row| row.get(n)).map(Cell::content);
            let texts = || cells.clone().chain([column.head().to_owned()]);
            let least = texts().map(|text| column.least(&text)).max().unwrap_or(0);
            let whole = texts().map(|text| display_width(&text)).max().unwrap_or(0);
            (least.max(1), whole.max(1))
        })
        .collect();
    let mut widths: Vec<usize> = sizes.iter().map(|(least, _)| least + GAP).collect();
    // Nothing follows the last column.
    let mut left = (width + GAP).saturating_sub(widths.iter().sum());
    while left > 0 {
        let height = |n: usize| sizes[n].1 as f64 / (widths[n] - GAP) as f64;
        let tallest = (0..sizes.len()).max_by(|a, b| height(*a).total_cmp(&height(*b)));
        let Some(tallest) = tallest.filter(|n| height(*n) > 1.0) else { break };
        widths[tallest] += 1;
        left -= 1;
    }
    widths
}

/// A paragraph, each line of it wrapped between words; commands in backticks are words. What is wrapped goes on below the line's first
/// word, `further` characters to the right.
pub fn wrapped(text: &str, width: usize, further: usize) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let below = " ".repeat(indent + further);
        let options = Options::new(width)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .subsequent_indent(&below);
        textwrap::fill(line, options)
    };
    let whole = commands_in_one_piece(text);
    whole.split('\n').map(line).collect::<Vec<_>>().join("\n").replace(UNBREAKABLE, " ")
}

/// Stands for a space at which no line is broken.
const UNBREAKABLE: char = '\u{a0}';

/// What stands between backticks is to be typed as it is.
fn commands_in_one_piece(text: &str) -> String {
    let mut within = false;
    let one = |c: char| {
        within = (within != (c == '`')) && c != '\n';
        if within && c == ' ' { UNBREAKABLE } else { c }
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests;
