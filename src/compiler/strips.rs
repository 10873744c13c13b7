//! Layers on the lanes: kernels that work row by row, and layers whose operands need not be on chip as
//! a whole, because their maps in DRAM pass in strips of rows.

use super::emit::{Emission, Place, depthwise_layer};
use super::net::{Kind, Layer, PoolLayer};
use crate::kernels::pool::pool_from_dram;
use crate::kernels::rearrange::{Axis, concat};
use crate::kernels::strips::{Rows, strips};
use crate::kernels::vector::depthwise_from_dram;
use crate::kernels::{DramTensor, Emitter, Fmap, KernelError, maps};

/// A layer of which a row of the result hangs on one row of each operand.
pub(super) struct RowByRow<'n> {
    kind: &'n Kind,
    /// Zero point of the first operand.
    zero: i32,
    /// Number of the lookup table, where there is one.
    table: u8,
}

impl RowByRow<'_> {
    /// Emits it for whole maps or for some of their rows.
    pub(super) fn emit(
        &self,
        e: &mut Emitter,
        inputs: &[Fmap],
        output: &Fmap,
    ) -> Result<(), KernelError> {
        match (self.kind, inputs) {
            (Kind::Add(residual), [a, b]) => maps::add(e, residual, self.zero, a, b, output),
            (Kind::Multiply(product), [a, b]) => maps::multiply(e, product, a, b, output),
            (Kind::Change(change), [input]) => maps::change(e, *change, input, output),
            (Kind::Lookup(_), [input]) => maps::lookup(e, self.table, input, output),
            (Kind::Upsample(factors), [input]) => maps::upsample(e, *factors, input, output),
            _ => Err(KernelError::Unsupported {
                kernel: self.kind.name(),
                what: "operands",
                value: inputs.len(),
                limit: "another number is needed".to_owned(),
            }),
        }
    }
}

impl Emission<'_, '_> {
    /// A layer as one that works row by row; its table is brought.
    pub(super) fn row_by_row<'l>(&mut self, layer: &'l Layer) -> Result<RowByRow<'l>, KernelError> {
        let table = match &layer.kind {
            Kind::Lookup(table) => self.table(table)?,
            _ => 0,
        };
        let zero = layer.inputs.first().map_or(0, |first| self.net.value(*first).zero);
        Ok(RowByRow { kind: &layer.kind, zero, table })
    }

    /// Emits a layer whose operands and result are in DRAM.
    pub(super) fn strips(
        &mut self,
        layer: &Layer,
        operands: &[DramTensor],
        to: &DramTensor,
    ) -> Result<(), KernelError> {
        match (&layer.kind, operands) {
            (Kind::Depthwise(layer), [from]) => {
                depthwise_from_dram(&mut self.e, &depthwise_layer(layer), from, to)
            }
            (Kind::Pool(layer), [from]) => {
                let PoolLayer { kind, kernel, strides, pads } = *layer;
                pool_from_dram(&mut self.e, kind, kernel, strides, pads, [from, to])
            }
            (Kind::Concat(layer), from) => {
                let parts: Vec<_> = from.iter().zip(layer.changes.iter().copied()).collect();
                concat(&mut self.e, Axis::Channels, &parts, to)
            }
            (Kind::Multiply(_), [a, b]) if [b.height, b.width] != [a.height, a.width] => {
                let rows = self.row_by_row(layer)?;
                let (factors, _) = self.on_chip(Place::Dram(*b))?;
                strips(&mut self.e, Rows::default(), &[a], to, |e, strip| {
                    rows.emit(e, &[strip.inputs[0], factors], &strip.output)
                })?;
                self.e.release(&factors);
                Ok(())
            }
            (kind, operands) => {
                let rows = self.row_by_row(layer)?;
                let grow = if let Kind::Upsample([rows, _]) = kind { *rows } else { 1 };
                let operands: Vec<&DramTensor> = operands.iter().collect();
                let form = Rows { grow, ..Rows::default() };
                strips(&mut self.e, form, &operands, to, |e, strip| {
                    rows.emit(e, &strip.inputs, &strip.output)
                })
            }
        }
    }
}
