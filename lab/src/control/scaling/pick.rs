//! Which tasks are started and ended so that a group has its size. Pure.

use std::collections::BTreeMap;

/// A task of a group as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The node.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// It may be started and ended; the others are the group's least and always run.
    pub reserve: bool,
    /// What it does.
    pub now: Now,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// Serves, or will soon.
    Runs,
    /// Was told to end, and still finishes what it has.
    Ends,
    /// Not started.
    Rests,
    /// Lost: it has failed, or a fault holds it.
    Lost,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Nodes to start.
    pub start: Vec<String>,
    /// Nodes to end.
    pub end: Vec<String>,
}

/// What brings the number of tasks that run to `size`. Zones are kept even; a zone in which a fault
/// holds everything (`dark`) gets nothing. Only reserve tasks are touched.
pub fn work(tasks: &[Task], size: usize, dark: &[String]) -> Work {
    let mut run: BTreeMap<&str, usize> = BTreeMap::new();
    for task in tasks {
        *run.entry(&task.zone).or_default() += usize::from(task.now == Now::Runs);
    }
    let mut work = Work::default();
    let of = |now: Now| tasks.iter().filter(move |t| t.reserve && t.now == now);
    let mut all: usize = run.values().sum();
    while all < size {
        let may = |t: &&Task| !dark.contains(&t.zone) && !work.start.contains(&t.name);
        let Some(task) = of(Now::Rests).filter(may).min_by_key(|t| run[t.zone.as_str()]) else {
            break;
        };
        work.start.push(task.name.clone());
        *run.entry(&task.zone).or_default() += 1;
        all += 1;
    }
    while all > size {
        // The last one of the fullest zone.
        let may = |t: &&Task| !work.end.contains(&t.name);
        let Some(task) = of(Now::Runs).filter(may).max_by_key(|t| run[t.zone.as_str()]) else {
            break;
        };
        work.end.push(task.name.clone());
        *run.entry(&task.zone).or_default() -= 1;
        all -= 1;
    }
    work
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a1+` runs, `a2.` rests, `a3!` is lost, `a4-` ends; numbers above 2 are in reserve.
    fn tasks(text: &str) -> Vec<Task> {
        let task = |word: &str| {
            let (name, now) = word.split_at(word.len() - 1);
            let now = match now {
                "+" => Now::Runs,
                "." => Now::Rests,
                "!" => Now::Lost,
                _ => Now::Ends,
            };
            let reserve = name[1..].parse::<u16>().unwrap() > 2;
            Task { name: name.into(), zone: name[..1].into(), reserve, now }
        };
        text.split(' ').map(task).collect()
    }

    fn done(text: &str, size: usize, dark: &[&str]) -> (Vec<String>, Vec<String>) {
        let dark: Vec<String> = dark.iter().map(|z| (*z).to_owned()).collect();
        let work = work(&tasks(text), size, &dark);
        (work.start, work.end)
    }

    #[test]
    fn zones_are_kept_even() {
        let all = "a1+ a2+ a3. a4. b1+ b2+ b3. b4.";
        let (start, end) = done(all, 6, &[]);
        assert_eq!((start.join(" "), end.len()), ("a3 b3".to_owned(), 0));
        let all = "a1+ a2+ a3+ a4+ b1+ b2+ b3+ b4+";
        assert_eq!(done(all, 6, &[]).1.join(" "), "b4 a4");
    }

    #[test]
    fn what_is_right_is_left_alone_and_what_ends_does_not_count() {
        assert_eq!(done("a1+ a2+ b1+ b2+ b3.", 4, &[]), (vec![], vec![]));
        assert_eq!(done("a1+ a2+ b1+ b2+ b3- b4.", 5, &[]).0.join(" "), "b4");
    }

    #[test]
    fn lost_tasks_are_made_good_for_in_zones_that_are_there() {
        let all = "a1! a2! a3. a4. b1+ b2+ b3. b4. b5.";
        assert_eq!(done(all, 4, &["a"]).0.join(" "), "b3 b4");
    }

    #[test]
    fn the_least_is_never_ended_and_more_than_there_are_cannot_be_started() {
        assert_eq!(done("a1+ a2+ b1+ b2+", 1, &[]), (vec![], vec![]));
        assert_eq!(done("a1+ a2+ a3.", 9, &[]).0.join(" "), "a3");
    }
}
