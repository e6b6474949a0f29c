//! The shares of targets, while a release takes the place of another. Who deploys says them; they
//! outlive a restart of the balancer, so that nothing is shifted by it, in the folder that holds
//! nginx's own list of targets.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::config::BalancerConfig;
use super::nginx::write_atomically;

/// Target to share; 1 for a target that is not named. A target with 0 gets nothing while another one
/// is healthy.
pub type Weights = BTreeMap<String, u32>;

/// File name of the shares.
const FILE: &str = "weights.json";
/// nginx adds them up in 32 bits.
const LARGEST: u32 = 65_535;

/// New shares, and who waits for them to be in effect.
pub struct Order {
    /// The shares.
    pub weights: Weights,
    /// Told when nginx knows, or why not.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// The share of a target.
pub fn of(config: &BalancerConfig, weights: &Weights, index: usize) -> u32 {
    let target = config.targets.get(index);
    target.and_then(|t| weights.get(&t.name)).copied().unwrap_or(1)
}

/// Refuses what names no target of this balancer.
///
/// # Errors
/// What is wrong.
pub fn check(config: &BalancerConfig, weights: &Weights) -> Result<(), String> {
    for (name, weight) in weights {
        if !config.targets.iter().any(|t| t.name == *name) {
            return Err(format!("there is no target {name:?}"));
        }
        if *weight > LARGEST {
            return Err(format!("{name}: {weight} is more than {LARGEST}"));
        }
    }
    Ok(())
}

/// The shares from before a restart.
pub fn load(config: &BalancerConfig) -> Weights {
    let text = std::fs::read(config.nginx_conf_dir.join(FILE)).unwrap_or_default();
    let weights: Weights = serde_json::from_slice(&text).unwrap_or_default();
    if check(config, &weights).is_ok() { weights } else { Weights::new() }
}

/// Remembers the shares for the next start.
pub fn keep(config: &BalancerConfig, weights: &Weights) {
    let text = serde_json::to_string(weights).unwrap_or_default();
    if let Err(error) = write_atomically(&config.nginx_conf_dir.join(FILE), &text) {
        tracing::warn!(%error, "a restart will forget the shares");
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    fn weights(all: &[(&str, u32)]) -> Weights {
        all.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    #[test]
    fn a_target_that_is_not_named_has_a_share_of_1() {
        let config = config(&[1, 2]);
        let weights = weights(&[("web-2", 0)]);
        assert_eq!((of(&config, &weights, 0), of(&config, &weights, 1)), (1, 0));
    }

    #[test]
    fn shares_of_strangers_are_refused() {
        let config = config(&[1]);
        assert_eq!(check(&config, &weights(&[("web-1", 7)])), Ok(()));
        assert!(check(&config, &weights(&[("web-2", 7)])).unwrap_err().contains("web-2"));
        assert!(check(&config, &weights(&[("web-1", 70_000)])).is_err());
    }

    #[test]
    fn a_restart_remembers_them_and_leaves_out_what_is_no_longer_true() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&[1, 2]);
        config.nginx_conf_dir = dir.path().into();
        assert!(load(&config).is_empty());
        keep(&config, &weights(&[("web-1", 9), ("web-2", 0)]));
        assert_eq!(load(&config), weights(&[("web-1", 9), ("web-2", 0)]));
        config.targets.pop();
        assert!(load(&config).is_empty(), "web-2 is no target any more");
    }
}
