//! Lines of nodes' logs, as people and programs want to read them. Our own programs and some others
//! write JSON objects; nginx, Patroni and the rest have formats of their own.

use serde_json::{Map, Value, json};

/// What a line of a log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLine {
    /// When it was written, as it says itself; empty when it does not.
    pub time: String,
    /// How bad it is, in lower case; empty when it does not say.
    pub level: String,
    /// What it says.
    pub message: String,
    /// The trace that it belongs to.
    pub trace: String,
    /// What else it says.
    pub more: Map<String, Value>,
}

impl LogLine {
    /// Reads a line, whatever it is.
    pub fn read(line: &str) -> Self {
        let line = line.trim_end();
        let object = line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten();
        if let Some(Value::Object(object)) = object {
            return Self::of_object(object);
        }
        nginx(line).unwrap_or_else(|| Self { message: line.to_owned(), ..Self::default() })
    }

    fn of_object(mut object: Map<String, Value>) -> Self {
        // What `tracing` writes by itself has the message one level deeper.
        if let Some(Value::Object(fields)) = object.remove("fields") {
            object.extend(fields);
        }
        let mut take = |names: &[&str]| {
            let found = names.iter().find_map(|name| object.remove(*name));
            match found {
                Some(Value::String(text)) => text,
                Some(other) => other.to_string(),
                None => String::new(),
            }
        };
        let time = take(&["time", "timestamp", "ts"]);
        let level = take(&["level", "severity"]).to_lowercase();
        let message = take(&["message", "msg"]);
        let trace = take(&["trace_id"]);
        object.remove("node");
        Self { time, level, message, trace, more: object }
    }

    /// For people: time of day, level, message, and the rest as `name=value`. A line that is not
    /// understood is shown as it is.
    pub fn readable(&self) -> String {
        if self.time.is_empty() && self.level.is_empty() {
            return self.message.clone();
        }
        let mut out = format!("{} {:<5} {}", time_of_day(&self.time), self.level, self.message);
        for (name, value) in &self.more {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            out += &format!(" {name}={value}");
        }
        if !self.trace.is_empty() {
            out += &format!(" trace={}", self.trace);
        }
        out
    }

    /// For programs: one object, the same for all programs.
    pub fn json(&self, node: &str) -> Value {
        let mut out = self.more.clone();
        out.insert("node".into(), json!(node));
        out.insert("message".into(), json!(self.message));
        let known = [("time", &self.time), ("level", &self.level), ("trace_id", &self.trace)];
        for (name, value) in known.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.insert(name.into(), json!(value));
        }
        Value::Object(out)
    }
}

/// The part of an RFC 3339 time that changes while somebody looks.
fn time_of_day(time: &str) -> &str {
    let after = time.split_once('T').map_or(time, |(_, after)| after);
    let end = after.find(['Z', '+']).unwrap_or(after.len());
    let end = end.min(after.find('.').map_or(end, |dot| dot + 4));
    after.get(..end).unwrap_or(after)
}

/// `2026/11/21 22:51:26 [error] 12#12: *34 connect() failed, client: 10.77.0.1, ...`
fn nginx(line: &str) -> Option<LogLine> {
    let (date, rest) = line.split_once(' ')?;
    let (time, rest) = rest.split_once(" [")?;
    let (level, rest) = rest.split_once("] ")?;
    let digits = |text: &str, mark: char| {
        text.chars().all(|c| c.is_ascii_digit() || c == mark) && text.matches(mark).count() == 2
    };
    if !digits(date, '/') || !digits(time, ':') {
        return None;
    }
    let message = rest.split_once(": ").map_or(rest, |(_, message)| message);
    Some(LogLine {
        time: format!("{}T{time}Z", date.replace('/', "-")),
        level: level.to_lowercase(),
        message: message.to_owned(),
        ..LogLine::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_lines_are_told_in_one_line() {
        let line = LogLine::read(
            r#"{"time":"2026-11-21T22:51:26.123456Z","level":"warn","node":"web-a1",
               "message":"the mail waits","failures":3,"key":"k 1","trace_id":"0af7"}"#,
        );
        assert_eq!(
            line.readable(),
            "22:51:26.123 warn  the mail waits failures=3 key=k 1 trace=0af7"
        );
        let json = line.json("web-a1");
        assert_eq!((&json["node"], &json["failures"]), (&json!("web-a1"), &json!(3)));
        assert_eq!(json["trace_id"], "0af7");
        assert_eq!(LogLine::read(&json.to_string()), line, "what was written is read again");
    }

    #[test]
    fn other_programs_objects_are_understood() {
        let etcd = LogLine::read(
            r#"{"level":"INFO","ts":"2026-11-21T22:51:26.5+0000","caller":"x.go","msg":"ready"}"#,
        );
        assert_eq!(etcd.readable(), "22:51:26.5 info  ready caller=x.go");
        let older = r#"{"timestamp":"2026-11-21T22:51:26Z","level":"INFO","fields":{"message":"up","n":1},"target":"lab"}"#;
        assert_eq!(LogLine::read(older).readable(), "22:51:26 info  up n=1 target=lab");
    }

    #[test]
    fn nginx_has_a_format_of_its_own() {
        let line =
            LogLine::read("2026/11/21 22:51:26 [error] 12#12: *34 connect() failed, client: a");
        assert_eq!(line.readable(), "22:51:26 error *34 connect() failed, client: a");
        assert_eq!(line.json("lb-a1")["time"], "2026-11-21T22:51:26Z");
    }

    #[test]
    fn what_is_not_understood_is_shown_as_it_is() {
        for other in ["", "1:M 21 Nov 2026 22:51:26.123 * Ready", "{no object", "[1]"] {
            let line = LogLine::read(other);
            assert_eq!(line.readable(), other);
            assert_eq!(line.json("n"), json!({ "node": "n", "message": other }));
        }
    }
}
