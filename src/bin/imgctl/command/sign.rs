//! `imgctl sign`: the URL of a derivative by free options, with its signature.

use img_core::model::clock::{Clock, SystemClock};
use img_core::model::image_id::ImageId;
use img_core::model::image_name::ImageName;
use img_core::model::media::OutputFormat;
use img_core::model::options::Options;
use img_core::model::record::DerivativeKey;
use img_core::model::signature::SigningKey;
use img_core::model::variant::Variant;
use serde_json::json;

use crate::args::{Global, SignArgs};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::when;

pub(crate) fn run(global: &Global, args: &SignArgs, output: Output) -> Result<ExitStatus, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::usage(error.to_string());
    let id: ImageId = args.id.parse().map_err(|error| usage(&error))?;
    let options: Options = args.options.parse().map_err(|error| usage(&error))?;
    let format: OutputFormat = args.format.parse().map_err(|error| usage(&error))?;
    let expires = args.expires.as_deref().map(expiry).transpose()?;
    let config = context::load_config(global)?;
    let layout = options.recipe(format).layout;
    if let Err(error) = config.origin.limits.check_box(&layout) {
        let failure = Failure::usage(format!("{options}: {error}"));
        return Err(Failure {
            hint: error.hint(),
            ..failure
        });
    }
    let keys = config.load_signing_keys()?;
    let key = find_key(&keys, args.key.as_deref())?;
    let variant = Variant::Options(options);
    let path = ImageName::Derivative(DerivativeKey {
        id,
        variant,
        format,
    })
    .url_path();
    let url = format!("{}{path}?{}", config.site_url, key.sign(&path, expires));
    output.item(
        || url.clone(),
        || json!({"url": url, "key": key.id.as_str(), "expires": expires}),
    );
    Ok(ExitStatus::Success)
}

fn expiry(text: &str) -> Result<i64, Failure> {
    let span_s = when::parse_span_s(text)
        .ok_or_else(|| Failure::usage(format!("`{text}` is not a span such as 30m, 24h, 7d")))?;
    Ok(SystemClock.now().saturating_add(span_s))
}

fn find_key<'a>(keys: &'a [SigningKey], id: Option<&str>) -> Result<&'a SigningKey, Failure> {
    let found = match id {
        Some(id) => keys.iter().find(|key| key.id.as_str() == id),
        None => keys.first(),
    };
    found.ok_or_else(|| {
        Failure::new("no-signing-key", "there is no such signing key")
            .with_hint("signing.keys in imgctl.toml names the keys and their files")
    })
}
