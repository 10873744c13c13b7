//! One view per template with tags: plain data, made from the [`Design`], with text-ready fields.
//! A new template needs a line in [`render`].

mod core;
mod csr;
mod custom;
mod decoder;
mod regs;
mod row;

use askama::Template;

use super::{OutputFile, RenderError};
use crate::design::Design;
use crate::isa::Engine;

/// All modules made from templates with tags.
pub(super) fn render(design: &Design) -> Result<Vec<OutputFile>, RenderError> {
    let mut files = Vec::new();
    for engine in Engine::QUEUED {
        let view = regs::Regs::new(engine);
        files.push(file(&view.module, &view)?);
    }
    files.push(file("npu_top", &core::TopView::new(design))?);
    files.push(file("npu_core", &core::CoreView::new(design))?);
    files.push(file("npu_csr", &csr::CsrView::new())?);
    files.push(file("npu_decoder", &decoder::DecoderView::new(design))?);
    if let Some(view) = custom::CustomView::new(design) {
        files.push(file("npu_vector_custom", &view)?);
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
