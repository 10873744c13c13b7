//! The report as tables.

use super::class::Class;
use super::report::{LayerReport, Report};
use super::trace::Activity;
use crate::isa::Engine;

/// How many losses are named.
const LOSSES: usize = 3;

/// Aligns columns: the first `left` to the left, the others to the right.
fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell =
                if column < left { format!("{cell:width$}") } else { format!("{cell:>width$}") };
            line += &cell;
            line += "  ";
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A share in percent.
pub fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

fn utilisation(row: &LayerReport, cells: u64) -> String {
    row.utilisation(cells).map_or(String::new(), |share| format!("{:.1} %", 100.0 * share))
}

/// Height, width and channels.
pub fn extents(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}

/// Classes of which there is a cycle.
fn present(report: &Report) -> Vec<Class> {
    let total = report.total();
    Class::ALL.into_iter().filter(|class| total.classes[class.index()] > 0).collect()
}

/// A line per layer, totals, and the largest losses.
pub fn layers(report: &Report) -> String {
    let classes = present(report);
    let head = ["layer", "kernel", "result", "in", "cycles", "ideal", "used"];
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
    rows[0].extend(classes.iter().map(|class| class.name().to_owned()));
    let count = |cycles: u64| if cycles == 0 { String::new() } else { cycles.to_string() };
    let parts = |row: &LayerReport| classes.iter().map(|c| count(row.classes[c.index()])).collect();
    for layer in report.layers.iter().chain(Some(&report.rest).filter(|rest| rest.cycles() > 0)) {
        let info = layer.info.as_ref();
        let mut row = vec![
            layer.name.clone(),
            info.map_or(String::new(), |info| info.kernel.clone()),
            info.map_or(String::new(), |info| extents(&info.shape)),
            info.map_or(String::new(), |info| info.place.name().to_owned()),
            layer.cycles().to_string(),
            layer.ideal(report.cells).map_or(String::new(), |cycles| cycles.to_string()),
            utilisation(layer, report.cells),
        ];
        row.extend::<Vec<String>>(parts(layer));
        rows.push(row);
    }
    let total = report.total();
    let ideal = report.macs().map(|macs| macs.div_ceil(report.cells));
    let used = report.macs().map(|macs| macs as f64 / (report.cycles * report.cells).max(1) as f64);
    let mut row = vec!["total".to_owned(), String::new(), String::new(), String::new()];
    row.push(total.cycles().to_string());
    row.push(ideal.map_or(String::new(), |cycles| cycles.to_string()));
    row.push(used.map_or(String::new(), |share| format!("{:.1} %", 100.0 * share)));
    row.extend::<Vec<String>>(parts(&total));
    rows.push(row);
    let mut shares = vec![String::new(); head.len()];
    shares.extend(classes.iter().map(|c| percent(total.classes[c.index()], report.cycles)));
    rows.push(shares);
    let mut text = aligned(&rows, 4);
    for layer in &report.layers {
        if let Some(info) = layer.info.as_ref().filter(|info| !info.remark.is_empty()) {
            text += &format!("\n`{}` is a layer of its own: {}", layer.name, info.remark);
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if report.macs().is_none() {
        text += "\nThe program does not say what its layers compute, so `useful` is every cycle \
                 of a working array.\n";
    }
    text + &losses(report)
}

/// The largest losses, each with what would help.
fn losses(report: &Report) -> String {
    let mut text = String::new();
    for (class, cycles, worst) in report.losses().into_iter().take(LOSSES) {
        text += &format!(
            "\n{}: {cycles} cycles, {}, most in `{}` ({}). {}.",
            class.name(),
            percent(cycles, report.cycles),
            worst.name,
            worst.classes[class.index()],
            capital(class.remedy().unwrap_or_default()),
        );
    }
    if text.is_empty() { text } else { format!("\nLargest losses:{text}\n") }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// Whom an engine waited for, with cycles.
pub fn waits(activity: &Activity) -> String {
    let waits = Engine::QUEUED.into_iter().zip(activity.wait).filter(|(_, cycles)| *cycles > 0);
    waits.map(|(engine, n)| format!("{} {n}", engine.name())).collect::<Vec<_>>().join(", ")
}

/// Per layer and engine: what the engine did.
pub fn engines(report: &Report) -> String {
    let head = ["layer", "engine", "launches", "busy", "waiting", "stalled", "idle", "waited for"];
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
    let total = report.total();
    for layer in report.rows().chain(std::iter::once(&total)) {
        let engines = Engine::QUEUED.into_iter().zip(&layer.engines).zip(layer.launches);
        for ((engine, activity), launches) in engines {
            if activity.total() == 0 {
                continue;
            }
            rows.push(vec![
                layer.name.clone(),
                engine.name().to_owned(),
                launches.to_string(),
                activity.busy.to_string(),
                activity.waits().to_string(),
                activity.stall.to_string(),
                activity.none.to_string(),
                waits(activity),
            ]);
        }
    }
    aligned(&rows, 2)
}
