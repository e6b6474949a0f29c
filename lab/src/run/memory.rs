//! Since when the emulators hold what they hold, as Docker says.

use super::RunningLab;
use crate::journal::{ControlEvent, Event};
use crate::plan::main_name;
use crate::spec::slots::Duty;

/// One statement for each emulator that runs. The control plane says the same, but may be away.
pub async fn held_since(lab: &RunningLab) -> Vec<Event> {
    let mut events = Vec::new();
    for place in lab.places.iter().filter(|p| matches!(p.duty, Duty::Emulator(_))) {
        let began = lab.engine.began(&main_name(lab.engine.lab(), &place.name)).await;
        if let Ok(Some(since)) = began {
            events.push(Event::Control(ControlEvent::Began { node: place.name.clone(), since }));
        }
    }
    events
}
