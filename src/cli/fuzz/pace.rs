//! Progress of a campaign: a line for every design.

use std::time::Instant;

use super::Totals;
use crate::cli::say;

/// How far the campaign is.
pub struct Pace {
    started: Instant,
    programs: u64,
}

impl Pace {
    /// Starts the clock.
    pub fn new(programs: u64) -> Pace {
        Pace { started: Instant::now(), programs }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Says how far it is, how fast it goes and how much time is left.
    pub fn tell(&self, totals: &Totals) {
        if totals.programs == 0 {
            return;
        }
        let seconds = self.seconds();
        let left =
            seconds / totals.programs as f64 * self.programs.saturating_sub(totals.programs) as f64;
        say(&format!(
            "{}/{} programs, {} designs, {:.2} M cycles, {:.0} programs a minute, {} left",
            totals.programs,
            self.programs,
            totals.designs,
            totals.cycles as f64 / 1e6,
            60.0 * totals.programs as f64 / seconds.max(1e-6),
            time(left),
        ));
    }
}

/// Minutes and seconds.
pub fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    format!("{minutes:.0} min {:.0} s", seconds - 60.0 * minutes)
}
