//! The map of services as inline SVG: who called whom, how often, how slowly and with how many errors,
//! before the fault and during it. Callers stand left of those that they call.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::journal::{Calls, Mapped, Phase, ServiceMap, Traffic};

use super::super::units::{percent, rate, span};
use super::escape::escape;

const COLUMN: f64 = 215.0;
const ROW: f64 = 84.0;
const BOX: (f64, f64) = (118.0, 46.0);
const MARGIN: f64 = 12.0;

/// Both maps; nothing where the stage was not traced.
pub(super) fn maps(maps: &[Mapped]) -> String {
    let mut out = String::new();
    for Mapped { phase, map } in maps {
        let what = match phase {
            Phase::Steady => "Who called whom before the fault",
            Phase::Fault => "Who called whom during the fault",
            Phase::Settle | Phase::Audit => continue,
        };
        let open = if *phase == Phase::Fault { " open" } else { "" };
        let share = map.sample_percent;
        let _ = writeln!(
            out,
            "<details{open}><summary>{what} ({} spans of {share} % of the requests)</summary>{}\
             </details>",
            map.spans,
            drawing(map, what),
        );
    }
    out
}

fn drawing(map: &ServiceMap, what: &str) -> String {
    if map.calls.is_empty() {
        return "<p class=\"quiet\">No request was recorded.</p>".to_owned();
    }
    let places = places(&map.calls);
    let columns = places.values().map(|(column, _)| column + 1).max().unwrap_or(1);
    let rows = places.values().map(|(_, row)| row + 1).max().unwrap_or(1);
    let (width, height) = (columns as f64 * COLUMN, rows as f64 * ROW + MARGIN);
    let mut out = format!(
        "<svg class=\"map\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{what}\">\
         <title>{what}</title>"
    );
    for calls in &map.calls {
        out.push_str(&arrow(map, calls, &places));
    }
    for (name, place) in &places {
        let own = map.services.iter().find(|service| service.name == *name);
        out.push_str(&service(map, name, own.map(|service| &service.traffic), *place));
    }
    out.push_str("</svg>");
    out
}

/// Column and row of each service: one column right of the last of those who call it. What calls
/// itself in a circle stops being moved after as many steps as there are services.
fn places(calls: &[Calls]) -> BTreeMap<&str, (usize, usize)> {
    let mut columns: BTreeMap<&str, usize> =
        calls.iter().flat_map(|c| [&*c.from, &*c.to]).map(|name| (name, 0)).collect();
    for _ in 0..columns.len() {
        let before = columns.clone();
        for Calls { from, to, .. } in calls.iter().filter(|c| c.from != c.to) {
            let least = columns.get(&**from).map_or(0, |column| column + 1);
            let limit = columns.len() - 1;
            if let Some(column) = columns.get_mut(&**to) {
                *column = (*column).max(least).min(limit);
            }
        }
        if columns == before {
            break;
        }
    }
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    let place = |(name, column)| {
        let row = used.entry(column).or_default();
        *row += 1;
        (name, (column, *row - 1))
    };
    columns.into_iter().map(place).collect()
}

fn corner((column, row): (usize, usize)) -> (f64, f64) {
    (column as f64 * COLUMN + MARGIN, row as f64 * ROW + MARGIN)
}

fn service(
    map: &ServiceMap,
    name: &str,
    traffic: Option<&Traffic>,
    place: (usize, usize),
) -> String {
    let (x, y) = corner(place);
    let class = if traffic.is_some_and(|t| t.errors > 0) { "service bad" } else { "service" };
    let numbers = traffic.map_or_else(String::new, |t| rate(map.per_s(t)));
    format!(
        "<g class=\"{class}\"><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"6\"/>\
         <text class=\"name\" x=\"{mid}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text x=\"{mid}\" y=\"{}\" text-anchor=\"middle\">{numbers}</text>{}</g>",
        BOX.0,
        BOX.1,
        y + 20.0,
        escape(name),
        y + 36.0,
        traffic.map_or_else(String::new, |t| title(map, name, t)),
        mid = x + BOX.0 / 2.0,
    )
}

