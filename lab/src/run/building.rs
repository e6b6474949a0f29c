//! Shows how image builds get on: what begins and ends line by line, the steps in between as they
//! pass, with what is left.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Progress, RunError};
use crate::engine::Engine;
use crate::images::folder::{self, Folder};
use crate::images::{self, ImageError, ImageName, ImageProgress, Step};
use crate::report::Ui;

/// Characters of each image's current instruction: several images are built at once.
const INSTRUCTION: usize = 40;

/// Makes sure that the wanted images exist, and shows how that gets on; returns name to reference for
/// each.
pub async fn built(
    engine: &Engine,
    wanted: &[ImageName],
    ui: &Ui,
) -> Result<BTreeMap<String, String>, ImageError> {
    let building = Building::new(ui);
    let report = |progress| building.report(&progress);
    let ensured = images::ensure(engine.docker(), wanted, &report);
    Progress::new(ui, "images").during(|_| building.told(), ensured).await
}

/// Makes sure that somebody else's image is here, and shows how pulling it gets on.
///
/// # Errors
/// Why it cannot be had, in words.
pub async fn pulled(engine: &Engine, image: &str, ui: &Ui) -> Result<(), String> {
    let building = Building::new(ui);
    images::require(engine.docker(), image, &|progress| building.report(&progress)).await
}

/// Makes an image of a folder of the user's own, unless it is there as it should be.
///
/// # Errors
/// The folder cannot be read, or a step of the build fails.
pub async fn made_of(engine: &Engine, folder: &Folder<'_>, ui: &Ui) -> Result<(), RunError> {
    let building = Building::new(ui);
    Ok(folder::ensure(engine.docker(), folder, &|progress| building.report(&progress)).await?)
}

/// The image builds of one command.
#[derive(Debug)]
struct Building<'a> {
    ui: &'a Ui,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many are to be built.
    missing: usize,
    built: usize,
    /// What is being pulled, and how much of it is there.
    pulling: Option<String>,
    steps: BTreeMap<String, Step>,
}

impl<'a> Building<'a> {
    /// None is under way yet.
    fn new(ui: &'a Ui) -> Self {
        Self { ui, state: Mutex::default() }
    }

    /// Shows what the builder reports.
    fn report(&self, progress: &ImageProgress) {
        let mut state = self.state();
        match progress {
            ImageProgress::Missing(missing) => state.missing = *missing,
            ImageProgress::Step(name, step) => {
                state.steps.insert(name.clone(), step.clone());
                self.ui.detail(&progress.to_string());
            }
            ImageProgress::Built(name, _) => {
                state.steps.remove(name);
                state.built += 1;
                let done = format!("{progress} ({} of {})", state.built, state.missing);
                self.ui.step(&done);
            }
            ImageProgress::Pulled(..) => {
                let told = progress.to_string();
                self.ui.now(&told);
                state.pulling = Some(told);
                return;
            }
            ImageProgress::Building(_)
            | ImageProgress::Base(_)
            | ImageProgress::Pulling(_)
            | ImageProgress::PulledAll(..) => {
                state.pulling = None;
                self.ui.step(&progress.to_string());
            }
        }
        if !state.steps.is_empty() {
            self.ui.now(&format!("images: {}", line(&state)));
        }
    }

    /// What goes on at this moment.
    fn told(&self) -> String {
        let state = self.state();
        if let Some(pulling) = &state.pulling {
            return pulling.clone();
        }
        match state.missing {
            0 => "looks for what is missing".to_owned(),
            _ => line(&state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `2 of 5 built, etcd 3/7 RUN apt-get update, net 2/4 COPY files/ /`
fn line(state: &State) -> String {
    let shown = state.steps.iter().map(|(name, step)| {
        let instruction: String = step.instruction.chars().take(INSTRUCTION).collect();
        format!("{name} {}/{} {instruction}", step.number, step.of)
    });
    let built = format!("{} of {} built", state.built, state.missing);
    [built].into_iter().chain(shown).collect::<Vec<_>>().join(", ")
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
        assert_eq!(building.told(), "looks for what is missing");
        let step =
            |number, instruction: &str| Step { number, of: 9, instruction: instruction.into() };
        let long = "RUN apt-get update -q && apt-get install -q -y etcd-server";
        for progress in [
            ImageProgress::Missing(2),
            ImageProgress::Building("net".into()),
            ImageProgress::Step("net".into(), step(1, "FROM base")),
            ImageProgress::Step("etcd".into(), step(2, long)),
            ImageProgress::Built("net".into(), Duration::from_secs(1)),
            ImageProgress::Built("etcd".into(), Duration::from_secs(2)),
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
        => image net built in 1.0 s (1 of 2)
        => image etcd built in 2.0 s (2 of 2)
        ");
    }

    #[test]
    fn verbose_has_each_step() {
        insta::assert_snapshot!(said(Level::Verbose, false), @r"
        => building image net
           image net: step 1/9: FROM base
           image etcd: step 2/9: RUN apt-get update -q && apt-get install -q -y etcd-server
        => image net built in 1.0 s (1 of 2)
        => image etcd built in 2.0 s (2 of 2)
        ");
    }

    #[test]
    fn a_terminal_shows_the_steps_under_way_in_its_last_line() {
        let shown = said(Level::Normal, true);
        let two = "etcd 2/9 RUN apt-get update -q && apt-get install";
        assert!(shown.contains(two), "{shown:?}");
        assert!(shown.contains("apt-get install, net 1/9 FROM base"), "{shown:?}");
        assert!(shown.contains("images: 1 of 2 built, etcd 2/9"), "{shown:?}");
        assert!(shown.ends_with("\r\x1b[K=> image etcd built in 2.0 s (2 of 2)\n"), "{shown:?}");
    }
}
