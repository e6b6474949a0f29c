//! What is usual: a band of so many standard deviations around the mean of the last points. Pure.

use std::collections::VecDeque;

/// Points that are remembered: a quarter of an hour of the provider's minutes.
const WINDOW: usize = 15;
/// Points without which nothing is unusual yet.
const LEAST: usize = 6;
/// Half of the band's width, in standard deviations. The provider's default is 2, which one point in
/// twenty leaves by chance; three in a row are wanted here as well.
const DEVIATIONS: f64 = 3.0;
/// The band is never narrower than this part of the mean on either side: a figure that hardly moves
/// would otherwise leave it with every step.
const LEAST_SHARE: f64 = 0.5;

/// The band that a figure usually stays in.
#[derive(Debug, Default)]
pub struct Band {
    points: VecDeque<f64>,
}

/// Its edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    /// What is unusually low lies below this.
    pub lower: f64,
    /// What is unusually high lies above this.
    pub upper: f64,
}

impl Band {
    /// The edges; `None` while too little is known.
    pub fn edges(&self) -> Option<Edges> {
        if self.points.len() < LEAST {
            return None;
        }
        let count = self.points.len() as f64;
        let mean = self.points.iter().sum::<f64>() / count;
        let variance = self.points.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / count;
        let half = (DEVIATIONS * variance.sqrt()).max(LEAST_SHARE * mean.abs());
        Some(Edges { lower: mean - half, upper: mean + half })
    }

    /// Whether a point lies above the band; `None` while too little is known. Points outside are not
    /// remembered: what is unusual must not become usual while it lasts.
    pub fn is_above(&mut self, point: f64) -> Option<bool> {
        let edges = self.edges();
        let outside = edges.is_some_and(|e| !(e.lower..=e.upper).contains(&point));
        if !outside {
            self.points.push_back(point);
            if self.points.len() > WINDOW {
                self.points.pop_front();
            }
        }
        edges.map(|edges| point > edges.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(points: impl IntoIterator<Item = f64>) -> Band {
        let mut band = Band::default();
        for point in points {
            band.is_above(point);
        }
        band
    }

    #[test]
    fn nothing_is_unusual_before_it_is_known_what_is_usual() {
        let mut young = band([10.0; 5]);
        assert_eq!((young.edges(), young.is_above(500.0)), (None, None));
    }

    #[test]
    fn the_band_is_the_mean_and_three_deviations() {
        let known = band([10.0, 20.0, 10.0, 20.0, 10.0, 20.0]);
        assert_eq!(known.edges(), Some(Edges { lower: 0.0, upper: 30.0 }));
        let steady = band([10.0; 8]);
        assert_eq!(steady.edges(), Some(Edges { lower: 5.0, upper: 15.0 }), "never too narrow");
    }

    #[test]
    fn what_lies_outside_is_told_and_not_learned() {
        let mut known = band([10.0, 12.0, 11.0, 10.0, 12.0, 11.0]);
        let before = known.edges();
        for _ in 0..50 {
            assert_eq!(known.is_above(300.0), Some(true));
        }
        assert_eq!(known.is_above(0.1), Some(false), "unusually low is not too slow");
        assert_eq!(known.edges(), before);
        assert_eq!(known.is_above(11.0), Some(false));
    }

    #[test]
    fn what_changes_slowly_is_learned() {
        let mut known = band([10.0; 15]);
        let rising = (0..60).map(|n| 10.0 + f64::from(n) * 0.5);
        assert!(rising.into_iter().all(|point| known.is_above(point) == Some(false)));
    }
}
