//! One experiment: traffic, faults on time, heals on time, settling, final reads. It only writes
//! the journal; what it means is decided by `verify`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Pace;
use super::progress::{Progress, remaining, seen};
use super::read_back::{audit, written_in};
use super::steady::{Gate, Steady, TRIES};
use super::warm_up::good_service;
use super::{RunError, RunningLab, memory, settle};
use crate::chaos::{self, Active, Injection, Injector, ResolveError, resolve};
use crate::journal::{Event, Mapped, Micros, Phase, Writer};
use crate::load::{self, LoadConfig, LoadHandle, OpSink};
use crate::report::Ui;
use crate::spec::model::{Experiment, Fault, Kind, TimedFault};
use crate::spec::workload::Plan;
use crate::verify::objectives;
use crate::verify::recovery::Standard;

/// How long the lab may take to be whole before an experiment, and after it.
const WHOLE_LIMIT: Duration = Duration::from_secs(90);
/// How long service may take to be good before an experiment. One that is not good by then is
/// found out by the check of the steady state.
const WARM_UP_LIMIT: Duration = Duration::from_secs(30);
/// How long scaling groups may take to return to their smallest size before a spike.
const SCALE_IN_LIMIT: Duration = Duration::from_secs(180);
/// How much longer than its rules say a group may take to become smaller: its tasks finish what they have.
const SHRINKING: Duration = Duration::from_secs(60);
/// How long a fault may find no node to hit.
const NODE_LIMIT: Duration = Duration::from_secs(15);

/// The journal of a run, shared with the generator's tasks.
pub type SharedJournal = Arc<Mutex<Writer>>;

/// What one experiment needs.
pub struct ExperimentRun<'a> {
    /// The lab.
    pub lab: &'a RunningLab,
    /// Its name in the stage file.
    pub name: &'a str,
    /// What it is.
    pub experiment: &'a Experiment,
    /// Every choice follows from it.
    pub seed: u64,
    /// How long each phase lasts.
    pub pace: Pace,
    /// Where everything is written.
    pub journal: &'a SharedJournal,
    /// Where is said what goes wrong.
    pub ui: &'a Ui,
    /// Where is said what goes on.
    pub progress: Progress<'a>,
}

/// What happens at a moment of the fault phase.
enum Due<'a> {
    Inject(usize, &'a TimedFault),
    Heal(Box<Active>),
}

impl Due<'_> {
    fn in_words(&self) -> String {
        match self {
            Self::Inject(_, timed) => format!("injects {}", timed.fault.name()),
            Self::Heal(active) => format!("heals {}", active.marker.fault.name()),
        }
    }
}

