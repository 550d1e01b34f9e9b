//! What is made: each task is the same for every tool.

use img_core::model::media::OutputFormat;

use super::material::{Images, Material};

#[derive(Debug)]
pub(super) struct Task {
    /// Stable, for scripts.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) images: Images,
    pub(super) widths_px: Vec<u32>,
    pub(super) format: OutputFormat,
    pub(super) quality: u8,
}

/// Those for which there are images, and an encoder in this build.
pub(super) fn all(material: &Material, sizes: &[u32]) -> Vec<Task> {
    let task = |from: &str, images: &Images, widths: &[u32], (format, quality): (&str, u8)| {
        let encoder: OutputFormat = format.parse().ok()?;
        if images.paths.is_empty() {
            return None;
        }
        let (name, size) = match widths {
            [width] => (width.to_string(), format!("{width} px")),
            _ => ("sizes".to_owned(), format!("{} sizes", widths.len())),
        };
        Some(Task {
            name: format!("{from}-{name}-{format}"),
            title: format!(
                "{} {from} of {:.1} MP → {size}, {format} q{quality}",
                images.paths.len(),
                images.megapixels()
            ),
            images: images.clone(),
            widths_px: widths.to_vec(),
            format: encoder,
            quality,
        })
    };
    let (jpg, webp, avif) = (("jpg", 80), ("webp", 79), ("avif", 60));
    let tasks = [
        task("jpg", &material.jpeg, &[320], jpg),
        task("jpg", &material.jpeg, &[1024], jpg),
        task("jpg", &material.jpeg, sizes, jpg),
        task("jpg", &material.jpeg, &[320], webp),
        task("jpg", &material.jpeg, &[320], avif),
        task("png", &material.png, &[320], jpg),
    ];
    let mut tasks: Vec<Task> = tasks.into_iter().flatten().collect();
    tasks.dedup_by(|task, before| task.name == before.name);
    tasks
}

/// The order of `tools` tools in a round: another one begins each time, and every second round goes backwards.
pub(super) fn turns(tools: usize, round: u32) -> Vec<usize> {
    let first = round as usize / 2;
    let mut turns: Vec<usize> = (0..tools).map(|at| (at + first) % tools).collect();
    if round % 2 == 1 {
        turns.reverse();
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_one_turn_in_a_round_and_their_order_changes() {
        assert_eq!(turns(3, 0), [0, 1, 2]);
        assert_eq!(turns(3, 1), [2, 1, 0]);
        assert_eq!(turns(3, 2), [1, 2, 0]);
        assert_eq!(turns(1, 7), [0]);
    }
}
