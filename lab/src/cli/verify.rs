//! `lab verify`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::args::VerifyArgs;
use super::interrupt::Interrupt;
use super::{CliError, Format, Global, collector, report as rejudging, room, up};
use crate::chaos;
use crate::engine::{Engine, Lock};
use crate::journal::{Entry, Event, RunStarted, Writer};
use crate::plan::{CONTROL, main_name};
use crate::report::{self, Ui};
use crate::run::{
    self, CANARY_PREFIX, ExperimentRun, Pace, RunFolder, RunningLab, SharedJournal, since_up,
};
use crate::spec::Source;
use crate::spec::model::{Experiment, Stage};
use crate::verify::{RunFindings, SINCE_UP, ended, judge};

mod argument;

use argument::{check_only, is_no_stage, is_run, neither, refuse_to_run};

/// How often an experiment is run at most, as long as it proves nothing either way.
const TRIES: u32 = 3;
/// How far the seeds of two tries are apart: each fault of an experiment has one of its own.
const SEEDS_OF_A_TRY: u64 = 100;
/// Lines of each node's log that a run keeps.
const LOG_LINES: u32 = 5000;

/// Runs the stage's experiments and gives a verdict; judges a finished run again when given one.
pub async fn run(global: &Global, args: &VerifyArgs, ui: &Ui) -> Result<u8, CliError> {
    if let Some(folder) = args.stage.as_deref().map(Path::new).filter(|p| is_run(p)) {
        refuse_to_run(args, folder)?;
        let findings = rejudging::rejudge(folder)?;
        show(&findings, args.format, ui);
        return Ok(findings.exit_code());
    }
    if let Some(name) = args.stage.as_deref().filter(|name| is_no_stage(name)) {
        return Err(neither(name));
    }
    let given = match &args.stage {
        Some(name) => {
            let source = Source::of(name)?;
            let mut stage = source.stage()?;
            collector::choose(&mut stage, args.otlp_endpoint.as_deref())?;
            Some((source, stage))
        }
        None => None,
    };
    let engine = global.engine().await?;
    let _lock = Lock::take(&global.lab)?;
    let found = RunningLab::find(&engine).await?;
    let was_up = found.is_some();
    let stage = match (given, &found) {
        (Some((source, stage)), _) => {
            room::check(&engine, &source, &stage, ui).await?;
            stage
        }
        (None, Some(lab)) => {
            collector::refuse_another(&lab.stage, args.otlp_endpoint.as_deref())?;
            lab.stage.clone()
        }
        (None, None) => return Err(run::RunError::NotRunning { lab: global.lab.clone() }.into()),
    };
    check_only(&stage, &args.only)?;
    let folder = RunFolder::create(&args.out, &stage.stage)?;
    let journal = Arc::new(Mutex::new(Writer::append(&folder.journal())?));
    let stage = &stage;
    let verifying =
        Verifying { global, args, ui, engine: &engine, stage, folder: &folder, journal };
    verifying.say_how_long();
    let stays = was_up || args.keep;
    let mut interrupt = Interrupt::listen()?;
    let result = tokio::select! {
        result = verifying.everything(was_up) => result,
        code = interrupt.come() => {
            ui.step("interrupted");
            if stays {
                chaos::heal_until_quiet(&engine).await?;
                if let Some(lab) = RunningLab::find(&engine).await? {
                    run::end_open_experiments(&lab).await;
                }
            }
            if let Err(e) = verifying.proven_so_far() {
                ui.warn(&e.message);
            }
            Ok(code)
        }
    };
    if !stays {
        let removed = engine.down().await;
        ui.step("the lab is removed (`--keep` leaves it running)");
        removed?;
    }
    result
}

struct Verifying<'a> {
    global: &'a Global,
    args: &'a VerifyArgs,
    ui: &'a Ui,
    engine: &'a Engine,
    stage: &'a Stage,
    folder: &'a RunFolder,
    journal: SharedJournal,
}

