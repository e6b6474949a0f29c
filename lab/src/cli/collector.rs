//! `--otlp-endpoint`: the user's own collector, whatever the stage says.

use super::CliError;
use crate::spec::model::Stage;

/// Writes the collector into the stage.
///
/// # Errors
/// It is no address.
pub fn choose(stage: &mut Stage, endpoint: Option<&str>) -> Result<(), CliError> {
    let Some(endpoint) = endpoint else { return Ok(()) };
    stage.observability.otlp_endpoint = Some(endpoint.to_owned());
    if stage.observability.collector().is_some() {
        return Ok(());
    }
    Err(CliError::usage(format!("`--otlp-endpoint {endpoint}` is no address"))
        .hint("give http://ADDRESS:PORT, such as http://127.0.0.1:4318"))
}

/// A lab that runs sends to the collector that it was started with.
///
/// # Errors
/// Another one is wanted.
pub fn refuse_another(running: &Stage, endpoint: Option<&str>) -> Result<(), CliError> {
    let Some(endpoint) = endpoint else { return Ok(()) };
    let mut wanted = running.clone();
    choose(&mut wanted, Some(endpoint))?;
    if wanted.observability.collector() == running.observability.collector() {
        return Ok(());
    }
    let now = running.observability.otlp_endpoint.as_deref();
    let now = now.map_or("without a collector".into(), |now| format!("with the collector {now}"));
    Err(CliError::usage(format!(
        "the lab was started {now}: `--otlp-endpoint {endpoint}` does not change it"
    ))
    .hint(format!("lab down, then lab up {} --otlp-endpoint {endpoint}", running.stage)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_takes_the_place_of_what_the_stage_says() {
        let mut stage = crate::spec::load("stage-1").unwrap().0;
        choose(&mut stage, None).unwrap();
        assert_eq!(stage.observability.collector(), None);
        choose(&mut stage, Some("http://127.0.0.1")).unwrap();
        assert_eq!(stage.observability.collector(), "127.0.0.1:4318".parse().ok());
        let refused = choose(&mut stage, Some("127.0.0.1:4318")).unwrap_err();
        assert_eq!(refused.code, 2);
    }

    #[test]
    fn a_running_lab_keeps_its_collector() {
        let mut stage = crate::spec::load("stage-1").unwrap().0;
        let wanted = "http://127.0.0.1:4318";
        assert!(refuse_another(&stage, None).is_ok());
        let refused = refuse_another(&stage, Some(wanted)).unwrap_err();
        assert!(refused.message.contains("without a collector"), "{}", refused.message);
        choose(&mut stage, Some("http://127.0.0.1")).unwrap();
        assert!(refuse_another(&stage, Some(wanted)).is_ok(), "the same by another name");
        let refused = refuse_another(&stage, Some("http://127.0.0.1:9999")).unwrap_err();
        assert!(refused.message.contains("with the collector http://127.0.0.1"));
    }
}
