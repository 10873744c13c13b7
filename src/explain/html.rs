//! The report as one page that needs nothing else: tables and bars for every reader, and with a
//! script a timeline of all launches.

use super::class::Class;
use super::report::{LayerReport, Report};
use super::text::{extents, percent, waits};
use crate::isa::Engine;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Length of the longest bar.
const BAR: f64 = 420.0;

/// Colour of each class, by [`Class::index`].
const COLOURS: [&str; Class::ALL.len()] = [
    "#2e8b57", "#a9d18e", "#c9c9c9", "#f4a742", "#c77cff", "#8e44ad", "#7f8c9d", "#d64541",
    "#3d7edb", "#8c564b", "#e377c2", "#bdb76b", "#9edae5",
];

/// A text that means itself.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in a page, however they are written.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A value of the script.
fn script_text(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// The page.
pub fn page(report: &Report, title: &str) -> String {
    let title = escaped(title);
    let parts = [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n".to_owned(),
        format!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"),
        format!("<h1>{title}</h1>\n"),
        summary(report),
        legend(),
        layers(report),
        timeline(),
        engines(report),
        format!("<script>\nvar RUN = {};\n{SCRIPT}</script>\n", data(report)),
        "</body>\n</html>\n".to_owned(),
    ];
    parts.concat()
}

fn summary(report: &Report) -> String {
    let seconds = report.cycles as f64 / (f64::from(report.clock_mhz) * 1e6);
    let used = report.macs().map_or(String::new(), |macs| {
        let cells = report.cells.saturating_mul(report.cycles).max(1);
        let share = 100.0 * macs as f64 / cells as f64;
        format!(", {macs} multiply-accumulates, {share:.1} % of the array")
    });
    let mut text = format!(
        "<p>{} cycles on <code>{}</code> ({:.3} ms at {} MHz){used}.</p>\n",
        report.cycles,
        escaped(&report.design),
        seconds * 1e3,
        report.clock_mhz,
    );
    text += "<h2>Largest losses</h2>\n<ol>\n";
    for (class, cycles, worst) in report.losses().into_iter().take(3) {
        text += &format!(
            "<li><b>{}</b>: {cycles} cycles ({}), most in <code>{}</code>. To change it: {}.</li>\n",
            class.name(),
            percent(cycles, report.cycles),
            escaped(&worst.name),
            escaped(class.remedy().unwrap_or_default()),
        );
    }
    text + "</ol>\n"
}

fn legend() -> String {
    let mut text = "<h2>Layers</h2>\n<p class=\"legend\">".to_owned();
    for (class, colour) in Class::ALL.into_iter().zip(COLOURS) {
        text += &format!(
            "<span title=\"{}\"><i style=\"background:{colour}\"></i>{}</span> ",
            escaped(class.meaning()),
            class.name()
        );
    }
    text + "</p>\n"
}

/// A layer's cycles, side by side.
fn bar(row: &LayerReport, longest: u64) -> String {
    let scale = BAR / longest.max(1) as f64;
    let mut text = format!("<svg width=\"{BAR:.0}\" height=\"14\" role=\"img\">");
    let mut at = 0;
    for (class, colour) in Class::ALL.into_iter().zip(COLOURS) {
        let cycles = row.classes[class.index()];
        if cycles == 0 {
            continue;
        }
        text += &format!(
            "<rect x=\"{:.2}\" width=\"{:.2}\" height=\"14\" fill=\"{colour}\"><title>{} {cycles} \
             ({})</title></rect>",
            at as f64 * scale,
            cycles as f64 * scale,
            class.name(),
            percent(cycles, row.cycles()),
        );
        at += cycles;
    }
    text + "</svg>"
}

fn layers(report: &Report) -> String {
    let total = report.total();
    let classes: Vec<Class> =
        Class::ALL.into_iter().filter(|c| total.classes[c.index()] > 0).collect();
    let mut text = "<div class=\"scroll\">\n<table>\n<tr><th class=\"text\">layer</th>\
        <th class=\"text\">kernel</th><th class=\"text\">result</th><th class=\"text\">in</th>\
        <th>cycles</th><th>ideal</th><th>used</th><th class=\"text\">where they go</th>"
        .to_owned();
    for class in &classes {
        text += &format!("<th title=\"{}\">{}</th>", escaped(class.meaning()), class.name());
    }
    text += "</tr>\n";
    let longest = report.rows().map(LayerReport::cycles).max().unwrap_or(0);
    let rest = Some(&report.rest).filter(|rest| rest.cycles() > 0);
    for row in report.layers.iter().chain(rest) {
        let span = row
            .span
            .map_or(String::new(), |(from, to)| format!(" data-from=\"{from}\" data-to=\"{to}\""));
        text += &format!("<tr{span}>{}</tr>\n", cells(row, report, &classes, longest));
    }
    text += &format!(
        "<tr class=\"total\">{}</tr>\n",
        cells(&total, report, &classes, longest.max(total.cycles()))
    );
    text += "</table>\n</div>\n";
    for layer in &report.layers {
        if let Some(info) = layer.info.as_ref().filter(|info| !info.remark.is_empty()) {
            text += &format!(
                "<p><code>{}</code> is a layer of its own: {}.</p>\n",
                escaped(&layer.name),
                escaped(&info.remark)
            );
        }
    }
    text
}

fn cells(row: &LayerReport, report: &Report, classes: &[Class], longest: u64) -> String {
    let info = row.info.as_ref();
    let nodes = info.map_or(String::new(), |info| escaped(&info.nodes.join(", ")));
    let number = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    let used = row.utilisation(report.cells);
    let mut text = format!(
        "<td class=\"text\" title=\"{nodes}\">{}</td><td class=\"text\">{}</td>\
         <td class=\"text\">{}</td><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td class=\"text\">{}</td>",
        escaped(&row.name),
        escaped(info.map_or("", |info| &info.kernel)),
        info.map_or(String::new(), |info| extents(&info.shape)),
        info.map_or("", |info| info.place.name()),
        row.cycles(),
        number(row.ideal(report.cells)),
        used.map_or(String::new(), |share| format!("{:.1} %", 100.0 * share)),
        bar(row, longest),
    );
    for class in classes {
        let cycles = row.classes[class.index()];
        text += &format!("<td>{}</td>", number(Some(cycles).filter(|&cycles| cycles > 0)));
    }
    text
}

fn timeline() -> String {
    let mut text = "<h2>Timeline</h2>\n<noscript><p>The timeline needs scripts; everything else \
        is here without.</p></noscript>\n<div id=\"timeline\">\n<p>"
        .to_owned();
    for (value, label) in [
        ("all", "all"),
        ("in", "zoom in"),
        ("out", "zoom out"),
        ("left", "left"),
        ("right", "right"),
    ] {
        text += &format!("<button type=\"button\" value=\"{value}\">{label}</button>");
    }
    text + "The wheel zooms, dragging moves, a click on a layer above shows its span. A box is a \
        launch from the moment it is the oldest of its engine; the line below it begins when it was \
        taken from the queue.</p>\n<canvas></canvas>\n<div id=\"tip\"></div>\n</div>\n"
}

fn engines(report: &Report) -> String {
    let mut text = "<h2>Engines</h2>\n<details>\n<summary>What each engine did while a launch of a \
        layer was its oldest</summary>\n<table>\n<tr><th class=\"text\">layer</th>\
        <th class=\"text\">engine</th><th>launches</th><th>busy</th><th>waiting</th><th>stalled</th>\
        <th>no instruction</th><th class=\"text\">waited for</th></tr>\n"
        .to_owned();
    let total = report.total();
    for row in report.rows().chain(std::iter::once(&total)) {
        for ((engine, activity), launches) in
            Engine::QUEUED.into_iter().zip(&row.engines).zip(row.launches)
        {
            if activity.total() == 0 {
                continue;
            }
            text += &format!(
                "<tr><td class=\"text\">{}</td><td class=\"text\">{}</td><td>{launches}</td>\
                 <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
                escaped(&row.name),
                engine.name(),
                activity.busy,
                activity.waits(),
                activity.stall,
                activity.none,
                waits(activity),
            );
        }
    }
    text + "</table>\n</details>\n"
}

/// What the script draws: see its beginning.
fn data(report: &Report) -> String {
    let names: Vec<&str> = report.layers.iter().map(|layer| layer.name.as_str()).collect();
    let engines: Vec<&str> =
        Engine::QUEUED.into_iter().take(report.engines).map(Engine::name).collect();
    let mut numbers = Vec::new();
    let mut waited = serde_json::Map::new();
    let done = report
        .launches
        .iter()
        .filter_map(|(launch, spent)| Some((launch, spent, spent.start?, spent.retire?)));
    for (number, (launch, spent, start, retire)) in done.enumerate() {
        let five = [launch.engine, launch.layer, launch.pc].map(|value| value as u64);
        numbers.extend(five);
        numbers.extend([start, retire.saturating_sub(start)]);
        let waits = Engine::QUEUED.into_iter().zip(spent.waited).filter(|(_, cycles)| *cycles > 0);
        let waits: Vec<String> =
            waits.map(|(engine, cycles)| format!("{} {cycles}", engine.name())).collect();
        if !waits.is_empty() {
            waited.insert(number.to_string(), waits.join(", ").into());
        }
    }
    script_text(&serde_json::json!({
        "layers": names,
        "engines": engines,
        "cycles": report.cycles,
        "launches": numbers,
        "waits": waited,
    }))
}
