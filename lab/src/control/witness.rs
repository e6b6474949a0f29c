//! Is the machine itself standing still? Everything of a lab shares one disk and few processors, which
//! others use as well. What they do to the lab is no fault of the architecture that runs in it, so
//! there is a witness: it writes to the disk that the databases write to, and looks at the clock.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{DATA_PATH, Shared, now};
use crate::journal::{ControlEvent, StalledPart};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What takes longer than usual by this much is written down: a write of a page takes a tenth of a
/// millisecond, and a database commit with a synchronous standby waits for several.
const NOTEWORTHY: Duration = Duration::from_millis(100);
/// Length of the stretches over which the pressure on the processors is taken.
const STRETCH: Duration = Duration::from_millis(500);
/// From this share of a stretch on in which some process waited for a processor, the machine is not
/// able: what waits then waits for its neighbours.
const SATURATED: f64 = 0.8;
/// Who sleeps so much longer than wanted while processors are free was frozen.
const FROZEN: Duration = Duration::from_secs(2);
/// Where Linux says for how long that was so (`some`), in microseconds since its start. It speaks of
/// the whole machine, also in a container.
const PRESSURE: &str = "/proc/pressure/cpu";
/// What is written: a page.
const PAGE: [u8; 4096] = [0; 4096];

/// Watches on a thread of its own until the process ends: a runtime that has much to do would only
/// measure itself.
pub fn start(shared: Shared) {
    let watching = std::thread::Builder::new().name("witness".into()).spawn(move || {
        let path = Path::new(DATA_PATH).join("witness");
        match File::create(&path) {
            Ok(file) => watch(&shared, &file),
            Err(e) => tracing::warn!(error = %e, "no witness of the disk"),
        }
    });
    if let Err(e) = watching {
        tracing::warn!(error = %e, "no witness of the machine");
    }
}

fn watch(shared: &Shared, file: &File) {
    let mut before = (Instant::now(), pressure());
    loop {
        let stretch = before.0.elapsed();
        if stretch >= STRETCH {
            let after = pressure();
            let waited = after.zip(before.1).and_then(|(after, before)| after.checked_sub(before));
            if waited.is_some_and(|w| w.as_secs_f64() >= SATURATED * stretch.as_secs_f64()) {
                note(shared, StalledPart::Processor, stretch);
            }
            before = (Instant::now(), after);
        }
        let (slept, wanted) = (Instant::now(), pressure());
        std::thread::sleep(LOOK_EVERY);
        let late = slept.elapsed().saturating_sub(LOOK_EVERY);
        let waited = pressure().zip(wanted).and_then(|(after, before)| after.checked_sub(before));
        let part = cause(late, waited);
        note(shared, part, late);
        if part == StalledPart::ControlPlane {
            // The stretch was none: nobody looked.
            before = (Instant::now(), pressure());
        }
        let wrote = Instant::now();
        match file.write_all_at(&PAGE, 0).and_then(|()| file.sync_data()) {
            Ok(()) => note(shared, StalledPart::Disk, wrote.elapsed()),
            Err(e) => tracing::warn!(error = %e, "the witness cannot write"),
        }
    }
}

/// Why the witness slept longer than it wanted: `waited` is how long some process waited for a processor
/// meanwhile.
fn cause(late: Duration, waited: Option<Duration>) -> StalledPart {
    let is_free = waited.is_some_and(|waited| waited.as_secs_f64() < late.as_secs_f64() / 2.0);
    if late >= FROZEN && is_free { StalledPart::ControlPlane } else { StalledPart::Processor }
}

fn note(shared: &Shared, part: StalledPart, late: Duration) {
    if late >= NOTEWORTHY {
        let us = i64::try_from(late.as_micros()).unwrap_or(i64::MAX);
        shared.note(ControlEvent::Stalled { part, since: now() - us });
    }
}

/// How long some process has waited for a processor; nothing where the kernel does not say.
fn pressure() -> Option<Duration> {
    waited(&std::fs::read_to_string(PRESSURE).ok()?)
}

/// The number after `total=` in the line that begins with `some`.
fn waited(text: &str) -> Option<Duration> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    Some(Duration::from_micros(line.rsplit_once("total=")?.1.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_frozen_does_not_blame_the_processors() {
        let s = Duration::from_secs;
        assert_eq!(cause(s(30), Some(s(3))), StalledPart::ControlPlane);
        assert_eq!(cause(s(30), Some(s(25))), StalledPart::Processor);
        assert_eq!(cause(s(1), Some(s(0))), StalledPart::Processor);
        assert_eq!(cause(s(30), None), StalledPart::Processor, "the kernel does not say");
    }

    #[test]
    fn the_pressure_is_read_as_linux_writes_it() {
        let text = "some avg10=2.74 avg60=40.73 avg300=62.99 total=1600165351\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(waited(text), Some(Duration::from_micros(1_600_165_351)));
        assert_eq!(waited("full avg10=0.00 total=7"), None);
        assert_eq!(waited(""), None);
    }
}
