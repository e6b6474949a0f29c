//! What an answer says of a list: where a write was put, and what was shown.

use serde_json::Value;

use crate::journal::{Listed, Showed, ShownItem};
use crate::spec::workload::{Answer, Dice, Place, Promise, Values, Workload, call, template};

/// Where an acknowledged write was put; `None` when the answer does not say so.
pub fn wrote(
    workload: &Workload,
    promise: &Promise,
    values: &dyn Values,
    answer: &Answer,
    number: u64,
) -> Option<Listed> {
    let line = promise.listed.as_ref()?;
    let list = call::line(workload, line, values, &mut Dice::new(0, 0)).ok()?.path;
    let id = match &promise.order {
        Some(order) => integer(&order.written.first(answer).ok()?)?,
        None => i64::try_from(number).ok()?,
    };
    Some(Listed::Wrote { list, id })
}

/// What was shown; `None` for an answer that cannot be understood. Keys that begin with `prefix` are this
/// client's own.
pub fn showed(promise: &Promise, list: String, answer: &Answer, prefix: &str) -> Option<Listed> {
    let items = promise.items.as_ref()?;
    // An answer without the list as such is not one that shows nothing.
    let whole = items.text().split("[]").next().unwrap_or_default();
    Place::new(whole).first(answer).ok()?;
    let found = items.meaning().ok()?.values(answer).ok()?;
    let texts: Vec<String> = found.iter().map(template::plain).collect();
    let full = promise.latest.is_some_and(|most| texts.len() >= most as usize);
    let numbers = texts.iter().map(|text| number(text, prefix));
    let items = match &promise.order {
        Some(order) => {
            let ids = order.listed.meaning().ok()?.values(answer).ok()?;
            if ids.len() != texts.len() {
                return None;
            }
            let ids: Vec<i64> = ids.iter().map(integer).collect::<Option<_>>()?;
            let shown = |(id, number)| match number {
                Some(number) => ShownItem::Own(id, number),
                None => ShownItem::Other(id),
            };
            ids.into_iter().zip(numbers).map(shown).collect()
        }
        // Without numbers of its own a list tells nothing of what others wrote.
        None => numbers
            .flatten()
            .map(|number| ShownItem::Own(i64::try_from(number).unwrap_or(i64::MAX), number))
            .collect(),
    };
    Some(Listed::Showed(Showed { list, full, prefix: prefix.into(), items }))
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The number in the key of a write of this client, wherever in a text the key stands.
fn number(text: &str, prefix: &str) -> Option<u64> {
    text.match_indices(prefix).find_map(|(at, _)| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text[..at].ends_with(is_word) {
            return None;
        }
        let rest = text[at + prefix.len()..].strip_prefix('-')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        (!rest[end..].starts_with(is_word)).then(|| rest[..end].parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_own_items_only() {
        let text = |key: &str| format!("A word about news, number {key}.");
        assert_eq!(number(&text("run-17"), "run"), Some(17));
        assert_eq!(number("run-17", "run"), Some(17));
        assert_eq!(number(&text("run-17"), "other"), None);
        // A longer prefix that begins or ends alike, and what no key is.
        assert_eq!(number(&text("run-2-17"), "run"), None);
        assert_eq!(number(&text("pre-run-17"), "run"), None);
        for other in ["hello", "number run-.", "number run-+1.", "run-1x"] {
            assert_eq!(number(other, "run"), None, "{other}");
        }
        assert_eq!(number("run-1x, run-2", "run"), Some(2));
    }
}
