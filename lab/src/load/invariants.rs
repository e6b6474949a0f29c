//! Reading what must hold of the system as a whole.

use std::collections::HashMap;

use super::reader::Reader;
use crate::journal::{Event, InvariantRead, Stands};
use crate::spec::workload::{Answer, Held, Invariant, Workload, template};

/// Most offenders that are written down of one invariant.
const MOST_OFFENDERS: usize = 20;

/// Reads all invariants. What several of them ask for is asked once, so that they speak of one moment.
pub async fn read(reader: &Reader, workload: &Workload) -> Event {
    let mut answers: HashMap<String, Result<Answer, String>> = HashMap::new();
    let mut invariants = Vec::new();
    for invariant in &workload.invariants {
        let Invariant { get, exec, json, headers, anonymous, .. } = invariant;
        let asked = format!("{get:?} {exec:?} {json:?} {headers:?} {anonymous}");
        if !answers.contains_key(&asked) {
            let answer = match (get, exec) {
                (Some(get), _) => reader.get_with(get, headers, "", *anonymous).await,
                (None, Some(exec)) => reader.command(exec, json.as_ref()).await,
                (None, None) => Err("nothing is asked".to_owned()),
            };
            answers.insert(asked.clone(), answer);
        }
        invariants.push(match &answers[&asked] {
            Ok(answer) => judged(invariant, answer),
            Err(reason) => says(invariant, Stands::Unread, reason.clone()),
        });
    }
    Event::AuditInvariants { invariants }
}

/// What an answer says of an invariant.
fn judged(invariant: &Invariant, answer: &Answer) -> InvariantRead {
    if let Some(needs) = &invariant.needs {
        match needs.held(answer) {
            Held::Yes => {}
            Held::No(why) => return says(invariant, Stands::Unmet, why),
            Held::Unknown(why) => return says(invariant, Stands::Unread, why),
        }
    }
    match invariant.holds.held(answer) {
        Held::Yes => says(invariant, Stands::Holds, String::new()),
        Held::Unknown(why) => says(invariant, Stands::Unread, why),
        Held::No(why) => {
            let place = invariant.names.as_ref().and_then(|names| names.meaning().ok());
            let found = place.and_then(|place| place.values(answer).ok()).unwrap_or_default();
            let offenders = found.iter().map(template::plain).take(MOST_OFFENDERS).collect();
            InvariantRead { offenders, ..says(invariant, Stands::Broken, why) }
        }
    }
}

fn says(invariant: &Invariant, stands: Stands, says: String) -> InvariantRead {
    InvariantRead { name: invariant.name.clone(), stands, says, offenders: Vec::new() }
}
