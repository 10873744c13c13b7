//! Operators on feature maps from DRAM to DRAM: strips of rows are loaded, computed and stored at
//! the same time.

use super::transfer::{load_rows, store_rows};
use super::{DramTensor, Emitter, Fmap, KernelError};

/// How the rows of an output hang on those of the inputs, and where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Input rows of an output row.
    pub kernel: usize,
    /// Input rows between consecutive output rows.
    pub stride: usize,
    /// Rows of padding at the top.
    pub pad: usize,
    /// Output rows for each position of the kernel.
    pub grow: usize,
    /// Row and channel of the output tensor where the result begins.
    pub at: [usize; 2],
}

/// Row by row, to the start of the output.
impl Default for Rows {
    fn default() -> Rows {
        Rows { kernel: 1, stride: 1, pad: 0, grow: 1, at: [0; 2] }
    }
}

/// What is on chip of one strip.
#[derive(Debug, Clone)]
pub struct Strip {
    /// Rows of each input.
    pub inputs: Vec<Fmap>,
    /// Rows of the result.
    pub output: Fmap,
    /// Rows of padding above the inputs.
    pub pad: usize,
}

/// Rows of the inputs, which all have the same height, for some positions of the kernel.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    end: usize,
    pad: usize,
}

impl Rows {
    fn span(&self, start: usize, count: usize, height: usize) -> Span {
        let from = start * self.stride;
        let first = from.saturating_sub(self.pad);
        let end = (from + (count - 1) * self.stride + self.kernel).saturating_sub(self.pad);
        Span { first, end: end.min(height), pad: (self.pad + first) - from }
    }
}

/// Emits `compute` for strips of the output, double buffered. The result has the channels of the
/// output, or, where there are fewer, of the first input.
pub fn strips(
    e: &mut Emitter,
    rows: Rows,
    inputs: &[&DramTensor],
    output: &DramTensor,
    mut compute: impl FnMut(&mut Emitter, &Strip) -> Result<(), KernelError>,
) -> Result<(), KernelError> {
    let size = e.geometry.rows;
    let Some(first) = inputs.first() else { return Ok(()) };
    let [row, channel] = rows.at;
    let channels = first.channels.min(output.channels - channel);
    // As many positions as the output has rows for; an output that is taller, as of a concatenation,
    // has others for the rest.
    let fit = (output.height - row) / rows.grow;
    let plain = rows.kernel == 1 && rows.stride == 1;
    let positions = if plain { fit.min(first.height) } else { fit };
    let span = |count: usize| ((count - 1) * rows.stride + rows.kernel).min(first.height);
    let input_words = |tensor: &DramTensor, count: usize| {
        tensor.channels.div_ceil(size) * span(count) * tensor.width
    };
    let output_words = |count: usize| channels.div_ceil(size) * count * rows.grow * output.width;
    let words = |count: usize| {
        inputs.iter().map(|tensor| input_words(tensor, count)).sum::<usize>() + output_words(count)
    };
    // Strips take turns in two places; longer ones waste less on rows that are loaded twice.
    let most = e.ibuf.largest() / 2;
    let full =
        |words| KernelError::IbufFull { words, largest: 2 * most, total: e.geometry.ibuf_words };
    // There should be a few, so that the first is soon loaded and little is left after the last.
    let limit = positions.div_ceil(4).clamp(1, 16);
    let longest = (1..=limit).rev().find(|&count| words(count) <= most);
    let strip = longest.ok_or_else(|| full(2 * words(1)))?;
    let place = words(strip);
    // One strip is computed while the other's banks are loaded and stored.
    let start = e.ibuf.take(place, &[]).ok_or_else(|| full(place))?;
    let other = e.ibuf.take(place, &[(start, place)]).ok_or_else(|| full(place))?;
    let mut done = 0;
    for (index, count) in ramp(positions, strip).into_iter().enumerate() {
        let mut addr = if index % 2 == 0 { start } else { other };
        let Span { first, end, pad } = rows.span(done, count, first.height);
        let mut maps = Vec::new();
        for tensor in inputs {
            let DramTensor { channels, width, .. } = **tensor;
            let map = Fmap { addr, channels, height: end - first, width };
            load_rows(e, tensor, first..end, &map, 0)?;
            addr += input_words(tensor, strip);
            maps.push(map);
        }
        let height = count * rows.grow;
        let result = Fmap { addr, channels, height, width: output.width };
        compute(e, &Strip { inputs: maps, output: result, pad })?;
        store_rows(e, &result, 0..height, output, [row + done * rows.grow, 0], channel)?;
        done += count;
    }
    for start in [start, other] {
        e.ibuf.give(start, place);
    }
    Ok(())
}

/// Strips of at most `most` rows, short ones first and last: nothing is computed before the first
/// is loaded, and the last is stored when all is computed.
fn ramp(total: usize, most: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut rest, mut size) = (total, 2);
    while size < most && rest > 2 * (size + most) {
        ends.push(size);
        rest -= 2 * size;
        size *= 2;
    }
    let parts = rest.div_ceil(most);
    let middle = (0..parts).map(|part| rest / parts + usize::from(part < rest % parts));
    let last = ends.iter().rev().copied();
    ends.iter().copied().chain(middle).chain(last).collect()
}
