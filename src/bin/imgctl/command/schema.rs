//! `imgctl schema`: the tables of the catalog.

use img_core::catalog::{self, SCHEMA_VERSION, SchemaState};
use serde_json::json;

use crate::args::{Global, SchemaCommand};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;

pub(crate) async fn run(
    global: &Global,
    command: &SchemaCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let config = context::load_config(global)?;
    let url = &config.catalog_url;
    match command {
        SchemaCommand::Status => {
            let state = catalog::schema_state(url).await?;
            output.item(
                || format!("{url} {state}; this build needs schema {SCHEMA_VERSION}"),
                || json!({"catalog": url.to_string(), "schema": version(state), "needed": SCHEMA_VERSION}),
            );
        }
        SchemaCommand::Apply => {
            let report = catalog::apply_schema(url).await?;
            output.item(
                || match report.from {
                    SchemaState::Current => format!("{url} has schema {} already", report.to),
                    from => format!("{url} {from} no more: it has schema {} now", report.to),
                },
                || json!({"catalog": url.to_string(), "from": version(report.from), "to": report.to}),
            );
        }
    }
    Ok(ExitStatus::Success)
}

fn version(state: SchemaState) -> u32 {
    match state {
        SchemaState::Empty => 0,
        SchemaState::Current => SCHEMA_VERSION,
        SchemaState::Older { found } | SchemaState::Newer { found } => found,
    }
}
