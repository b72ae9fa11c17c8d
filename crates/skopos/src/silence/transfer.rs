//! `skopos silence export` and `import`: silences as the JSON that amtool's `silence query -o json` writes, too.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::list::find;
use super::{SILENCE, SILENCES, id_of};
use crate::cli::silence::{SilenceExportArgs, SilenceImportArgs};
use crate::query::{api, table};

/// The file name that means standard input.
const STDIN: &str = "-";
/// What the API takes of a silence.
const FIELDS: [&str; 6] = ["matchers", "startsAt", "endsAt", "createdBy", "comment", "annotations"];

/// Writes silences.
pub(super) async fn export(args: &SilenceExportArgs) -> anyhow::Result<()> {
    let found = Value::from(find(&args.server, &args.filter).await?);
    match &args.output {
        None => table::print_json(&found),
        Some(path) => {
            std::fs::write(path, format!("{found:#}\n"))
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Makes silences of a file; goes on after one that is refused, and fails at the end.
pub(super) async fn import(args: &SilenceImportArgs) -> anyhow::Result<()> {
    let silences = read(&args.file)?;
    let mut made = Vec::new();
    let mut failed = Vec::new();
    for (position, silence) in silences.iter().enumerate() {
        match make(args, silence).await {
            Ok(id) => made.push(id),
            Err(error) => failed.push(format!("silence {} of the file: {error:#}", position + 1)),
        }
    }
    if args.server.json {
        table::print_json(&json!({ "silenceIDs": made }));
    } else {
        for id in &made {
            table::print_line(id);
        }
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} silences could not be made\n{}",
            failed.len(),
            silences.len(),
            failed.join("\n")
        );
    }
    Ok(())
}

/// Makes one silence. It keeps its id where the server knows that id, unless a new one is asked for.
async fn make(args: &SilenceImportArgs, silence: &Value) -> anyhow::Result<String> {
    let mut body = body_of(silence);
    if let Some(id) = silence["id"].as_str().filter(|id| !args.force && !id.is_empty()) {
        let known = api::find(&args.server, &api::path(SILENCE, &[id])).await?;
        if known.is_some() {
            body["id"] = json!(id);
        }
    }
    let answer = api::post(&args.server, SILENCES, &body).await?;
    id_of(&answer).map(str::to_owned)
}

fn body_of(silence: &Value) -> Value {
    let fields = FIELDS.iter().filter(|field| !silence[**field].is_null());
    fields
        .map(|field| ((*field).to_owned(), silence[*field].clone()))
        .collect()
}

fn read(file: &Path) -> anyhow::Result<Vec<Value>> {
    let mut text = String::new();
    if file == Path::new(STDIN) {
        std::io::stdin()
            .read_to_string(&mut text)
            .context("failed to read standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    }
    let silences: Value =
        serde_json::from_str(&text).with_context(|| format!("{}: this is no JSON", file.display()))?;
    match silences {
        Value::Array(silences) => Ok(silences),
        _ => bail!(
            "{}: expected a list of silences, as `skopos silence export` writes",
            file.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_adds_is_left_out() {
        let silence = json!({
            "id": "one", "status": {"state": "active"}, "updatedAt": "x", "comment": "why", "matchers": [],
        });
        assert_eq!(body_of(&silence), json!({"comment": "why", "matchers": []}));
    }
}
