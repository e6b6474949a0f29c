//! Metrics and alarms for the emulated CloudWatch, where a stage has one: what a person's own tools
//! look at.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Shared;
use super::metrics::{self, CANARY_SUCCESS, Sample};
use crate::engine::probe;
use crate::journal::ControlEvent;

/// The namespace of all metrics.
const NAMESPACE: &str = "lab";
/// The provider's own period, in seconds; divided by the stage's `time_scale`.
const PERIOD_S: f64 = 60.0;
/// Never more often than this.
const MOST_OFTEN: Duration = Duration::from_secs(1);
/// Longest wait for the emulator.
const TIMEOUT: Duration = Duration::from_secs(2);
/// So many points in a row make an alarm, and end it: the documented habit of one-minute alarms.
const POINTS: u32 = 3;
/// The alarm on what users see.
const ALARM: &str = "canary-availability";

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
    let mut alarm = Alarm::default();
    let mut declared = false;
    loop {
        ticks.tick().await;
        let samples = match metrics::gather(&shared).await {
            Ok(samples) => samples,
            Err(e) => {
                tracing::warn!(error = %e, "no metrics");
                continue;
            }
        };
        declared = declared || sent(&target, &alarm_form(target.availability_percent)).await;
        sent(&target, &data_form(&samples)).await;
        let success = samples.iter().find(|s| s.metric == CANARY_SUCCESS).map(|s| s.value);
        let low = success.map(|percent| percent < target.availability_percent);
        if let Some(on) = alarm.take_in(low) {
            let name = ALARM.to_owned();
            shared.note(ControlEvent::Alarm { name, on });
            sent(&target, &state_form(on)).await;
        }
    }
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

async fn sent(target: &CloudWatch, form: &str) -> bool {
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
        Ok(answer) if answer.status == 200 => true,
        Ok(answer) => {
            tracing::warn!(status = answer.status, body = answer.body, "CloudWatch refuses");
            false
        }
        Err(e) => {
            tracing::debug!(error = %e, "CloudWatch does not answer");
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

fn alarm_form(availability_percent: f64) -> String {
    let fields = [
        field("AlarmName", ALARM),
        field("AlarmDescription", "The canary sees less available than was promised"),
        field("Namespace", NAMESPACE),
        field("MetricName", CANARY_SUCCESS.name),
        field("Statistic", "Average"),
        field("Period", "60"),
        field("EvaluationPeriods", POINTS.to_string()),
        field("Threshold", availability_percent.to_string()),
        field("ComparisonOperator", "LessThanThreshold"),
        field("TreatMissingData", "ignore"),
    ];
    form("PutMetricAlarm", &fields)
}

fn state_form(on: bool) -> String {
    let fields = [
        field("AlarmName", ALARM),
        field("StateValue", if on { "ALARM" } else { "OK" }),
        field("StateReason", format!("{POINTS} points in a row")),
    ];
    form("SetAlarmState", &fields)
}

#[cfg(test)]
mod tests {
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
}
