//! Constants in the order the machine reads them: weight tiles for WBUF, biases and scales for
//! PBUF and VMEM, weights of depthwise convolutions for IBUF.

use super::geometry::Geometry;

/// Weights of a convolution, `[out][in][kh][kw]`.
#[derive(Debug, Clone)]
pub struct ConvWeights<'a> {
    /// Output channels.
    pub out_channels: usize,
    /// Input channels.
    pub in_channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Values.
    pub values: &'a [i8],
}

impl ConvWeights<'_> {
    /// One weight; zero for the channels that fill up the last block.
    fn at(&self, out: usize, input: usize, kh: usize, kw: usize) -> i8 {
        if out >= self.out_channels || input >= self.in_channels {
            return 0;
        }
        let [height, width] = self.kernel;
        self.values[((out * self.in_channels + input) * height + kh) * width + kw]
    }
}

/// Weight tiles of one block of `cols` output channels, in the order of the passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTiles {
    /// Bytes for WBUF: the tiles of all passes, then one more tile for each entry of `extra`.
    pub bytes: Vec<u8>,
    /// Passes (kh, kw, kc) in which a weight is the smallest of its type, which packed cells cannot
    /// hold: the tile in `bytes` has it raised by one, and the extra tile holds the difference.
    pub extra: Vec<[usize; 3]>,
}

/// Tiles of output channel block `n` of a convolution.
pub fn block_tiles(geometry: &Geometry, weights: &ConvWeights, n: usize) -> BlockTiles {
    let [height, width] = weights.kernel;
    let blocks = weights.in_channels.div_ceil(geometry.rows);
    let smallest = -1 << (geometry.weight_bits - 1);
    let mut tiles = BitWriter::new(geometry.weight_bits);
    let mut extra_tiles = BitWriter::new(geometry.weight_bits);
    let mut extra = Vec::new();
    for kh in 0..height {
        for kw in 0..width {
            for kc in 0..blocks {
                let value = |row: usize, col: usize| {
                    let channel =
                        if row < geometry.rows { kc * geometry.rows + row } else { usize::MAX };
                    i32::from(weights.at(n * geometry.cols + col, channel, kh, kw))
                };
                let mut raised = false;
                for (row, col) in tile_order(geometry) {
                    let weight = value(row, col);
                    let unfit = geometry.packed && weight == smallest;
                    raised |= unfit;
                    tiles.push(if unfit { weight + 1 } else { weight });
                }
                if raised {
                    extra.push([kh, kw, kc]);
                    for (row, col) in tile_order(geometry) {
                        extra_tiles.push(if value(row, col) == smallest { -1 } else { 0 });
                    }
                }
            }
        }
    }
    let mut bytes = tiles.finish();
    bytes.extend(extra_tiles.finish());
    BlockTiles { bytes, extra }
}

/// Row and column of each weight of a tile in the order it stands in WBUF.
fn tile_order(geometry: &Geometry) -> impl Iterator<Item = (usize, usize)> {
    let Geometry { cols, segments, segment_rows, .. } = *geometry;
    (0..segment_rows).flat_map(move |step| {
        (0..segments)
            .flat_map(move |segment| (0..cols).map(move |col| (segment * segment_rows + step, col)))
    })
}

/// PBUF words: per block of `cols` channels its biases, then its scales.
pub fn channel_params(geometry: &Geometry, bias: &[i32], scales: &[f32]) -> Vec<u8> {
    params(geometry.cols, bias, scales)
}

/// VMEM words of VECTOR's per-lane parameters for every `step`-th group of `lanes` channels,
/// beginning with group `first`.
pub fn lane_params(
    geometry: &Geometry,
    bias: &[i32],
    scales: &[f32],
    first: usize,
    step: usize,
) -> Vec<u8> {
    let lanes = geometry.lanes;
    let pick = |index: usize| (index / lanes) % step == first;
    let padded = bias.len().next_multiple_of(lanes * step);
    let chosen = (0..padded).filter(|&index| pick(index));
    let bias: Vec<i32> =
        chosen.clone().map(|index| bias.get(index).copied().unwrap_or(0)).collect();
    let scales: Vec<f32> = chosen.map(|index| scales.get(index).copied().unwrap_or(0.0)).collect();
    params(lanes, &bias, &scales)
}

fn params(width: usize, bias: &[i32], scales: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bias.len().next_multiple_of(width) * 8);
    for start in (0..bias.len()).step_by(width) {
        for channel in start..start + width {
            bytes.extend(bias.get(channel).copied().unwrap_or(0).to_le_bytes());
        }
        for channel in start..start + width {
            bytes.extend(scales.get(channel).copied().unwrap_or(0.0).to_le_bytes());
        }
    }
    bytes
}

/// IBUF words of a depthwise convolution's weights `[channel][kh][kw]`: per block of `rows`
/// channels, kernel row and tap, the kernel width rounded up to whole windows of `taps`.
pub fn depthwise_words(
    geometry: &Geometry,
    channels: usize,
    kernel: [usize; 2],
    values: &[i8],
) -> Vec<u8> {
    let [height, width] = kernel;
    let padded = width.next_multiple_of(geometry.taps);
    let mut words = BitWriter::new(geometry.activation_bits);
    for block in 0..channels.div_ceil(geometry.rows) {
        for kh in 0..height {
            for kw in 0..padded {
                for row in 0..geometry.rows {
                    let channel = block * geometry.rows + row;
                    let inside = channel < channels && kw < width;
                    words.push(if inside {
                        values[(channel * height + kh) * width + kw].into()
                    } else {
                        0
                    });
                }
            }
        }
    }
    words.finish()
}

/// Packs values of a few bits into bytes, lowest bits first.
#[derive(Debug)]
struct BitWriter {
    bits: usize,
    pending: u64,
    filled: usize,
    bytes: Vec<u8>,
}

impl BitWriter {
    fn new(bits: usize) -> BitWriter {
        BitWriter { bits, pending: 0, filled: 0, bytes: Vec::new() }
    }

    fn push(&mut self, value: i32) {
        let mask = (1_u64 << self.bits) - 1;
        self.pending |= (i64::from(value).cast_unsigned() & mask) << self.filled;
        self.filled += self.bits;
        while self.filled >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.filled -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
        }
        self.bytes
    }
}
