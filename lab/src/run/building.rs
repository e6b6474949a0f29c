//! Shows how image builds get on: what begins and ends line by line, the steps in between as they
//! pass.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::images::{ImageName, ImageProgress, Step};
use crate::report::Ui;

/// Characters of each image's current instruction: several images are built at once.
const INSTRUCTION: usize = 40;

/// The image builds of one command.
#[derive(Debug)]
pub struct Building<'a> {
    ui: &'a Ui,
    steps: Mutex<BTreeMap<ImageName, Step>>,
}

impl<'a> Building<'a> {
    /// None is under way yet.
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui, steps: Mutex::default() }
    }

    /// Shows what the builder reports.
    pub fn report(&self, progress: &ImageProgress) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            ImageProgress::Step(name, step) => {
                steps.insert(*name, step.clone());
                self.ui.detail(&progress.to_string());
            }
            ImageProgress::Built(name, _) => {
                steps.remove(name);
                self.ui.step(&progress.to_string());
            }
            ImageProgress::Pulled(..) => {
                self.ui.now(&progress.to_string());
                return;
            }
            ImageProgress::Building(_)
            | ImageProgress::Base(_)
            | ImageProgress::Pulling(_)
            | ImageProgress::PulledAll(..) => {
                self.ui.step(&progress.to_string());
            }
        }
        if !steps.is_empty() {
            self.ui.now(&line(&steps));
        }
    }
}

/// `etcd 3/7 RUN apt-get update, net 2/4 COPY files/ /`
fn line(steps: &BTreeMap<ImageName, Step>) -> String {
    let shown = steps.iter().map(|(name, step)| {
        let instruction: String = step.instruction.chars().take(INSTRUCTION).collect();
        format!("{} {}/{} {instruction}", name.as_str(), step.number, step.of)
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::report::Level;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a build of two images writes to stderr.
    fn said(level: Level, live: bool) -> String {
        let err = Shared::default();
        let ui =
            Ui::new(level, Box::new(io::sink()), false, Box::new(err.clone()), false).live(live);
        let building = Building::new(&ui);
        let step =
            |number, instruction: &str| Step { number, of: 9, instruction: instruction.into() };
        let long = "RUN apt-get update -q && apt-get install -q -y etcd-server";
        for progress in [
            ImageProgress::Building(ImageName::Net),
            ImageProgress::Step(ImageName::Net, step(1, "FROM base")),
            ImageProgress::Step(ImageName::Etcd, step(2, long)),
            ImageProgress::Built(ImageName::Net, Duration::from_secs(1)),
            ImageProgress::Built(ImageName::Etcd, Duration::from_secs(2)),
        ] {
            building.report(&progress);
        }
        let said = err.0.lock().unwrap().clone();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn a_log_has_one_line_for_each_beginning_and_end() {
        insta::assert_snapshot!(said(Level::Normal, false), @r"
        => building image net
        => image net built in 1.0 s
        => image etcd built in 2.0 s
        ");
    }

    #[test]
    fn verbose_has_each_step() {
        insta::assert_snapshot!(said(Level::Verbose, false), @r"
        => building image net
           image net: step 1/9: FROM base
           image etcd: step 2/9: RUN apt-get update -q && apt-get install -q -y etcd-server
        => image net built in 1.0 s
        => image etcd built in 2.0 s
        ");
    }

    #[test]
    fn a_terminal_shows_the_steps_under_way_in_its_last_line() {
        let shown = said(Level::Normal, true);
        let two = "etcd 2/9 RUN apt-get update -q && apt-get install";
        assert!(shown.contains(two), "{shown:?}");
        assert!(shown.contains("net 1/9 FROM base, etcd 2/9"), "{shown:?}");
        assert!(shown.ends_with("\r\x1b[K=> image etcd built in 2.0 s\n"), "{shown:?}");
    }
}
