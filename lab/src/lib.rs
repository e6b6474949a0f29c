//! `lab`: starts a faithful small copy of a web architecture in containers, sends it traffic, breaks
//! it, and proves whether it survived. See ARCHITECTURE.md for the map.

pub mod balancer;
pub mod chaos;
pub mod cli;
pub mod control;
pub mod deploy;
pub mod dns;
pub mod engine;
pub mod images;
pub mod journal;
pub mod kinds;
pub mod load;
pub mod plan;
pub mod report;
pub mod run;
pub mod spec;
pub mod verify;
