//! Where the cycles of a run go: every cycle in exactly one class and one layer.
//!
//! [`plan::Plan`] is what a program says of its launches, [`trace::Recorder`] attributes cycles
//! while the simulated machine runs, [`report::Report`] adds them up by layer and compares the sums
//! with the machine's own counters. [`text`], [`json`] and [`html`] write it down.
//!
//! Invariant: classes over all layers add up to the cycles of the run, or there is no report.

pub mod class;
pub mod html;
pub mod json;
pub mod plan;
pub mod report;
pub mod text;
pub mod trace;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use crate::cosim::Rtl;
use crate::design::Design;
use crate::exec::{ExecError, Executor, RunReport};
use crate::program::Program;

pub use class::Class;
pub use plan::Plan;
pub use report::{Disagreement, Report};
pub use trace::{Recorder, Trace};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The run was not possible.
    #[error(transparent)]
    Run(#[from] ExecError),
    /// The machine stopped.
    #[error("the machine stopped: {0}")]
    Fault(crate::exec::Fault),
    /// The attribution is not what the machine counted.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

/// Runs the program that is loaded on a machine built for observation.
pub fn observe(rtl: &mut Rtl, program: &Program) -> Result<(Plan, Trace, RunReport), ExecError> {
    let recorder = Arc::new(Mutex::new(Recorder::new(Plan::of(program))));
    let watching = Arc::clone(&recorder);
    rtl.session_mut().watch(Box::new(move |sample| {
        watching.lock().unwrap_or_else(PoisonError::into_inner).cycle(sample);
    }))?;
    let run = rtl.run();
    rtl.session_mut().unwatch();
    let recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (plan, trace) = recorder.finish();
    Ok((plan, trace, run?))
}

/// Runs the program that is loaded on a machine built for observation, and explains the run.
pub fn explain(rtl: &mut Rtl, program: &Program, design: &Design) -> Result<Report, ExplainError> {
    let (plan, trace, run) = observe(rtl, program)?;
    if let Some(fault) = run.fault {
        return Err(ExplainError::Fault(fault));
    }
    let report = Report::new(program, design, plan, trace);
    report.check(&run.counters)?;
    Ok(report)
}
