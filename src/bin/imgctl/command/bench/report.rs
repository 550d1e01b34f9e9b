//! What was measured, as a table for people and lines for programs.

use std::time::Duration;

use serde_json::json;

use crate::output::Output;

use super::cost::Fault;
use super::machine;
use super::task::Task;
use super::tool::Tool;

pub(super) fn machine(output: Output, tools: &[Tool]) {
    let (processor, cores, system) = (machine::processor(), machine::cores(), machine::system());
    let versions = || {
        let lines = tools
            .iter()
            .map(|tool| format!("{:<14} {}", tool.name, tool.version));
        lines.collect::<Vec<_>>().join("\n")
    };
    output.item(
        || {
            format!(
                "{processor}, {cores} cores, {system}\n{}\n\nCPU time of one image on one core, the start of the program included.",
                versions()
            )
        },
        || {
            let tools = tools.iter().map(|tool| json!({"tool": tool.name, "version": tool.version}));
            json!({"machine": {
                "processor": processor, "cores": cores, "system": system,
                "tools": tools.collect::<Vec<_>>(),
            }})
        },
    );
}

/// Of one task.
#[derive(Debug)]
pub(super) struct Report<'a> {
    task: &'a Task,
    measured: Vec<Measured<'a>>,
}

#[derive(Debug)]
struct Measured<'a> {
    tool: &'a Tool,
    /// CPU time of all images, by round.
    rounds: Vec<Duration>,
    fault: Option<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(task: &'a Task, tools: &'a [Tool]) -> Self {
        let measured = tools.iter().map(|tool| Measured {
            tool,
            rounds: Vec::new(),
            fault: None,
        });
        Self {
            task,
            measured: measured.collect(),
        }
    }

    pub(super) fn add(&mut self, at: usize, result: Result<Duration, Fault>) {
        match result {
            Ok(cpu) => self.measured[at].rounds.push(cpu),
            Err(Fault::Failed(why)) => self.measured[at].fault = Some(why),
            Err(Fault::Stopped) => {}
        }
    }

    pub(super) fn tell(&self, output: Output) {
        if !output.is_json() {
            Output::line(&format!("\n{}", self.task.title));
        }
        for measured in &self.measured {
            self.tell_one(measured, output);
        }
    }

    fn tell_one(&self, measured: &Measured<'_>, output: Output) {
        let name = measured.tool.name;
        let images = self.task.images.paths.len().max(1) as f64;
        let ms = |cpu: &Duration| cpu.as_secs_f64() * 1000.0 / images;
        let by_round: Vec<f64> = measured.rounds.iter().map(ms).collect();
        let ratios = self.ratios(measured);
        let text = || match (&measured.fault, median(&by_round), median(&ratios)) {
            (Some(why), ..) => format!("  {name:<14} could not: {why}"),
            (None, Some(ms), Some(ratio)) => {
                let (low, high) = range(&ratios);
                format!("  {name:<14} {ms:>9.1} ms  {ratio:>6.2}× ({low:.2}–{high:.2})")
            }
            (None, Some(ms), None) => format!("  {name:<14} {ms:>9.1} ms"),
            (None, None, _) => format!("  {name:<14}"),
        };
        output.item(text, || {
            json!({
                "task": self.task.name,
                "tool": name,
                "images": self.task.images.paths.len(),
                "megapixels": self.task.images.megapixels(),
                "cpu_ms_per_image": median(&by_round),
                "ratio": median(&ratios),
                "rounds_ms": by_round,
                "error": measured.fault,
            })
        });
    }

    /// To imgctl, round by round.
    fn ratios(&self, measured: &Measured<'_>) -> Vec<f64> {
        let ours = self.measured.first().map_or(&[][..], |ours| &ours.rounds);
        let both = measured.rounds.iter().zip(ours);
        both.map(|(theirs, ours)| theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9))
            .collect()
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut ordered = values.to_vec();
    ordered.sort_by(f64::total_cmp);
    let middle = ordered.len() / 2;
    match ordered.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(ordered[middle]),
        _ => Some(f64::midpoint(ordered[middle - 1], ordered[middle])),
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }
}
