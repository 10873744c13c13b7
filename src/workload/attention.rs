//! Benchmark of an attention head.

use super::vector::{Masked, mask_numbers, operand, table};
use super::{Random, Workload};
use crate::design::Design;
use crate::kernels::attention::{Scales, head};
use crate::kernels::rows::{Mask, RowOp};
use crate::kernels::transfer::{load_rows, store_rows};
use crate::kernels::{DramTensor, Emitter, Fmap, KernelError};
use crate::program::{Dtype, Layout, RegionKind, Tensor};

/// One attention head on random activations, from DRAM to DRAM; the scales spread the results over
/// the range of an activation. Masks in DRAM are tensors of the program.
pub fn attention(
    design: &Design,
    tokens: usize,
    channels: usize,
    masked: Masked,
    seed: u64,
) -> Result<Workload, KernelError> {
    let mut random = Random::new(seed);
    let mut e = Emitter::new(design)?;
    let scales = attention_scales(tokens);
    let (exp2, reciprocal) = (table(design, "exp2", 2)?, table(design, "reciprocal", 2)?);
    let mask = mask(&mut e, &mut random, tokens, masked);
    let softmax = RowOp::Softmax { scale: 1.0, mask, exp2: &exp2, reciprocal: &reciprocal };
    let shape = [tokens, 1, channels];
    let activation = |name: &str, tensor: &DramTensor, scale: f32| Tensor {
        name: name.to_owned(),
        region: tensor.base,
        offset: tensor.offset as u64,
        shape: vec![1, tokens as u64, 1, channels as u64],
        layout: Layout::Nhwc,
        dtype: Dtype::Int8,
        scale,
        zero: 0,
        network: None,
    };
    let mut maps = Vec::new();
    for (name, scale) in [("key", scales.key), ("query", scales.query), ("value", scales.value)] {
        let tensor = e.dram_tensor(name, RegionKind::Input, shape, 0);
        let declared = activation(name, &tensor, scale);
        e.builder().tensor(declared);
        if let Some(region) = e.builder().region_mut(tensor.base) {
            // Symmetric, as packed cells want the stationary operands.
            region.data =
                random.weights(tokens * channels).iter().map(|v| v.cast_unsigned()).collect();
        }
        let apart: Vec<&Fmap> = maps.iter().collect();
        let map = e.fmap(shape, &apart)?;
        e.note(name);
        load_rows(&mut e, &tensor, 0..tokens, &map, 0)?;
        maps.push(map);
    }
    let tensor = e.dram_tensor("output", RegionKind::Output, shape, 0);
    let declared = activation("output", &tensor, scales.output);
    e.builder().tensor(declared);
    let output = e.fmap(shape, &[])?;
    head(&mut e, &softmax, [&maps[1], &maps[0], &maps[2]], &scales, &output)?;
    store_rows(&mut e, &output, 0..tokens, &tensor, [0, 0], 0)?;
    let macs = e.macs();
    Ok(Workload { program: e.finish()?, macs })
}

/// A mask over the scores of a head.
fn mask(e: &mut Emitter, random: &mut Random, tokens: usize, masked: Masked) -> Mask {
    match masked {
        Masked::No => Mask::None,
        Masked::Causal => Mask::Causal { queries: tokens, past: 0 },
        Masked::Keys => {
            let numbers = mask_numbers(random, [1, tokens], 0.0);
            let rows = operand(e, "mask", &numbers, tokens);
            Mask::Keys((rows.base, rows.offset))
        }
        Masked::Scores => {
            let numbers = mask_numbers(random, [tokens, tokens], 1.0);
            Mask::Scores(operand(e, "mask", &numbers, tokens))
        }
    }
}

/// Scales with which scores have a standard deviation of about one and results fill their range.
pub fn attention_scales(tokens: usize) -> Scales {
    let step = 1.0 / 73.0;
    let spread = (tokens as f32).sqrt() / 2.0;
    Scales { query: step, key: step, value: step, probability: 1.0 / 127.0, output: step / spread }
}
