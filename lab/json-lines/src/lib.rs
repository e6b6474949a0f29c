//! The log of our own programs inside containers: one JSON object on each line, with the time, the
//! level, the node, what happened, and the trace that it happened in, where there is one.

mod throttle;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use throttle::Throttle;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event as one JSON object.
#[derive(Clone, Debug)]
pub struct JsonLines {
    node: String,
    trace: fn() -> Option<u128>,
    throttle: Arc<Throttle>,
}

impl JsonLines {
    /// In the name of a node.
    pub fn of(node: impl Into<String>) -> Self {
        Self { node: node.into(), trace: || None, throttle: Arc::default() }
    }

    /// In the name of this container, which is its node's.
    pub fn of_this_node() -> Self {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self::of(name.trim())
    }

    /// With the number of the trace that is under way where an event happens.
    #[must_use]
    pub fn within(mut self, trace: fn() -> Option<u128>) -> Self {
        self.trace = trace;
        self
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        // What is only told may be told as often as it happens; complaints are the same for as long as their
        // cause lasts.
        let mut repeated = 0;
        if level <= Level::WARN {
            match self.throttle.pass(&fields.identity(), Instant::now()) {
                Some(left_out) => repeated = left_out,
                None => return Ok(()),
            }
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Map::new();
        line.insert("time".into(), time.into());
        line.insert("level".into(), level.as_str().to_lowercase().into());
        line.insert("node".into(), self.node.clone().into());
        line.insert("message".into(), fields.message.into());
        if let Some(trace) = (self.trace)() {
            line.insert("trace_id".into(), format!("{trace:032x}").into());
        }
        if repeated > 0 {
            line.insert("repeated".into(), repeated.into());
        }
        for (name, value) in fields.others {
            line.entry(name).or_insert(value);
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, Value)>,
}

impl Fields {
    /// What two events have in common that say the same.
    fn identity(&self) -> String {
        format!("{} {:?}", self.message, self.others)
    }

    fn add(&mut self, field: &Field, value: Value) {
        self.others.push((field.name().to_owned(), value));
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.add(field, value.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}").into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that were written.
    fn lines(format: JsonLines, events: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let to = written.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(format).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber, events);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only line that was written.
    fn line(format: JsonLines, event: impl FnOnce()) -> Value {
        let lines = lines(format, event);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    }

    #[test]
    fn the_same_complaint_is_written_once_in_a_while() {
        let written = lines(JsonLines::of("control"), || {
            for n in 0..50 {
                tracing::warn!(cluster = "db", "cannot watch the cluster");
                tracing::info!("told each time");
                if n == 20 {
                    tracing::warn!(cluster = "orders", "cannot watch the cluster");
                }
            }
        });
        let of = |level: &str| written.iter().filter(|line| line["level"] == level).count();
        assert_eq!((of("warn"), of("info")), (2, 50));
    }

    #[test]
    fn a_line_is_one_object_with_what_everybody_looks_for() {
        let line = line(JsonLines::of("lb-a1"), || {
            tracing::warn!(failures = 3, from = ?Some(1), node = "x", "nginx\nis \"{}\"", "late");
        });
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"warn".into(), &"nginx\nis \"late\"".into())
        );
        assert_eq!(line["node"], "lb-a1", "a field does not take the place of what is known");
        assert_eq!((&line["failures"], &line["from"]), (&3.into(), &"Some(1)".into()));
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(line.get("trace_id").is_none());
    }

    #[test]
    fn the_trace_is_named_by_32_digits() {
        let line = line(JsonLines::of("web-a1").within(|| Some(0xab)), || tracing::info!("asked"));
        assert_eq!(line["trace_id"], "000000000000000000000000000000ab");
    }
}
