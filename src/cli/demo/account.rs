//! The account of the story: what was seen, how long it took, and whether it was right.

use std::time::{Duration, Instant};

/// The steps of the story.
#[derive(Default)]
pub(super) struct Account {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    count: usize,
    took: Duration,
    failures: Vec<String>,
}

impl Account {
    /// Notes a step that began at `start` and what was wrong with it.
    pub(super) fn note(
        &mut self,
        name: &'static str,
        count: usize,
        start: Instant,
        failures: Vec<String>,
    ) {
        for failure in &failures {
            println!("   ✗ {failure}");
        }
        self.steps.push(Step {
            name,
            count,
            took: start.elapsed(),
            failures,
        });
    }

    pub(super) fn is_clean(&self) -> bool {
        self.steps.iter().all(|step| step.failures.is_empty())
    }

    /// The closing table.
    pub(super) fn print(&self) {
        println!(
            "\n  {:<44} {:>6} {:>9}  seen on the platform",
            "step", "count", "time"
        );
        println!("  {}", "─".repeat(84));
        for step in &self.steps {
            let verdict = if step.failures.is_empty() {
                "✓ yes"
            } else {
                "✗ no"
            };
            println!(
                "  {:<44} {:>6} {:>7.2} s  {verdict}",
                step.name,
                step.count,
                step.took.as_secs_f64()
            );
        }
    }
}
