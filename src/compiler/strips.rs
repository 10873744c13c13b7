//! Layers on maps in DRAM, in strips of rows, where their operands need not be on chip as a whole.

use super::emit::{Emission, Place, depthwise_layer};
use super::net::{Kind, Layer, PoolLayer};
use crate::kernels::maps;
use crate::kernels::pool::pool_from_dram;
use crate::kernels::rearrange::{Axis, concat};
use crate::kernels::strips::{Rows, strips};
use crate::kernels::vector::depthwise_from_dram;
use crate::kernels::{DramTensor, KernelError};

impl Emission<'_, '_> {
    /// Emits a layer whose operands and result are in DRAM; false if it cannot be cut into strips.
    pub(super) fn strips(
        &mut self,
        layer: &Layer,
        operands: &[DramTensor],
        to: &DramTensor,
    ) -> Result<bool, KernelError> {
        let zero = layer.inputs.first().map_or(0, |first| self.net.value(*first).zero);
        let rows = Rows::default();
        match (&layer.kind, operands) {
            (Kind::Depthwise(layer), [from]) => {
                depthwise_from_dram(&mut self.e, &depthwise_layer(layer), from, to)?;
            }
            (Kind::Pool(layer), [from]) => {
                let PoolLayer { kind, kernel, strides, pads } = *layer;
                pool_from_dram(&mut self.e, kind, kernel, strides, pads, [from, to])?;
            }
            (Kind::Add(residual), [a, b]) => strips(&mut self.e, rows, &[a, b], to, |e, strip| {
                let [a, b] = [&strip.inputs[0], &strip.inputs[1]];
                maps::add(e, residual, zero, a, b, &strip.output)
            })?,
            (Kind::Multiply(product), [a, b]) if [b.height, b.width] == [a.height, a.width] => {
                strips(&mut self.e, rows, &[a, b], to, |e, strip| {
                    let [a, b] = [&strip.inputs[0], &strip.inputs[1]];
                    maps::multiply(e, product, a, b, &strip.output)
                })?;
            }
            (Kind::Multiply(product), [a, b]) => {
                let (factors, _) = self.on_chip(Place::Dram(*b))?;
                strips(&mut self.e, rows, &[a], to, |e, strip| {
                    maps::multiply(e, product, &strip.inputs[0], &factors, &strip.output)
                })?;
                self.e.release(&factors);
            }
            (Kind::Change(change), [from]) => {
                strips(&mut self.e, rows, &[from], to, |e, strip| {
                    maps::change(e, *change, &strip.inputs[0], &strip.output)
                })?
            }
            (Kind::Lookup(table), [from]) => {
                let number = self.table(table)?;
                strips(&mut self.e, rows, &[from], to, |e, strip| {
                    maps::lookup(e, number, &strip.inputs[0], &strip.output)
                })?;
            }
            (Kind::Upsample(factors), [from]) => {
                let rows = Rows { grow: factors[0], ..rows };
                strips(&mut self.e, rows, &[from], to, |e, strip| {
                    maps::upsample(e, *factors, &strip.inputs[0], &strip.output)
                })?;
            }
            (Kind::Concat(layer), from) => {
                let parts: Vec<_> = from.iter().zip(layer.changes.iter().copied()).collect();
                concat(&mut self.e, Axis::Channels, &parts, to)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