impl ExperimentRun<'_> {
    /// Runs it to its end. Faults that were injected are healed also when something fails on the
    /// way.
    pub async fn run(&self) -> Result<(), RunError> {
        let begun = now();
        let began = self.steady(begun).await;
        let key_prefix =
            began.as_ref().map_or_else(|_| self.prefix(begun), |s| s.key_prefix.clone());
        let (experiment, prefix) = (self.name.to_owned(), key_prefix.clone());
        let started = Event::ExperimentStarted { experiment, key_prefix: prefix };
        record(self.journal, begun, started);
        // An experiment that cannot begin is in the journal, too, and so inconclusive.
        if let Err(e @ RunError::NotWhole { .. }) = &began {
            record(self.journal, begun, Event::NotWhole { why: e.to_string(), nodes: Vec::new() });
        }
        let Steady { traffic, gate, earlier, since: steady, .. } = began?;
        for why in earlier {
            record(self.journal, steady, Event::Unsteady { why });
        }
        gate.open();
        let fault = now();
        self.write(Event::Phase { phase: Phase::Fault })?;
        let told = |_| format!("fault, {}, {}", seen(&traffic.live()), self.progress.next());
        let faults = self.progress.during(told, self.fault_phase(&key_prefix)).await;
        let settle = now();
        self.write(Event::Phase { phase: Phase::Settle })?;
        if faults.is_ok() {
            let told = |_| format!("settling, {}", seen(&traffic.live()));
            self.progress.during(told, self.settle(&traffic)).await;
        }
        let stopped = traffic.stop().await;
        faults?;
        stopped?;
        let told = |_| "reading back what was promised".to_owned();
        self.progress.during(told, self.final_reads(&key_prefix, begun)).await?;
        self.service_map(Phase::Steady, steady, fault).await;
        self.service_map(Phase::Fault, fault, settle).await;
        self.write(Event::ExperimentEnded { experiment: self.name.into() })
    }

    /// Waits until the lab is whole and warm, and sends traffic until it has been healthy for as long as
    /// a phase before the fault lasts.
    async fn steady(&self, begun: Micros) -> Result<Steady, RunError> {
        self.progress.until_whole(self.lab, WHOLE_LIMIT).await?;
        let told = |_| "waits until its scaling groups are small again".to_owned();
        let scaled_in = self.lab.await_scaled_in(SCALE_IN_LIMIT);
        if self.is_a_spike() && !self.progress.during(told, scaled_in).await? {
            self.ui.warn(
                "a scaling group has not returned to its smallest size: the spike finds it larger",
            );
        }
        self.warm_up(begun).await?;
        let mut earlier = Vec::new();
        loop {
            let since = now();
            let (gate, key_prefix) = (Gate::new(self.journal), self.prefix(since));
            gate.pass(Event::Phase { phase: Phase::Steady });
            let held = memory::held_since(self.lab).await;
            for event in held.into_iter().chain(settle::look_at_queues(self.lab).await) {
                gate.pass(event);
            }
            let traffic = self.start_traffic(&key_prefix, gate.sink())?;
            let steady = self.pace.steady;
            let told = |at| format!("steady, {}, {}", seen(&traffic.live()), remaining(steady, at));
            self.progress.during(told, tokio::time::sleep(steady)).await;
            match gate.unhealthy(self.standard()) {
                Some(why) if earlier.len() + 1 < TRIES => {
                    traffic.stop().await?;
                    self.ui.warn(&format!("not healthy before the fault ({why}): once more"));
                    earlier.push(why);
                }
                _ => return Ok(Steady { key_prefix, traffic, gate, earlier, since }),
            }
        }
    }

    /// Goes on with the traffic until it has been watched for long enough.
    async fn settle(&self, traffic: &LoadHandle) {
        let wanted = Duration::from_millis(self.experiment.settle_ms);
        tokio::time::sleep(wanted.min(self.pace.settle)).await;
        good_service(traffic, self.standard(), self.pace.extension).await;
        self.scale_in().await;
    }

    /// After a spike users go on while its tasks end, so that it is seen whether they notice.
    async fn scale_in(&self) {
        let stage = &self.lab.stage;
        let within = stage.tiers.values().filter_map(|tier| match &tier.kind {
            Kind::Service(service) => service.scaling.as_ref(),
            _ => None,
        });
        let within = within.map(|scaling| scaling.shrinks_within(stage.time_scale)).max();
        let Some(within) = within.filter(|_| self.is_a_spike()) else { return };
        if !self.lab.await_shrunk(within + SHRINKING).await {
            self.ui.warn("no scaling group became smaller after the spike");
        }
    }

    /// A group that is still large from before is not shown to grow.
    fn is_a_spike(&self) -> bool {
        self.experiment.faults.iter().any(|timed| matches!(timed.fault, Fault::Spike(_)))
    }

    /// What keys begin with. The moment is part of it: a lab that is verified twice keeps both.
    fn prefix(&self, at: Micros) -> String {
        format!("{}-{at:x}", self.name)
    }

    /// Sends the same traffic, with keys of its own and not written down, until service is good:
    /// caches are cold and pools empty after a start, and that is not what is examined.
    async fn warm_up(&self, begun: Micros) -> Result<(), RunError> {
        let prefix = format!("warm-up-{begun:x}");
        let traffic = self.start_traffic(&prefix, Box::new(drop))?;
        let told = |_| format!("warming up, {}", seen(&traffic.live()));
        let good = good_service(&traffic, self.standard(), WARM_UP_LIMIT);
        if !self.progress.during(told, good).await {
            let limit = WARM_UP_LIMIT.as_secs();
            self.ui.warn(&format!("service was not within its objectives after {limit} s"));
        }
        traffic.stop().await?;
        Ok(())
    }

    /// What good service means in this experiment.
    fn standard(&self) -> Standard {
        let stage = &self.lab.stage;
        let p99_ms = objectives::of_experiment(stage, self.experiment).p99_ms;
        Standard::new(p99_ms, stage.objectives.availability_percent)
    }

    fn start_traffic(&self, key_prefix: &str, sink: OpSink) -> Result<LoadHandle, RunError> {
        let traffic = &self.lab.stage.traffic;
        let plan = Plan {
            seed: self.seed,
            rate_per_s: traffic.rate_per_s,
            workload: Arc::new(self.lab.stage.workload()),
            duration: None,
            ramp: Duration::ZERO,
            key_prefix: key_prefix.into(),
        };
        let config = LoadConfig {
            plan,
            site: self.lab.site(),
            name: self.lab.entry_name(),
            timeout: Duration::from_millis(traffic.timeout_ms),
            max_in_flight: None,
        };
        Ok(load::start(config, sink)?)
    }

    /// Injects and heals each fault at its time.
    async fn fault_phase(&self, key_prefix: &str) -> Result<(), RunError> {
        let begun = Instant::now();
        let mut due: Vec<(Instant, Due<'_>)> = self
            .experiment
            .faults
            .iter()
            .enumerate()
            .map(|(n, f)| (begun + Duration::from_millis(f.at_ms), Due::Inject(n, f)))
            .collect();
        let mut failure = None;
        while let Some(next) = earliest(&due) {
            let (at, what) = due.swap_remove(next);
            self.progress.comes(what.in_words(), Some(at));
            tokio::time::sleep_until(at.into()).await;
            self.progress.comes(what.in_words(), None);
            match what {
                Due::Inject(..) if failure.is_some() => {}
                Due::Inject(n, timed) => match self.inject(n, timed, key_prefix).await {
                    Ok(active) => {
                        due.push((active.since + active.duration, Due::Heal(Box::new(active))))
                    }
                    Err(e) => {
                        failure = Some(e);
                        // What is active is healed at once.
                        due.iter_mut().for_each(|(at, _)| *at = Instant::now());
                    }
                },
                Due::Heal(mut active) => {
                    let record = |event| self.note(event);
                    let healed = active.heal(&self.lab.engine, &record).await;
                    if let Err(e) = healed {
                        failure = failure.or(Some(e.into()));
                    } else {
                        self.ui.detail(&format!("healed {}", active.marker.nodes.join(", ")));
                    }
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn inject(
        &self,
        n: usize,
        timed: &TimedFault,
        key_prefix: &str,
    ) -> Result<Active, RunError> {
        let lab = self.lab;
        let seed = self.seed.wrapping_add(n as u64);
        let injection = self.resolved(&timed.fault, seed).await?;
        let record = |event| self.note(event);
        let injector = Injector {
            engine: &lab.engine,
            places: &lab.places,
            image: &lab.holder_image,
            secret: &lab.network.secret,
            traffic: chaos::Traffic {
                stage: &lab.stage.traffic,
                site: lab.site(),
                key_prefix,
                workload: Arc::new(lab.stage.workload()),
                seed,
            },
            record: &record,
        };
        let id = format!("{:08x}{n}", now() & 0xffff_ffff);
        let active = injector.inject(&id, &injection).await?;
        self.ui.detail(&match &active.evidence {
            Some(evidence) => format!("injected: {evidence}"),
            None => format!("injected into {}, but not confirmed", injection.nodes.join(", ")),
        });
        Ok(active)
    }

    /// Decides what a fault hits. Who the primary is may be unknown for a while: during an election,
    /// or when nobody answers in time.
    async fn resolved(&self, fault: &Fault, seed: u64) -> Result<Injection, RunError> {
        let limit = Instant::now() + NODE_LIMIT;
        loop {
            let (roles, awake) = (self.lab.roles().await, self.lab.awake().await?);
            match resolve(fault, &self.lab.stage, &awake, &self.lab.places, &roles, seed) {
                Err(ResolveError::NoNode(_)) if Instant::now() < limit => {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                decided => return Ok(decided.map_err(chaos::ChaosError::from)?),
            }
        }
    }

    /// Waits until the lab is whole, reads every promise back, and takes over what the control
    /// plane saw meanwhile.
    async fn final_reads(&self, key_prefix: &str, since: Micros) -> Result<(), RunError> {
        self.write(Event::Phase { phase: Phase::Audit })?;
        let whole = self.lab.await_whole(WHOLE_LIMIT).await;
        let writes = written_in(self.journal, &self.lab.stage);
        for event in audit(self.lab, key_prefix, &writes).await {
            self.write(event)?;
        }
        match self.lab.control().journal().await {
            Ok(entries) => {
                for entry in entries.into_iter().filter(|e| e.at >= since) {
                    if matches!(entry.event, Event::Control(_)) {
                        record(self.journal, entry.at, entry.event);
                    }
                }
            }
            Err(e) => self.ui.warn(&format!("the control plane's journal cannot be read: {e}")),
        }
        if let Err(e) = whole {
            self.ui.warn(&e.to_string());
            let nodes = self.lab.among_its_nodes(&e);
            self.write(Event::NotWhole { why: e.to_string(), nodes })?;
        }
        Ok(())
    }

    /// Takes over who called whom in a phase, where the stage is traced. The final reads have taken
    /// longer than the last spans do.
    async fn service_map(&self, phase: Phase, from: Micros, to: Micros) {
        if !self.lab.stage.observability.traces {
            return;
        }
        match self.lab.control().service_map(from, to).await {
            Ok(map) => self.note(Event::ServiceMap(Mapped { phase, map })),
            Err(e) => self.ui.warn(&format!("there is no map of the services: {e}")),
        }
    }

    fn write(&self, event: Event) -> Result<(), RunError> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(journal.write(now(), event)?)
    }

    fn note(&self, event: Event) {
        record(self.journal, now(), event);
    }
}

fn earliest(due: &[(Instant, Due<'_>)]) -> Option<usize> {
    (0..due.len()).min_by_key(|i| due[*i].0)
}

/// Appends an entry from a place that cannot return an error. A journal that cannot be written
/// misses operations, and what is missing makes the verdict inconclusive, never green.
pub fn record(journal: &SharedJournal, at: Micros, event: Event) {
    let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(e) = journal.write(at, event) {
        tracing::error!(error = %e, "the journal cannot be written");
    }
}

/// Microseconds since the Unix epoch.
pub fn now() -> Micros {
    crate::control::now()
}
