//! Sizes that the machine does not have.

use super::{BASE, errors_of};
use crate::spec::machine::{Cramped, Machine, cramped, fits};
use crate::spec::{Source, builtin};

const TWO: Machine = Machine { cpus: 2, memory_bytes: 4 << 30 };

fn sized(db: &str) -> String {
    let text = BASE.replacen("    primary: a\n", &format!("    primary: a\n    {db}\n"), 1);
    assert_ne!(text, BASE);
    text
}

fn refused(db: &str) -> String {
    let source = Source::of_text("s.yaml", &sized(db));
    let stage = source.stage().unwrap_or_else(|e| panic!("{e}"));
    fits(&source, &stage, &TWO).map_or_else(|e| e.to_string(), |()| "it fits".into())
}

#[test]
fn more_than_the_machine_has_is_refused_where_it_stands() {
    insta::assert_snapshot!(refused("size: {cpus: 4, memory_mib: 8192}"), @r"
    s.yaml:23:18: each node of tier `db` is to have 4 processors, and this machine has 2
      allowed: at most 2 on this machine
    s.yaml:23:33: each node of tier `db` is to have 8192 MiB of memory, and this machine has 4096
      allowed: at most 4096 on this machine
    ");
    assert_eq!(refused("size: {cpus: 2, memory_mib: 4096}"), "it fits");
}

#[test]
fn a_database_begins_with_what_there_is() {
    let large = "capacity: {min: 16, max: 32, milli_cpus_per_unit: 250, memory_mib_per_unit: 192}";
    insta::assert_snapshot!(refused(large), @r"
    s.yaml:23:21: the smallest capacity of tier `db` is 4 processors and 3072 MiB of memory, and this machine has 2 and 4096 MiB
      allowed: fewer units, or smaller ones
    ");
    assert_eq!(refused("capacity: {min: 1, max: 128}"), "it fits");
}

#[test]
fn what_grows_ends_where_the_machine_does() {
    let ends = |db: &str| {
        let source = Source::of_text("s.yaml", &sized(db));
        cramped(&source.stage().unwrap(), &TWO)
    };
    let tier = "db".to_owned();
    // Eight units are two processors, and 21 are four gibibytes.
    assert_eq!(ends("capacity: {min: 1, max: 10}"), [Cramped { tier, most: 16, max: 20 }]);
    assert_eq!(ends("capacity: {min: 1, max: 8}"), []);
}

#[test]
fn docker_does_not_divide_a_core_further() {
    insta::assert_snapshot!(errors_of(&sized("size: {cpus: 0.001, memory_mib: 512}")), @r"
    s.yaml:23:18: `tiers.db.size.cpus` is 0.001, which is out of range
      allowed: a number from 0.01 to 1024
    ");
    let thin = "capacity: {min: 0.5, max: 1, milli_cpus_per_unit: 10, memory_mib_per_unit: 512}";
    insta::assert_snapshot!(errors_of(&sized(thin)), @r"
    s.yaml:23:21: the smallest capacity of tier `db` is 0.005 of a core
      allowed: at least 0.01: `min` times `milli_cpus_per_unit`
    ");
}

#[test]
fn two_cores_carry_every_built_in_stage() {
    for stage in builtin() {
        let source = Source::of(stage.name).unwrap();
        fits(&source, &source.stage().unwrap(), &TWO).unwrap_or_else(|e| panic!("{e}"));
    }
}
