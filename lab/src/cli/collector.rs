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
}
