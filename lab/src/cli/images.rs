//! `lab images`.

use serde_json::json;

use super::args::{ImagesAction, ImagesArgs};
use super::{CliError, Format, Global};
use crate::images::{self, ImageName};
use crate::report::Ui;
use crate::report::listing::Column::Value;
use crate::report::listing::plain;
use crate::run;

/// Builds, lists or removes the lab's images.
pub async fn run(global: &Global, args: &ImagesArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    match &args.action {
        ImagesAction::Build => {
            let built = run::built(&engine, &ImageName::ALL, ui).await?;
            for (name, reference) in built {
                ui.result(&format!("{name}  {reference}"));
            }
        }
        ImagesAction::List(format) => {
            let found = images::list(engine.docker()).await?;
            if format.format == Format::Json {
                ui.json(&json!({ "images": found }));
            } else {
                let rows = found.iter().map(|i| {
                    let size = format!("{} MB", i.bytes / 1_000_000);
                    vec![i.name.clone(), i.reference.clone(), size]
                });
                let columns = [Value("IMAGE"), Value("REFERENCE"), Value("SIZE")];
                ui.result(&plain(&columns, rows, ui.width()));
            }
        }
        ImagesAction::Clean => {
            let removed = images::clean(engine.docker()).await?;
            ui.result(&format!("{removed} images removed"));
        }
    }
    Ok(0)
}