/// A line from the caller to the called, in the middle of which the numbers stand.
fn arrow(map: &ServiceMap, calls: &Calls, places: &BTreeMap<&str, (usize, usize)>) -> String {
    let (Some(from), Some(to)) = (places.get(&*calls.from), places.get(&*calls.to)) else {
        return String::new();
    };
    let ((x1, y1), (x2, y2)) = (corner(*from), corner(*to));
    let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2.0, y2 + BOX.1 / 2.0);
    let bend = (x2 - x1).abs().max(60.0) / 2.0;
    let traffic = &calls.traffic;
    let class = if traffic.errors > 0 { "call bad" } else { "call" };
    // Near the called, where the lines of one caller have parted.
    let (x, y) = (x2 - 46.0, y1 + (y2 - y1) * 0.8);
    let wide = (1.0 + map.per_s(traffic).max(1.0).log10()).min(4.0);
    let errors = if traffic.errors == 0 {
        String::new()
    } else {
        let y = y + 15.0;
        let failed = percent(traffic.error_percent());
        format!(
            "<text class=\"bad\" x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"middle\">{failed}</text>"
        )
    };
    format!(
        "<g class=\"{class}\"><path stroke-width=\"{wide:.1}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} \
         {:.0} {y2:.0} {x2:.0} {y2:.0}\"/>\
         <text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>{errors}{}</g>",
        x1 + bend,
        x2 - bend,
        y - 4.0,
        span(micros(traffic.p99_us)),
        title(map, &format!("{} to {}", calls.from, calls.to), traffic),
    )
}

fn title(map: &ServiceMap, what: &str, traffic: &Traffic) -> String {
    format!(
        "<title>{}: {}, {} failed, median {}, p99 {}</title>",
        escape(what),
        rate(map.per_s(traffic)),
        percent(traffic.error_percent()),
        span(micros(traffic.p50_us)),
        span(micros(traffic.p99_us)),
    )
}

fn micros(us: u64) -> i64 {
    i64::try_from(us).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(from: &str, to: &str) -> Calls {
        let traffic = Traffic { count: 5, errors: 0, p50_us: 1000, p99_us: 2000 };
        Calls { from: from.into(), to: to.into(), traffic }
    }

    #[test]
    fn callers_stand_left_of_those_that_they_call() {
        let calls = [
            calls("users", "cdn"),
            calls("cdn", "lb"),
            calls("cdn", "web"),
            calls("lb", "web"),
            calls("web", "db"),
            calls("web", "cache"),
        ];
        let found = places(&calls);
        let columns: Vec<(&str, usize)> =
            found.iter().map(|(name, (column, _))| (*name, *column)).collect();
        let expected = [("cache", 4), ("cdn", 1), ("db", 4), ("lb", 2), ("users", 0), ("web", 3)];
        assert_eq!(columns, expected);
        assert_ne!(found["cache"], found["db"], "no two in one place");
    }

    #[test]
    fn a_circle_of_calls_has_an_end() {
        let calls = [calls("a", "b"), calls("b", "a"), calls("b", "b")];
        let found = places(&calls);
        assert!(found.values().all(|(column, _)| *column < 2), "{found:?}");
    }

    #[test]
    fn errors_are_seen_and_names_are_escaped() {
        let mut bad = calls("web", "<db>");
        bad.traffic.errors = 1;
        let map = ServiceMap {
            to: 10_000_000,
            sample_percent: 5.0,
            spans: 5,
            calls: vec![bad],
            ..ServiceMap::default()
        };
        let drawn = maps(&[Mapped { phase: Phase::Fault, map: map.clone() }]);
        assert!(drawn.contains("&lt;db&gt;") && !drawn.contains("<db>"), "{drawn}");
        assert!(drawn.contains("call bad") && drawn.contains(">20.00 %<"), "{drawn}");
        assert!(
            drawn.contains("web to &lt;db&gt;: 10/s, 20.00 % failed, median 1.0 ms, p99 2.0 ms")
        );
        let empty = ServiceMap { calls: Vec::new(), ..map };
        let drawn = maps(&[Mapped { phase: Phase::Steady, map: empty }]);
        assert!(drawn.contains("No request was recorded"), "{drawn}");
    }
}
