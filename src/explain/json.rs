//! The report as JSON.

use serde_json::{Map, Value, json};

use super::class::{Class, Cycles};
use super::report::{LayerReport, Report};
use super::trace::Activity;
use crate::isa::Engine;

fn classes(cycles: &Cycles) -> Value {
    let pairs = Class::ALL.into_iter().map(|c| (c.name().to_owned(), json!(cycles[c.index()])));
    Value::Object(pairs.collect())
}

fn activity(activity: &Activity, launches: u64) -> Value {
    let waits = Engine::QUEUED.into_iter().zip(activity.wait);
    let waits: Map<String, Value> =
        waits.map(|(engine, cycles)| (engine.name().to_owned(), json!(cycles))).collect();
    json!({
        "launches": launches,
        "busy": activity.busy,
        "wait_semaphore": activity.waits(),
        "waits_for": waits,
        "stall_memory": activity.stall,
        "no_instruction": activity.none,
    })
}

fn layer(row: &LayerReport, report: &Report) -> Value {
    let engines = Engine::QUEUED.into_iter().zip(&row.engines).zip(row.launches);
    let engines: Map<String, Value> = engines
        .take(report.engines)
        .map(|((engine, spent), launches)| (engine.name().to_owned(), activity(spent, launches)))
        .collect();
    let info = row.info.as_ref();
    json!({
        "layer": row.name,
        "nodes": info.map(|info| &info.nodes),
        "kernel": info.map(|info| &info.kernel),
        "engine": info.map(|info| &info.engine),
        "tensor": info.map(|info| &info.tensor),
        "result": info.map(|info| &info.shape),
        "in": info.map(|info| info.place.name()),
        "remark": info.map(|info| &info.remark).filter(|remark| !remark.is_empty()),
        "macs": row.macs(),
        "ideal_cycles": row.ideal(report.cells),
        "cycles": row.cycles(),
        "utilisation": row.utilisation(report.cells),
        "first_cycle": row.span.map(|span| span.0),
        "last_cycle": row.span.map(|span| span.1),
        "classes": classes(&row.classes),
        "engines": engines,
        "ibuf_conflicts": row.refused[0],
        "vmem_conflicts": row.refused[1],
    })
}

/// Everything but the launches.
pub fn json(report: &Report) -> Value {
    let total = report.total();
    let losses: Vec<Value> = report
        .losses()
        .into_iter()
        .map(|(class, cycles, worst)| {
            json!({
                "class": class.name(),
                "cycles": cycles,
                "most_in": worst.name,
                "remedy": class.remedy(),
            })
        })
        .collect();
    let layers: Vec<Value> = report.layers.iter().map(|row| layer(row, report)).collect();
    json!({
        "design": report.design,
        "cells": report.cells,
        "cycles": report.cycles,
        "macs": report.macs(),
        "classes": classes(&total.classes),
        "losses": losses,
        "layers": layers,
        "rest": layer(&report.rest, report),
    })
}
