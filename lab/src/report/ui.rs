//! The way everything reaches the terminal: results to stdout, progress and logs to stderr.
//!
//! A reader that goes away (`lab status | head`) is no error: what follows is dropped. Any other
//! failure to write is kept for [`Ui::write_error`], so that a result that never reached its file is
//! not reported as a success.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

/// The terminal. Shared by reference; lines of concurrent tasks never mix.
pub struct Ui {
    level: Level,
    out: Sink,
    err: Sink,
}

struct Sink {
    color: bool,
    state: Mutex<State>,
}

struct State {
    to: Box<dyn Write + Send>,
    closed: bool,
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
        Self::new(level, Box::new(out), colors.0, Box::new(err), colors.1)
    }

    /// Any pair of writers, with colour or without; for tests and for output into files.
    pub fn new(
        level: Level,
        out: Box<dyn Write + Send>,
        color_out: bool,
        err: Box<dyn Write + Send>,
        color_err: bool,
    ) -> Self {
        Self { level, out: Sink::new(out, color_out), err: Sink::new(err, color_err) }
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
        self.out.line(text);
    }

    /// A result in the JSON of `--format json`, to stdout.
    pub fn json(&self, value: &serde_json::Value) {
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

    /// One line of detail, shown with `-v`.
    pub fn detail(&self, text: &str) {
        if self.level >= Level::Verbose {
            self.err.line(&format!("   {text}"));
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

impl Sink {
    fn new(to: Box<dyn Write + Send>, color: bool) -> Self {
        Self { color, state: Mutex::new(State { to, closed: false, error: None }) }
    }

    fn marked(&self, mark: &str, colour: &str, text: &str) {
        if self.color {
            self.line(&format!("{colour}{mark}\x1b[0m {text}"));
        } else {
            self.line(&format!("{mark} {text}"));
        }
    }

    fn line(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let line = format!("{text}{end}");
        self.state().attempt(|to| to.write_all(line.as_bytes()).and_then(|()| to.flush()));
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
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    fn captured(level: Level, color: bool) -> (Ui, Shared, Shared) {
        let (out, err) = (Shared::default(), Shared::default());
        let ui = Ui::new(level, Box::new(out.clone()), color, Box::new(err.clone()), color);
        (ui, out, err)
    }

    fn say_everything(ui: &Ui) {
        ui.result("result");
        ui.step("step");
        ui.done("done", Duration::from_millis(1200));
        ui.detail("detail");
        ui.warn("warn");
        ui.error("error", Some("lab doctor"));
    }

    #[test]
    fn results_go_to_stdout_and_everything_else_to_stderr() {
        let (ui, out, err) = captured(Level::Verbose, false);
        say_everything(&ui);
        assert_eq!(out.text(), "result\n");
        assert_eq!(
            err.text(),
            "=> step\nok done (1.2 s)\n   detail\nwarning: warn\nerror: error\nhint: lab doctor\n"
        );
    }

    #[test]
    fn quiet_keeps_warnings_and_errors() {
        let (ui, out, err) = captured(Level::Quiet, false);
        say_everything(&ui);
        assert_eq!(out.text(), "result\n");
        assert_eq!(err.text(), "warning: warn\nerror: error\nhint: lab doctor\n");
    }

    #[test]
    fn details_need_verbose() {
        let (ui, _, err) = captured(Level::Normal, false);
        say_everything(&ui);
        assert!(err.text().contains("step") && !err.text().contains("detail"));
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        let (ui, _, err) = captured(Level::Normal, true);
        ui.step("step");
        assert!(err.text().contains("\x1b["));
        let (ui, _, err) = captured(Level::Normal, false);
        ui.step("step");
        assert!(!err.text().contains('\x1b'));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let broken = || Box::new(Failing(ErrorKind::BrokenPipe));
        let ui = Ui::new(Level::Normal, broken(), false, broken(), false);
        say_everything(&ui);
        assert!(ui.write_error().is_none());
    }

    #[test]
    fn log_lines_that_nobody_reads_are_no_error_and_others_are() {
        assert_eq!(tolerate(Err(ErrorKind::BrokenPipe.into()), 7).unwrap(), 7);
        assert_eq!(tolerate(Ok(3), 7).unwrap(), 3);
        assert!(tolerate(Err(ErrorKind::StorageFull.into()), 7).is_err());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let full = Box::new(Failing(ErrorKind::StorageFull));
        let ui = Ui::new(Level::Normal, full, false, Box::new(io::sink()), false);
        ui.result("lost");
        assert_eq!(ui.write_error().map(|e| e.kind()), Some(ErrorKind::StorageFull));
    }
}
