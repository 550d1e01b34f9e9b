//! `imgctl status`: how much of everything there is, and whether it runs.

use crate::args::Global;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::site::{HereStatus, SiteStatus};

pub(crate) async fn run(global: &Global, output: Output) -> Result<ExitStatus, Failure> {
    output.record(&SiteStatus::load(global).await?, text);
    Ok(ExitStatus::Success)
}

fn text(site: &SiteStatus) -> String {
    let status = &site.status;
    let mut lines = Vec::new();
    if let Some(server) = &site.server {
        lines.push(format!("server       {server}"));
        lines.push(format!("version      {}", status.version));
    }
    if let Some(here) = &site.here {
        lines.push(format!("data         {}", here.data.display()));
        lines.push(format!("catalog      {}", here.catalog));
    }
    let (images, derivatives) = (status.image_bytes, status.derivative_bytes);
    lines.extend([
        format!("images       {} ({})", status.images, human_bytes(images)),
        format!("aliases      {}", status.aliases),
        format!(
            "derivatives  {} ({})",
            status.derivatives,
            human_bytes(derivatives)
        ),
        format!("failures     {} remembered", status.failures),
    ]);
    lines.extend(site.here.iter().flat_map(machine));
    lines.join("\n")
}

fn machine(here: &HereStatus) -> [String; 3] {
    let imgd = if here.imgd_runs {
        "runs"
    } else {
        "does not run"
    };
    let nginx = match &here.nginx_release {
        Some(release) => format!("runs release {release}"),
        None => "does not run".to_owned(),
    };
    [
        format!(
            "free         {} of {}, {} of {} inodes",
            human_bytes(here.free_bytes),
            human_bytes(here.total_bytes),
            here.free_inodes,
            here.total_inodes
        ),
        format!("imgd         {imgd}"),
        format!("nginx        {nginx}"),
    ]
}
