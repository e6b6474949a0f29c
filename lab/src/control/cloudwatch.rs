//! Metrics and alarms for the emulated CloudWatch, where a stage has one: what a person's own tools
//! look at.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Shared;
use super::band::Band;
use super::metrics::{self, BAND, CANARY_P99, CANARY_SUCCESS, Metric, OUTSIDE, Sample};
use super::starting::Starting;
use crate::engine::probe;
use crate::journal::ControlEvent;

/// The namespace of all metrics.
const NAMESPACE: &str = "lab";
/// The provider's own period, in seconds; divided by the stage's `time_scale`.
const PERIOD_S: f64 = 60.0;
/// Never more often than this.
const MOST_OFTEN: Duration = Duration::from_secs(1);
/// Longest wait for the emulator. It loads a service when it is first asked for it, which takes 4 s on
/// two free cores, and much longer while a lab starts.
const TIMEOUT: Duration = Duration::from_secs(20);
/// So many points in a row make an alarm, and end it: the documented habit of one-minute alarms.
const POINTS: u32 = 3;

/// An alarm as the emulator is told of it. The control plane decides itself and sets its state.
struct Declared {
    name: &'static str,
    description: &'static str,
    metric: Metric,
    comparison: &'static str,
}

/// On what users see.
const AVAILABILITY: Declared = Declared {
    name: "canary-availability",
    description: "The canary sees less available than was promised",
    metric: CANARY_SUCCESS,
    comparison: "LessThanThreshold",
};
/// On what is unusual, whatever was promised.
const ANOMALY: Declared = Declared {
    name: "canary-latency-anomaly",
    description: "The canary is answered more slowly than it usually is",
    metric: OUTSIDE,
    comparison: "GreaterThanThreshold",
};

/// Where metrics go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudWatch {
    /// The emulator.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// Its region.
    pub region: String,
    /// By what the period is divided.
    pub time_scale: f64,
    /// Below this share of successes there is an alarm, in percent.
    pub availability_percent: f64,
}

/// Publishes until the process ends. An emulator that does not answer misses points, and nothing
/// else.
pub async fn run(shared: Shared, target: CloudWatch) {
    let period = Duration::from_secs_f64(PERIOD_S / target.time_scale).max(MOST_OFTEN);
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut publisher = Publisher::new(target);
    let mut band = Band::default();
    loop {
        ticks.tick().await;
        let mut samples = match metrics::gather(&shared).await {
            Ok(samples) => samples,
            Err(e) => {
                tracing::warn!(error = %e, "no metrics");
                continue;
            }
        };
        let value = |metric| samples.iter().find(|s| s.metric == metric).map(|s| s.value);
        let promised = publisher.target.availability_percent;
        let low = value(CANARY_SUCCESS).map(|percent| percent < promised);
        let (slow, usual) = unusual(&mut band, value(CANARY_P99));
        samples.extend(usual);
        for (what, on) in publisher.publish(&samples, low, slow).await {
            shared.note(ControlEvent::Alarm { name: what.name.to_owned(), on });
        }
    }
}

/// What the emulator was told.
struct Publisher {
    target: CloudWatch,
    starting: Starting,
    declared: bool,
    availability: Alarm,
    anomaly: Alarm,
}

impl Publisher {
    fn new(target: CloudWatch) -> Self {
        let (availability, anomaly) = (Alarm::default(), Alarm::default());
        let starting = Starting::new(Instant::now());
        Self { target, starting, declared: false, availability, anomaly }
    }

    /// Publishes one point of each metric; returns the alarms that changed.
    async fn publish(
        &mut self,
        samples: &[Sample],
        low: Option<bool>,
        slow: Option<bool>,
    ) -> Vec<(&'static Declared, bool)> {
        let Self { target, starting, declared, availability, anomaly } = self;
        let is_new = !*declared && declare(target, starting).await;
        // An emulator that was away may have come back without what it knew.
        *declared = sent(target, starting, &data_form(samples)).await && (*declared || is_new);
        let mut changes = Vec::new();
        for (alarm, point, what) in [(availability, low, &AVAILABILITY), (anomaly, slow, &ANOMALY)]
        {
            let change = alarm.take_in(point);
            if let Some(on) = change.or((is_new && alarm.on).then_some(true)) {
                sent(target, starting, &state_form(what, on)).await;
            }
            changes.extend(change.map(|on| (what, on)));
        }
        changes
    }
}

