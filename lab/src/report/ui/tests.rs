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
fn what_goes_on_now_is_replaced_by_whatever_comes_next() {
    let (ui, out, err) = captured(Level::Normal, false);
    let ui = ui.live(true);
    ui.now("one");
    ui.now("two\nlines");
    ui.step("step");
    ui.step("step");
    ui.now("three");
    ui.result("result");
    ui.result("result");
    let shown = |text| format!("\x1b[?7l   {text}\x1b[?7h");
    let (one, two, three) = (shown("one"), shown("two"), shown("three"));
    assert_eq!(err.text(), format!("{one}\r\x1b[K{two}\r\x1b[K=> step\n=> step\n{three}\r\x1b[K"));
    assert_eq!(out.text(), "result\nresult\n");
}

#[test]
fn a_log_hears_of_what_goes_on_when_nothing_else_is_said_and_who_wants_quiet_does_not() {
    let said = |level, every| {
        let (ui, _, err) = captured(level, false);
        let ui = ui.every(every);
        ui.step("step");
        ui.now("now");
        err.text()
    };
    let hour = Duration::from_secs(3600);
    assert_eq!(said(Level::Normal, hour), "=> step\n");
    assert_eq!(said(Level::Normal, Duration::ZERO), "=> step\n.. now\n");
    assert_eq!(said(Level::Quiet, Duration::ZERO), "");
    let (ui, _, err) = captured(Level::Quiet, false);
    ui.live(true).now("now");
    assert_eq!(err.text(), "");
}

#[test]
fn a_terminal_breaks_no_word_and_a_pipe_breaks_no_line() {
    let long = "the image `registry.example/shop:1` is not on this machine and cannot be pulled";
    let (ui, out, err) = captured(Level::Normal, false);
    ui.error(long, None);
    ui.prose(long, 2);
    assert_eq!((out.text(), err.text()), (format!("{long}\n"), format!("error: {long}\n")));
    let (ui, out, err) = captured(Level::Normal, true);
    let ui = ui.columns(Some(40), Some(40)).live(true);
    ui.error(long, None);
    ui.prose(long, 2);
    assert!(err.text().starts_with("\x1b[1;31merror:\x1b[0m the image"), "{:?}", err.text());
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for text in [out.text(), err.text().replace("\x1b[1;31merror:\x1b[0m ", "")] {
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!(words(&text), words(long));
    }
    ui.now(&"x".repeat(100));
    assert!(err.text().ends_with(&format!("   {}…\x1b[?7h", "x".repeat(35))), "{:?}", err.text());
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
