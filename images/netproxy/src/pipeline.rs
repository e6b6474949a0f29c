//! The chain of toxics in one direction of one connection. No I/O: the owner brings what was read,
//! carries away what may be written, and says what time it is.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::toxic::{Item, Passing, Stage, Stream, Toxic};

/// From what was read to what may be written.
pub struct Pipeline {
    stream: Stream,
    slots: Vec<Slot>,
    read: Option<Item>,
    out: VecDeque<Item>,
}

struct Slot {
    id: u64,
    revision: u64,
    active: bool,
    stage: Box<dyn Stage>,
}

impl Pipeline {
    /// The chain for a direction of a new connection.
    pub fn new(stream: Stream, toxics: &[Toxic], now: Instant) -> Self {
        let mut new = Self { stream, slots: Vec::new(), read: None, out: VecDeque::new() };
        new.apply(toxics, now);
        new
    }

    /// Whether there is room for something that is read.
    pub fn wants_input(&self) -> bool {
        self.read.is_none() && self.slots.first().map_or(self.out.is_empty(), |s| !s.stage.full())
    }

    /// Brings something that was read.
    pub fn push(&mut self, item: Item) {
        self.read = Some(item);
    }

    /// What is to be written next.
    pub fn out(&mut self) -> &mut VecDeque<Item> {
        &mut self.out
    }

    /// Moves everything that may move.
    pub fn advance(&mut self, now: Instant) {
        // The last one first: it makes room for those before it.
        while (0..=self.slots.len()).rev().any(|sink| self.step(sink, now)) {}
    }

    /// Moves one item to a slot, or past the last slot to the exit.
    fn step(&mut self, sink: usize, now: Instant) -> bool {
        let full = match self.slots.get(sink) {
            Some(slot) => slot.stage.full(),
            None => !self.out.is_empty(),
        };
        if full {
            return false;
        }
        let item = match sink.checked_sub(1) {
            Some(source) => self.slots[source].stage.take(now),
            None => self.read.take(),
        };
        let moved = item.is_some();
        if let Some(item) = item {
            match self.slots.get_mut(sink) {
                Some(slot) => slot.stage.push(item, now),
                None => self.out.push_back(item),
            }
        }
        moved
    }

    /// When to [`advance`](Self::advance) again although nothing is read or written.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.out.is_empty() {
            return None;
        }
        let mut earliest: Option<Instant> = None;
        for slot in self.slots.iter().rev() {
            earliest = earliest.into_iter().chain(slot.stage.deadline()).min();
            if slot.stage.full() {
                // What lies before it must wait for it, whatever the time.
                break;
            }
        }
        earliest
    }

    /// Makes the chain that of the given toxics. What is on the way stays on the way; what a removed
    /// toxic held goes on.
    pub fn apply(&mut self, toxics: &[Toxic], now: Instant) {
        let mut wanted = toxics.iter().filter(|t| t.stream == self.stream).peekable();
        let mut freed: Vec<Item> = Vec::new();
        // Toxics keep their order, and new ones come last.
        for mut slot in std::mem::take(&mut self.slots) {
            freed.drain(..).for_each(|item| slot.stage.push(item, now));
            match wanted.next_if(|toxic| toxic.id == slot.id) {
                Some(toxic) => {
                    slot.follow(toxic, now);
                    self.slots.push(slot);
                }
                None => freed = slot.stage.remove(),
            }
        }
        for toxic in wanted {
            let mut slot = Slot::new(toxic, now);
            freed.drain(..).for_each(|item| slot.stage.push(item, now));
            self.slots.push(slot);
        }
        self.out.extend(freed);
    }
}

impl Slot {
    fn new(toxic: &Toxic, now: Instant) -> Self {
        let active = rand::random::<f32>() < toxic.toxicity;
        let stage = if active { toxic.kind.stage(now) } else { Box::new(Passing::default()) };
        Self { id: toxic.id, revision: toxic.revision, active, stage }
    }

    fn follow(&mut self, toxic: &Toxic, now: Instant) {
        if self.revision == toxic.revision {
            return;
        }
        let mut new = Self::new(toxic, now);
        if self.active && new.active {
            self.stage.update(&toxic.kind, now);
            self.revision = toxic.revision;
        } else {
            self.stage.remove().into_iter().for_each(|item| new.stage.push(item, now));
            *self = new;
        }
    }
}

#[cfg(test)]
mod tests;
