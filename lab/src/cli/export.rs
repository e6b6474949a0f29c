//! `lab export compose`.

use super::args::{ExportArgs, ExportTool};
use super::{CliError, Global};
use crate::engine::{Engine, LabIdentity};
use crate::kinds::{self, Context, PublishMode};
use crate::report::{self, Ui};
use crate::run;
use crate::spec;

/// Writes the stage as a Compose file to stdout. Builds missing images, because the file names
/// them.
pub async fn run(global: &Global, args: &ExportArgs, ui: &Ui) -> Result<u8, CliError> {
    let ExportTool::Compose = args.tool;
    let (stage, _) = spec::load(&args.stage)?;
    let engine = Engine::connect(&global.lab).await?;
    let images = run::images_of(&engine, &stage, ui).await?;
    let identity = LabIdentity {
        stage: stage.stage.clone(),
        definition: spec::definition_hash(&stage),
        stage_json: String::new(),
    };
    let network = engine.propose_network(&identity).await?;
    let context = Context {
        lab: &global.lab,
        stage: &stage,
        subnet: network.subnet,
        secret: &network.secret,
        images: &images,
        publish: PublishMode::AsDeclared,
    };
    let nodes = kinds::nodes(&context);
    ui.result(&report::compose(&stage, &nodes, network.subnet));
    Ok(0)
}
