//! One view per template with tags: plain data, made from the [`Design`], with text-ready fields.
//! A new template needs a line in [`render`].

mod core;
mod csr;
mod custom;
mod decoder;
mod regs;
mod row;
mod unit;

use askama::Template;

use super::{OutputFile, RenderError};
use crate::design::Design;

/// All modules made from templates with tags.
pub(super) fn render(design: &Design) -> Result<Vec<OutputFile>, RenderError> {
    let mut files = Vec::new();
    for engine in design.engines() {
        let view = regs::Regs::new(*engine);
        files.push(file(&view.module, &view)?);
    }
    files.push(file("npu_top", &core::TopView::new(design))?);
    files.push(file("npu_core", &core::CoreView::new(design))?);
    files.push(file("npu_csr", &csr::CsrView::new(design))?);
    files.push(file("npu_decoder", &decoder::DecoderView::new(design))?);
    if let Some(view) = custom::CustomView::new(design) {
        files.push(file("npu_vector_custom", &view)?);
    }
    if let Some(view) = unit::UnitView::new(design) {
        files.push(file("npu_unit", &view)?);
    }
    for unit in design.units().iter().filter(|unit| unit.verilog.is_none()) {
        let (view, parts) = unit::MadeView::new(unit);
        files.push(file(&view.module, &view)?);
        files.extend(parts);
    }
    Ok(files)
}

/// A rendered module. Templates lose their last line end, which is put back.
fn file(module: &str, view: &impl Template) -> Result<OutputFile, RenderError> {
    let path = format!("rtl/{module}.v");
    match view.render() {
        Ok(text) => Ok(OutputFile::new(path, format!("{}\n", text.trim_end()))),
        Err(error) => Err(RenderError { file: path, error }),
    }
}
