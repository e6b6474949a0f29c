//! The way everything reaches the terminal: results to stdout, progress and logs to stderr.
//!
//! A reader that goes away (`lab status | head`) is no error: what follows is dropped. Any other
//! failure to write is kept for [`Ui::write_error`], so that a result that never reached its file is
//! not reported as a success.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::listing::{WIDEST, WIDTH, wrapped};
use super::units;

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Warnings and errors.
    Quiet,
    /// And progress.
    #[default]
    Normal,
    /// And details.
    Verbose,
}

/// How often a log hears of what goes on, when nothing else is said.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The terminal. Shared by reference; lines of concurrent tasks never mix.
pub struct Ui {
    level: Level,
    every: Duration,
    out: Sink,
    err: Sink,
}

struct Sink {
    color: bool,
    /// It is a terminal that can rewrite its last line.
    live: bool,
    /// Characters of a terminal's line.
    width: Option<usize>,
    state: Mutex<State>,
}

struct State {
    to: Box<dyn Write + Send>,
    closed: bool,
    /// The last line is one that the next line takes the place of.
    passing: bool,
    /// When the last line was written.
    said: Instant,
    error: Option<io::Error>,
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ui").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Ui {
    /// The process's own stdout and stderr. Colour on each only where it is a terminal, and never
    /// when `no_color` is set (the caller passes whether `NO_COLOR` is present and not empty, as
    /// no-color.org defines it).
    pub fn terminal(level: Level, no_color: bool) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let colors = (!no_color && out.is_terminal(), !no_color && err.is_terminal());
        let live = err.is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        let (wide_out, wide_err) = (columns(&out), columns(&err));
        let ui = Self::new(level, Box::new(out), colors.0, Box::new(err), colors.1).live(live);
        ui.columns(wide_out, wide_err)
    }

    /// The characters of a line of stdout and stderr, where they are terminals.
    #[must_use]
    pub fn columns(mut self, out: Option<usize>, err: Option<usize>) -> Self {
        (self.out.width, self.err.width) = (out, err);
        self
    }

    /// The characters that a line of a result may have: what is written into a file or a pipe has
    /// always the same shape.
    pub fn width(&self) -> usize {
        self.out.width.map_or(WIDTH, |columns| columns.min(WIDEST))
    }

    /// Whether stderr is a terminal that can rewrite its last line, as [`Ui::now`] needs it.
    #[must_use]
    pub fn live(mut self, live: bool) -> Self {
        self.err.live = live;
        self
    }

    /// Any pair of writers, with colour or without; for tests and for output into files.
    pub fn new(
        level: Level,
        out: Box<dyn Write + Send>,
        color_out: bool,
        err: Box<dyn Write + Send>,
        color_err: bool,
    ) -> Self {
        let (out, err) = (Sink::new(out, color_out), Sink::new(err, color_err));
        Self { level, out, err, every: LOG_EVERY }
    }

    /// How much is said.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether results may be coloured.
    pub fn color(&self) -> bool {
        self.out.color
    }

    /// A result, to stdout. A missing last line break is added.
    pub fn result(&self, text: &str) {
        self.err.clear();
        self.out.line(text);
    }

    /// A result in sentences, to stdout: on a terminal it is wrapped between words, with what goes on
    /// `further` characters to the right.
    pub fn prose(&self, text: &str, further: usize) {
        self.err.clear();
        self.out.line(&self.out.fitting(text, further));
    }

    /// A result in the JSON of `--format json`, to stdout.
    pub fn json(&self, value: &serde_json::Value) {
        self.err.clear();
        self.out.line(&format!("{value:#}"));
    }

    /// One line of progress: what begins or is done now.
    pub fn step(&self, text: &str) {
        self.progress("=>", "\x1b[1;36m", text);
    }

    /// One line of progress: what is done, and how long it took.
    pub fn done(&self, text: &str, took: Duration) {
        let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        self.progress("ok", "\x1b[32m", &format!("{text} ({})", units::span(micros)));
    }

    /// What is going on at this moment: one line on a terminal, in the place of the one before, until
    /// anything else is said. A log, which would be flooded, hears of it when nothing was said for a
    /// while.
    pub fn now(&self, text: &str) {
        if self.level < Level::Normal {
            return;
        }
        if self.err.live {
            self.err.passing(text);
        } else if self.err.state().said.elapsed() >= self.every {
            self.progress("..", "\x1b[2m", text);
        }
    }

    /// How long nothing must have been said until a log hears of what goes on.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// One line of detail, shown with `-v`.
    pub fn detail(&self, text: &str) {
        if self.level >= Level::Verbose {
            self.err.line(&self.err.fitting(&format!("   {text}"), 2));
        }
    }

    /// Something the user should know although the command goes on; shown even when quiet.
    pub fn warn(&self, text: &str) {
        self.err.marked("warning:", "\x1b[1;33m", text);
    }

    /// Why the command ends; shown even when quiet. `hint` is the next command to run.
    pub fn error(&self, text: &str, hint: Option<&str>) {
        self.err.marked("error:", "\x1b[1;31m", text);
        if let Some(hint) = hint {
            self.err.marked("hint:", "\x1b[1;36m", hint);
        }
    }

    /// The first failure to write other than a reader that went away, if there was one. Results are
    /// flushed first.
    pub fn write_error(&self) -> Option<io::Error> {
        self.err.clear();
        self.out.flush();
        self.err.flush();
        self.out.take_error().or_else(|| self.err.take_error())
    }

    fn progress(&self, mark: &str, colour: &str, text: &str) {
        if self.level >= Level::Normal {
            self.err.marked(mark, colour, text);
        }
    }
}

