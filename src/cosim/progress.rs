//! A progress bar: launches retired, simulation speed, time left.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Instant;

/// What the terminal shows during a long run.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
}

const STYLE: &str = "{elapsed_precise} [{bar:30}] {pos}/{len} launches, {msg}, {eta} left";

impl Progress {
    /// Starts; shows nothing unless asked to.
    pub fn new(shown: bool, launches: u64) -> Self {
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(Some(launches), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(STYLE) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        Self { bar, started: Instant::now() }
    }

    /// Shows how far the run is.
    pub fn update(&self, retired: u64, cycles: u64) {
        if let Some(bar) = &self.bar {
            let speed = cycles as f64 / self.started.elapsed().as_secs_f64().max(1e-6);
            bar.set_position(retired);
            bar.set_message(format!(
                "{:.2} M cycles, {:.0} k cycles/s",
                cycles as f64 / 1e6,
                speed / 1e3
            ));
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
