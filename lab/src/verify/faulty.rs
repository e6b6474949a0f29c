//! Faulty architectures and faulty runs: each must be caught, and by the right name. Every case is a
//! good journal with one thing wrong.

mod caches;
mod crowds;
mod data;
mod events;
pub mod frozen;
mod histories;
mod memory;
mod queues;
mod releases;
mod repeats;
mod runs;
mod scaling;
mod service;
mod services;
mod silence;
mod starved;
mod touched;
mod tries;
mod unexplained;
mod unsteady;