/// Characters of a terminal's line; none of what is no terminal, or does not say.
fn columns(of: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(of).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Whether somebody sits at a terminal: both stdin and stdout are one.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Where log lines go: stderr, without a failure when nobody reads it. A logging library would print
/// its own complaint about the failure, and end the process with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tolerate(io::stderr().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        tolerate(io::stderr().flush(), ())
    }
}

fn tolerate<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(otherwise),
        result => result,
    }
}

/// The beginning of a line, with a mark where something is left out. Room is left for the indent.
fn shortened(text: &str, width: usize) -> String {
    let room = width.saturating_sub(4);
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

impl Sink {
    fn new(to: Box<dyn Write + Send>, color: bool) -> Self {
        let state = State { to, closed: false, passing: false, said: Instant::now(), error: None };
        Self { color, live: false, width: None, state: Mutex::new(state) }
    }

    fn marked(&self, mark: &str, colour: &str, text: &str) {
        let plain = self.fitting(&format!("{mark} {text}"), mark.len() + 1);
        match plain.strip_prefix(mark) {
            Some(rest) if self.color => self.line(&format!("{colour}{mark}\x1b[0m{rest}")),
            _ => self.line(&plain),
        }
    }

    /// A terminal would break words.
    fn fitting(&self, text: &str, further: usize) -> String {
        self.width.map_or_else(|| text.to_owned(), |width| wrapped(text, width, further))
    }

    fn line(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.state().replace(&format!("{text}{end}"), false);
    }

    /// One line without an end, not wrapped however narrow the terminal is: only what is on one line
    /// can be taken back.
    fn passing(&self, text: &str) {
        let text = text.lines().next().unwrap_or_default();
        let text = self.width.map_or_else(|| text.to_owned(), |width| shortened(text, width));
        self.state().replace(&format!("\x1b[?7l   {text}\x1b[?7h"), true);
    }

    fn clear(&self) {
        let mut state = self.state();
        if state.passing {
            state.replace("", false);
        }
    }

    fn flush(&self) {
        self.state().attempt(|to| to.flush());
    }

    fn take_error(&self) -> Option<io::Error> {
        self.state().error.take()
    }

    /// A panic of another task while it printed leaves nothing that could be inconsistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes in the place of a passing line, if one is there.
    fn replace(&mut self, text: &str, passing: bool) {
        let start = if self.passing { "\r\x1b[K" } else { "" };
        self.passing = passing;
        self.said = Instant::now();
        let text = format!("{start}{text}");
        self.attempt(|to| to.write_all(text.as_bytes()).and_then(|()| to.flush()));
    }

    fn attempt(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.closed {
            return;
        }
        if let Err(error) = write(self.to.as_mut()) {
            self.closed = true;
            if error.kind() != ErrorKind::BrokenPipe {
                self.error = Some(error);
            }
        }
    }
}

#[cfg(test)]
mod tests;
