//! `lab export compose`.

use super::args::{ExportArgs, ExportTool};
use super::{CliError, Global};
use crate::engine::LabIdentity;
use crate::kinds::{self, Context, PublishMode};
use crate::plan::subnet::of_files;
use crate::report::{self, Ui};
use crate::run;
use crate::spec;

/// Writes the stage as a Compose file to stdout. Builds missing images, because the file names
/// them.
pub async fn run(global: &Global, args: &ExportArgs, ui: &Ui) -> Result<u8, CliError> {
    let ExportTool::Compose = args.tool;
    let (stage, _) = spec::load(&args.stage)?;
    let engine = global.engine().await?;
    let images = run::images_of(&engine, &stage, ui).await?;
    let identity = LabIdentity {
        stage: stage.stage.clone(),
        definition: spec::definition_hash(&stage),
        stage_json: String::new(),
    };
    let candidates = args.subnet.map_or_else(|| of_files(&stage.stage), |subnet| vec![subnet]);
    let network = engine.propose_network(&identity, &candidates).await?;
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
