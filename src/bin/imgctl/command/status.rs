//! `imgctl status`: how much of everything there is, and whether it runs.

use img_core::catalog::Totals;
use img_core::nginx::running;
use serde_json::json;

use crate::args::Global;
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};

pub(crate) async fn run(global: &Global, output: Output) -> Result<ExitStatus, Failure> {
    let config = context::load_config(global)?;
    let tree = context::open_tree(&config)?;
    let catalog = context::open_catalog(&config).await?;
    let totals = catalog.totals().await?;
    catalog.close().await;
    let space = tree.space()?;
    let settings = config.nginx_settings(tree.layout());
    let release = running::find_release(&settings.status_socket());
    let imgd = std::os::unix::net::UnixStream::connect(&config.imgd_socket).is_ok();
    let Totals {
        images,
        image_bytes,
        aliases,
        derivatives,
        derivative_bytes,
        failures,
    } = totals;
    output.item(
        || {
            let runs = |up: bool| if up { "runs" } else { "does not run" };
            let nginx = match &release {
                Some(release) => format!("runs release {release}"),
                None => "does not run".to_owned(),
            };
            format!(
                "data         {}\ncatalog      {}\nimages       {images} ({})\naliases      {aliases}\nderivatives  {derivatives} ({})\nfailures     {failures} remembered\nfree         {} of {}, {} of {} inodes\nimgd         {}\nnginx        {nginx}",
                config.data.display(),
                config.catalog_url,
                human_bytes(image_bytes),
                human_bytes(derivative_bytes),
                human_bytes(space.free_bytes),
                human_bytes(space.total_bytes),
                space.free_inodes,
                space.total_inodes,
                runs(imgd),
            )
        },
        || {
            json!({
                "data": config.data,
                "catalog": config.catalog_url.to_string(),
                "images": images, "image_bytes": image_bytes,
                "aliases": aliases,
                "derivatives": derivatives, "derivative_bytes": derivative_bytes,
                "failures": failures,
                "free_bytes": space.free_bytes, "total_bytes": space.total_bytes,
                "free_inodes": space.free_inodes, "total_inodes": space.total_inodes,
                "imgd_runs": imgd,
                "nginx_release": release,
            })
        },
    );
    Ok(ExitStatus::Success)
}
