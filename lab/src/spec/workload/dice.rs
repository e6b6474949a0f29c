//! Chance that follows from a seed: the same seed and number always give the same values.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Throws of one operation.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The throws of the operation of this number in traffic with this seed. They do not depend on those of
    /// other operations, nor on how many there are.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(number);
        Self(chance)
    }

    /// A whole number below `n`; 0 for 0. Each is as likely as the others, but for one part in 2^64 / n.
    pub fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(n);
        // The upper half of a product of two 64-bit numbers fits into 64 bits.
        (wide >> 64) as u64
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        // As many bits as a floating point number keeps.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Random bits.
    pub fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }
}