impl Verifying<'_> {
    async fn everything(&self, was_up: bool) -> Result<u8, CliError> {
        let seed = self.args.seed.unwrap_or_else(rand::random);
        self.ui.step(&format!("seed {seed} (`--seed {seed}` repeats every choice)"));
        // Against a lab that runs already this checks that it is the same definition, and repairs.
        let start = up::start(self.global, self.args.port, self.args.subnet);
        let outcome = up::bring_up(self.engine, self.stage, start, self.ui).await?;
        if outcome.steps > 0 {
            self.ui.done(&format!("{} is up", self.stage.stage), outcome.took);
        }
        let lab = outcome.lab;
        let journal = Arc::clone(&self.journal);
        run::record(&journal, run::now(), self.head(seed));
        if was_up {
            run::end_open_experiments(&lab).await;
            self.judge_since_up(&lab, &journal, seed).await;
        }
        let experiments = self.experiments(&lab, &journal, seed).await;
        run::record(&journal, run::now(), Event::RunEnded);
        let flushed = journal.lock().unwrap_or_else(PoisonError::into_inner).flush();
        self.keep_logs(&lab).await?;
        experiments?;
        flushed?;
        self.verdict()
    }

    fn head(&self, seed: u64) -> Event {
        Event::RunStarted(run_started(self.stage, &self.folder.name, seed, self.args.quick))
    }

    /// The experiments that will be run.
    fn chosen(&self) -> Vec<(&String, &Experiment)> {
        let wanted = |name: &String| self.args.only.is_empty() || self.args.only.contains(name);
        self.stage.experiments.iter().filter(|(n, _)| wanted(n)).collect()
    }

    fn say_how_long(&self) {
        let chosen = self.chosen();
        if chosen.is_empty() {
            self.ui.step(&format!("{} has no experiments", self.stage.stage));
            return;
        }
        let each = chosen.iter().map(|(_, experiment)| *experiment);
        let range = run::estimate(self.stage, each, Pace::new(self.args.quick));
        let experiments = if chosen.len() == 1 { "experiment" } else { "experiments" };
        self.ui.step(&format!(
            "{} {experiments}: {} once the lab is up, and longer where one must be tried again",
            chosen.len(),
            run::in_words(range)
        ));
    }

    async fn judge_since_up(&self, lab: &RunningLab, journal: &SharedJournal, seed: u64) {
        match lab.control().journal().await {
            Ok(control) => {
                self.ui.step("judging what happened since `lab up`");
                if run::is_cut(&control) {
                    let since = control.first().map_or(0, |e| (run::now() - e.at) / 60_000_000);
                    self.ui.warn(&format!(
                        "the control plane remembers the last {since} minutes: what was before is not judged"
                    ));
                }
                let entries = since_up_entries(lab, &control, &self.folder.name, seed).await;
                // The run has its own head and end.
                for entry in entries {
                    if !matches!(entry.event, Event::RunStarted(_) | Event::RunEnded) {
                        run::record(journal, entry.at, entry.event);
                    }
                }
            }
            Err(e) => {
                self.ui.warn(&format!(
                    "the control plane does not answer ({e}): what happened since `lab up` is not judged"
                ));
                // Without its end: what is not judged is inconclusive.
                let experiment = SINCE_UP.to_owned();
                let key_prefix = CANARY_PREFIX.to_owned();
                run::record(
                    journal,
                    run::now(),
                    Event::ExperimentStarted { experiment, key_prefix },
                );
            }
        }
    }

    async fn experiments(
        &self,
        lab: &RunningLab,
        journal: &SharedJournal,
        seed: u64,
    ) -> Result<(), CliError> {
        let chosen = self.chosen();
        // The canary's history of this stretch is not judged a second time later.
        let mark = Event::ExperimentStarted {
            experiment: self.folder.name.clone(),
            key_prefix: String::new(),
        };
        let marked = lab.control().record(vec![mark]).await.is_ok();
        let mut result = Ok(());
        for (n, (name, experiment)) in chosen.iter().enumerate() {
            self.ui.step(&format!("experiment {} of {}: {name}", n + 1, chosen.len()));
            let run = ExperimentRun {
                lab,
                name,
                experiment,
                seed: seed.wrapping_add(1000 * n as u64),
                pace: Pace::new(self.args.quick),
                journal,
                ui: self.ui,
                progress: run::Progress::new(self.ui, name),
            };
            if let Err(e) = self.tried(run).await {
                // What failed is inconclusive. The next one waits until the lab is whole again.
                let goes_on = e.is_of_one_experiment();
                let error = CliError::from(e);
                self.ui.warn(&format!("{name}: {}", error.message));
                if !goes_on {
                    result = Err(error);
                    break;
                }
                // What could not be healed would be part of the next experiment.
                let record = |event| run::record(journal, run::now(), event);
                if let Err(e) = chaos::heal_all(self.engine, &record).await {
                    result = Err(run::RunError::from(e).into());
                    break;
                }
            }
        }
        if marked && !run::end_experiments(lab, &self.folder.name).await {
            self.ui.warn("the control plane does not answer");
        }
        result
    }

    /// Runs an experiment, and once more when it came to its end and proved nothing either way: a machine
    /// that was busy for a moment is the usual reason.
    async fn tried(&self, mut run: ExperimentRun<'_>) -> Result<(), run::RunError> {
        for _ in 1..TRIES {
            run.run().await?;
            let Some(why) = self.proved_nothing(&run) else { return Ok(()) };
            self.ui.warn(&format!("{} proved nothing ({why}): once more", run.name));
            // Of the same traffic there would be too little once more.
            run.seed = run.seed.wrapping_add(SEEDS_OF_A_TRY);
        }
        run.run().await
    }

    /// Why the experiment that has just ended may be tried once more, from the journal alone.
    fn proved_nothing(&self, run: &ExperimentRun<'_>) -> Option<String> {
        run.journal.lock().unwrap_or_else(PoisonError::into_inner).flush().ok()?;
        let entries = crate::journal::read(&self.folder.journal()).ok()?;
        let last = judge(&entries).ok()?.experiments.pop()?;
        (last.name == run.name && last.can_be_repeated()).then(|| last.reasons.join("; "))
    }

    async fn keep_logs(&self, lab: &RunningLab) -> Result<(), CliError> {
        for node in lab.places.iter().map(|p| p.name.as_str()).chain([CONTROL]) {
            let log = self.engine.log_tail(&main_name(&self.global.lab, node), LOG_LINES).await;
            self.folder.write(&format!("logs/{node}.log"), &log)?;
        }
        Ok(())
    }

    /// Says and writes what the experiments that came to their end have shown, when the run does not.
    fn proven_so_far(&self) -> Result<(), CliError> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).flush()?;
        let entries = crate::journal::read(&self.folder.journal())?;
        match ended(&entries) {
            Some(entries) => self.reports(entries).map(drop),
            None => {
                self.ui.step("no experiment had come to its end: nothing is proven");
                Ok(())
            }
        }
    }

    fn verdict(&self) -> Result<u8, CliError> {
        self.reports(&crate::journal::read(&self.folder.journal())?)
    }

    /// Judges, writes every report, and says where they are; returns the exit code.
    fn reports(&self, entries: &[Entry]) -> Result<u8, CliError> {
        let findings =
            judge(entries).map_err(|e| CliError::environment(format!("the run's journal: {e}")))?;
        let results = report::results_json(&findings);
        self.folder.write("results.json", &format!("{results:#}\n"))?;
        self.folder.write("junit.xml", &report::junit(&findings))?;
        self.folder.write("report.html", &report::html(&findings, entries))?;
        show(&findings, self.args.format, self.ui);
        self.ui.step(&format!("report: {}", self.folder.path.join("report.html").display()));
        Ok(findings.exit_code())
    }
}