async fn declare(target: &CloudWatch, starting: &mut Starting) -> bool {
    let availability = alarm_form(&AVAILABILITY, target.availability_percent);
    sent(target, starting, &availability).await
        && sent(target, starting, &alarm_form(&ANOMALY, 0.0)).await
}

/// Whether the canary is answered more slowly than usual, and what is published of that.
fn unusual(band: &mut Band, p99: Option<f64>) -> (Option<bool>, Vec<Sample>) {
    let Some(p99) = p99 else { return (None, Vec::new()) };
    let edges = band.edges();
    let slow = band.is_above(p99);
    let plain = |metric, value| Sample { metric, labels: Vec::new(), value };
    let outside = slow.map(|slow| plain(OUTSIDE, f64::from(u8::from(slow))));
    let upper = edges.map(|edges| plain(BAND, edges.upper));
    (slow, outside.into_iter().chain(upper).collect())
}

/// An alarm with equal points in a row.
#[derive(Debug, Default)]
struct Alarm {
    on: bool,
    row: u32,
}

impl Alarm {
    /// Takes in one point, or that there are no data, which changes nothing; returns the new state
    /// when it changes.
    fn take_in(&mut self, low: Option<bool>) -> Option<bool> {
        let low = low?;
        self.row = if low == self.on { 0 } else { self.row + 1 };
        if self.row < POINTS {
            return None;
        }
        (self.on, self.row) = (low, 0);
        Some(low)
    }
}

/// Whether the emulator took a form. What it does not answer while it starts is worth no warning.
async fn sent(target: &CloudWatch, starting: &mut Starting, form: &str) -> bool {
    // Emulators read the scope of the signature, and do not check it.
    let credential = format!("lab/20000101/{}/monitoring/aws4_request", target.region);
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        (
            "Authorization",
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
        ),
    ];
    let call = probe::Call { method: "POST", path: "/", headers: &headers, body: form };
    match probe::send(target.address, target.port, &call, TIMEOUT).await {
        Ok(answer) if answer.status == 200 => {
            starting.answered();
            true
        }
        _ if starting.excuses_silence(Instant::now()) => false,
        Ok(answer) => {
            tracing::warn!(status = answer.status, body = answer.body, "CloudWatch refuses");
            false
        }
        Err(e) => {
            tracing::warn!(error = %e, "CloudWatch does not answer");
            false
        }
    }
}

/// A form of the query protocol.
fn form(action: &str, fields: &[(String, String)]) -> String {
    let mut out = format!("Action={action}&Version=2010-08-01");
    for (name, value) in fields {
        let _ = write!(out, "&{}={}", encoded(name), encoded(value));
    }
    out
}

/// Everything but letters, digits and `-._~` as `%XX` (RFC 3986).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn field(name: impl Into<String>, value: impl Into<String>) -> (String, String) {
    (name.into(), value.into())
}

fn data_form(samples: &[Sample]) -> String {
    let mut fields = vec![field("Namespace", NAMESPACE)];
    for (n, sample) in (1..).zip(samples) {
        let member = format!("MetricData.member.{n}");
        fields.push(field(format!("{member}.MetricName"), sample.metric.name));
        fields.push(field(format!("{member}.Value"), sample.value.to_string()));
        for (d, (name, value)) in (1..).zip(&sample.labels) {
            let dimension = format!("{member}.Dimensions.member.{d}");
            fields.push(field(format!("{dimension}.Name"), *name));
            fields.push(field(format!("{dimension}.Value"), value));
        }
    }
    form("PutMetricData", &fields)
}

fn alarm_form(alarm: &Declared, threshold: f64) -> String {
    let fields = [
        field("AlarmName", alarm.name),
        field("AlarmDescription", alarm.description),
        field("Namespace", NAMESPACE),
        field("MetricName", alarm.metric.name),
        field("Statistic", "Average"),
        field("Period", "60"),
        field("EvaluationPeriods", POINTS.to_string()),
        field("Threshold", threshold.to_string()),
        field("ComparisonOperator", alarm.comparison),
        field("TreatMissingData", "ignore"),
    ];
    form("PutMetricAlarm", &fields)
}

