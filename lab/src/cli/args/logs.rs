//! Arguments of `lab logs`.

use clap::Args;

use super::Format;

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The nodes; all when absent
    pub nodes: Vec<String>,
    /// How many lines from the end (`all` for everything)
    #[arg(long, default_value = "100", value_parser = lines)]
    pub tail: String,
    /// Go on as lines come (one node only)
    #[arg(short, long)]
    pub follow: bool,
    /// Form of the lines: for people, or one JSON object each
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
    /// The same as `--format json`
    #[arg(long)]
    pub json: bool,
}

/// What Docker understands: a number of lines, or all of them.
pub(super) fn lines(text: &str) -> Result<String, String> {
    if text == "all" || text.parse::<u32>().is_ok() {
        return Ok(text.into());
    }
    Err("a number of lines, or `all`".into())
}