fn show(findings: &RunFindings, format: Format, ui: &Ui) {
    match format {
        Format::Text => ui.result(&report::table(findings, ui.width(), ui.color())),
        Format::Json => ui.json(&report::results_json(findings)),
    }
}

fn run_started(stage: &Stage, run: &str, seed: u64, quick: bool) -> RunStarted {
    RunStarted {
        run: run.into(),
        seed,
        version: env!("CARGO_PKG_VERSION").into(),
        quick,
        stage: Box::new(stage.clone()),
    }
}

/// A whole journal of what happened since `up`: head, the canary's history, its final reads, end.
pub async fn since_up_entries(
    lab: &RunningLab,
    control: &[Entry],
    run: &str,
    seed: u64,
) -> Vec<Entry> {
    let at = run::now();
    let head = Event::RunStarted(run_started(&lab.stage, run, seed, false));
    let mut entries = vec![Entry { at, event: head }];
    entries.extend(since_up(control, at));
    let ops = control.iter().filter_map(|entry| match &entry.event {
        Event::Op(op) | Event::Repeated(op) => Some(op),
        _ => None,
    });
    let writes = run::written(&lab.stage, ops);
    for event in run::audit(lab, CANARY_PREFIX, &writes).await {
        entries.push(Entry { at: run::now(), event });
    }
    let at = run::now();
    let end = Event::ExperimentEnded { experiment: SINCE_UP.into() };
    entries.push(Entry { at, event: end });
    entries.push(Entry { at, event: Event::RunEnded });
    entries
}