fn state_form(alarm: &Declared, on: bool) -> String {
    let fields = [
        field("AlarmName", alarm.name),
        field("StateValue", if on { "ALARM" } else { "OK" }),
        field("StateReason", format!("{POINTS} points in a row")),
    ];
    form("SetAlarmState", &fields)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::control::metrics::GROUP_SIZE;

    #[test]
    fn three_points_in_a_row_make_an_alarm_and_end_it() {
        let mut alarm = Alarm::default();
        let (low, good) = (Some(true), Some(false));
        let points = [low, low, good, low, low, None, low, low, good, good, good];
        let changes: Vec<_> = points.map(|point| alarm.take_in(point)).into();
        let at: Vec<_> =
            changes.iter().enumerate().filter_map(|(n, c)| c.map(|on| (n, on))).collect();
        assert_eq!(at, [(6, true), (10, false)], "no data neither counts nor breaks a row");
    }

    #[test]
    fn a_form_is_what_the_query_protocol_wants() {
        let labels = vec![("tier", "web & more".to_owned())];
        let sample = Sample { metric: GROUP_SIZE, labels, value: 6.5 };
        assert_eq!(
            data_form(&[sample]),
            "Action=PutMetricData&Version=2010-08-01&Namespace=lab\
             &MetricData.member.1.MetricName=lab_group_size_tasks&MetricData.member.1.Value=6.5\
             &MetricData.member.1.Dimensions.member.1.Name=tier\
             &MetricData.member.1.Dimensions.member.1.Value=web%20%26%20more"
        );
    }

    /// An emulator that says which actions it was asked for.
    struct Emulator {
        publisher: Publisher,
        asked: Arc<Mutex<Vec<String>>>,
        is_out: Arc<AtomicBool>,
    }

    impl Emulator {
        async fn start() -> Self {
            let (asked, is_out) =
                (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
            let (to, out) = (Arc::clone(&asked), Arc::clone(&is_out));
            let answer = move |body: String| async move {
                if out.load(Ordering::Relaxed) {
                    return axum::http::StatusCode::SERVICE_UNAVAILABLE;
                }
                let part = |name: &str| {
                    let found = body.split('&').find_map(|field| field.strip_prefix(name));
                    found.unwrap_or_default().to_owned()
                };
                to.lock().unwrap().push(format!("{} {}", part("Action="), part("AlarmName=")));
                axum::http::StatusCode::OK
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let router = axum::Router::new().route("/", axum::routing::post(answer));
            tokio::spawn(async move { axum::serve(listener, router).await });
            let target = CloudWatch {
                address: Ipv4Addr::LOCALHOST,
                port,
                region: "us-east-1".into(),
                time_scale: 20.0,
                availability_percent: 99.0,
            };
            Self { publisher: Publisher::new(target), asked, is_out }
        }

        /// What it is asked for with one point.
        async fn point(&mut self, low: Option<bool>) -> Vec<String> {
            let sample = Sample { metric: GROUP_SIZE, labels: Vec::new(), value: 6.0 };
            self.publisher.publish(&[sample], low, None).await;
            std::mem::take(&mut *self.asked.lock().unwrap())
        }
    }

    #[tokio::test]
    async fn an_emulator_that_was_away_is_told_of_the_alarms_again() {
        let mut emulator = Emulator::start().await;
        let declared =
            ["PutMetricAlarm canary-availability", "PutMetricAlarm canary-latency-anomaly"];
        let (data, state) = ("PutMetricData ", "SetAlarmState canary-availability");
        assert_eq!(emulator.point(Some(true)).await, [declared[0], declared[1], data]);
        assert_eq!(emulator.point(Some(true)).await, [data]);
        assert_eq!(emulator.point(Some(true)).await, [data, state]);
        emulator.is_out.store(true, Ordering::Relaxed);
        assert_eq!(emulator.point(Some(true)).await, [""; 0]);
        emulator.is_out.store(false, Ordering::Relaxed);
        assert_eq!(emulator.point(Some(true)).await, [declared[0], declared[1], data, state]);
        assert_eq!(emulator.point(None).await, [data]);
    }
}
