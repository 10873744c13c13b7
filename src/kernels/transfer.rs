//! Between dense NHWC tensors in DRAM and blocked feature maps in IBUF.

use std::ops::Range;

use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::table::{load, store};

/// Brings constants into a buffer: `words` words from `dram` to `addr`.
pub fn load_words(
    e: &mut Emitter,
    function: load::Function,
    dram: (u8, usize),
    bytes: usize,
    addr: usize,
) -> Result<(), KernelError> {
    let (base, offset) = dram;
    e.reset(Engine::Load);
    e.set(load::dram::BASE, base);
    e.set(load::dram::OFFSET, offset as u64);
    e.set(load::dst::ADDR, addr as u64);
    e.set(load::shape::RUN_BYTES, bytes as u64);
    e.set(load::shape::GROUP_BYTES, bytes as u64);
    e.set(load::word0::COUNT, load::word0::COUNT.max());
    e.launch(function, &[])
}

/// Brings rows of a tensor into a feature map, whose row `at` becomes the first of them.
pub fn load_rows(
    e: &mut Emitter,
    tensor: &DramTensor,
    rows: Range<usize>,
    map: &Fmap,
    at: usize,
) -> Result<(), KernelError> {
    load_filled(e, tensor, rows, map, at, 0)
}

/// The same; channels that fill up a word get `value`.
pub fn load_filled(
    e: &mut Emitter,
    tensor: &DramTensor,
    rows: Range<usize>,
    map: &Fmap,
    at: usize,
    value: i32,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let row_bytes = tensor.row_bytes(&geometry);
    e.reset(Engine::Load);
    e.set(load::dram::BASE, tensor.base);
    e.set(load::dram::OFFSET, (tensor.offset + rows.start * row_bytes) as u64);
    e.set(load::dst::ADDR, (map.addr + at * map.width) as u64);
    e.set(load::shape::RUN_BYTES, (rows.len() * row_bytes) as u64);
    e.set(load::shape::GROUP_BYTES, tensor.pixel_bytes(&geometry) as u64);
    e.set(load::word0::COUNT, map.blocks(&geometry) as u64);
    e.set(load::word0::STRIDE, map.block_stride() as u64);
    e.set(load::word1::COUNT, load::word1::COUNT.max());
    e.set(load::word1::STRIDE, 1);
    e.set(load::fill::VALUE, fill(value, geometry.activation_bytes));
    e.launch(load::Function::Ibuf, &[])
}

/// Brings rows of a tensor into a map that has some of its channels, those from `channel` on;
/// `channel` is a multiple of the rows of the array.
pub fn load_channels(
    e: &mut Emitter,
    tensor: &DramTensor,
    rows: Range<usize>,
    channel: usize,
    map: &Fmap,
) -> Result<(), KernelError> {
    if map.channels == tensor.channels {
        return load_rows(e, tensor, rows, map, 0);
    }
    let geometry = e.geometry;
    let (row_bytes, pixel_bytes) = (tensor.row_bytes(&geometry), tensor.pixel_bytes(&geometry));
    let part = map.channels * geometry.activation_bytes;
    let start = rows.start * row_bytes + channel * geometry.activation_bytes;
    e.reset(Engine::Load);
    e.set(load::dram::BASE, tensor.base);
    e.set(load::dram::OFFSET, (tensor.offset + start) as u64);
    e.set(load::dst::ADDR, map.addr as u64);
    e.set(load::shape::RUN_BYTES, part as u64);
    e.set(load::shape::GROUP_BYTES, part as u64);
    e.set(load::loop0::COUNT, (rows.len() * tensor.width) as u64);
    e.set(load::loop0::STRIDE, pixel_bytes as u64);
    e.set(load::word0::COUNT, map.blocks(&geometry) as u64);
    e.set(load::word0::STRIDE, map.block_stride() as u64);
    e.set(load::word1::COUNT, load::word1::COUNT.max());
    e.set(load::word1::STRIDE, 1);
    e.launch(load::Function::Ibuf, &[])
}

/// Lowers output rows of a convolution of a tensor with few channels to pixels of
/// `kh * kw * channels` values (im2col): the map gets one pixel per output pixel.
#[derive(Debug, Clone, Copy)]
pub struct Lowering {
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding at the top and at the left.
    pub pads: [usize; 2],
    /// Value outside the picture.
    pub zero: i32,
}

impl Lowering {
    /// Bytes that must be mapped in front of the tensor, because addresses are computed from
    /// the corner of the padded picture.
    pub fn margin(&self, row_bytes: usize, pixel_bytes: usize) -> usize {
        self.pads[0] * row_bytes + self.pads[1] * pixel_bytes
    }

    /// Gathers output rows `rows` of a picture into `map`, one launch.
    pub fn load(
        &self,
        e: &mut Emitter,
        tensor: &DramTensor,
        rows: Range<usize>,
        map: &Fmap,
    ) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let (row_bytes, pixel_bytes) = (tensor.row_bytes(&geometry), tensor.pixel_bytes(&geometry));
        let [kh, kw] = self.kernel;
        let [stride_y, stride_x] = self.strides;
        let [top, left] = self.pads;
        let corner =
            tensor.offset + rows.start * stride_y * row_bytes - self.margin(row_bytes, pixel_bytes);
        let signed = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        e.reset(Engine::Load);
        e.set(load::dram::BASE, tensor.base);
        e.set(load::dram::OFFSET, corner as u64);
        e.set(load::dst::ADDR, map.addr as u64);
        e.set(load::shape::RUN_BYTES, (kw * pixel_bytes) as u64);
        e.set(load::shape::GROUP_BYTES, (kh * kw * pixel_bytes) as u64);
        e.set(load::loop0::COUNT, kh as u64);
        e.set(load::loop0::STRIDE, row_bytes as u64);
        e.set(load::loop1::COUNT, map.width as u64);
        e.set(load::loop1::STRIDE, (stride_x * pixel_bytes) as u64);
        e.set(load::loop2::COUNT, rows.len() as u64);
        e.set(load::loop2::STRIDE, (stride_y * row_bytes) as u64);
        e.set(load::word0::COUNT, map.blocks(&geometry) as u64);
        e.set(load::word0::STRIDE, map.block_stride() as u64);
        e.set(load::word1::COUNT, load::word1::COUNT.max());
        e.set(load::word1::STRIDE, 1);
        e.set(load::fill::VALUE, fill(self.zero, geometry.activation_bytes));
        let inside = [top, left] == [0, 0]
            && (rows.end - 1) * stride_y + kh <= tensor.height
            && (map.width - 1) * stride_x + kw <= tensor.width;
        if inside {
            return e.launch(load::Function::Ibuf, &[]);
        }
        e.set(load::clip_y::START, signed(rows.start * stride_y) - signed(top));
        e.set(load::clip_y::LIMIT, tensor.height as u64);
        e.set(load::clip_x::START, -signed(left * pixel_bytes));
        e.set(load::clip_x::LIMIT, row_bytes as u64);
        e.set(load::step_y::S0, 1);
        e.set(load::step_y::S2, stride_y as u64);
        e.set(load::step_x::S1, (stride_x * pixel_bytes) as u64);
        e.launch(load::Function::Ibuf, &[(load::CLIP, 1)])
    }
}

/// The fill register's value for an activation of one or two bytes.
fn fill(value: i32, bytes: usize) -> u64 {
    let [low, high, ..] = value.to_le_bytes();
    u64::from(u16::from_le_bytes(if bytes == 1 { [low, low] } else { [low, high] }))
}

/// Writes rows of a feature map with the channels from `channel` on to the pixels from `[row, col]`
/// on of a tensor. `channel` is a multiple of the rows of the array.
pub fn store_rows(
    e: &mut Emitter,
    map: &Fmap,
    rows: Range<usize>,
    tensor: &DramTensor,
    [row, col]: [usize; 2],
    channel: usize,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let (row_bytes, pixel_bytes) = (tensor.row_bytes(&geometry), tensor.pixel_bytes(&geometry));
    let channels = map.channels.min(tensor.channels - channel);
    let part = channels * geometry.activation_bytes;
    let whole_pixels = channels == tensor.channels;
    e.reset(Engine::Store);
    e.set(store::dram::BASE, tensor.base);
    let start = row * row_bytes + col * pixel_bytes + channel * geometry.activation_bytes;
    e.set(store::dram::OFFSET, (tensor.offset + start) as u64);
    e.set(store::src::ADDR, (map.addr + rows.start * map.width) as u64);
    e.set(store::shape::GROUP_BYTES, part as u64);
    if whole_pixels && map.width == tensor.width {
        e.set(store::shape::RUN_BYTES, (rows.len() * row_bytes) as u64);
    } else if whole_pixels {
        e.set(store::shape::RUN_BYTES, (map.width * part) as u64);
        e.set(store::loop0::COUNT, rows.len() as u64);
        e.set(store::loop0::STRIDE, row_bytes as u64);
    } else {
        e.set(store::shape::RUN_BYTES, part as u64);
        e.set(store::loop0::COUNT, map.width as u64);
        e.set(store::loop0::STRIDE, pixel_bytes as u64);
        e.set(store::loop1::COUNT, rows.len() as u64);
        e.set(store::loop1::STRIDE, row_bytes as u64);
    }
    e.set(store::word0::COUNT, map.blocks(&geometry) as u64);
    e.set(store::word0::STRIDE, map.block_stride() as u64);
    e.set(store::word1::COUNT, store::word1::COUNT.max());
    e.set(store::word1::STRIDE, 1);
    e.launch(store::Function::Ibuf, &[])
}

/// Writes pixels of binary32 in VMEM, blocked by lanes, with the channels from `channel` on to the
/// pixels from `[row, col]` on of a tensor of binary32.
pub fn store_pixels(
    e: &mut Emitter,
    map: &Fmap,
    tensor: &DramTensor,
    [row, col]: [usize; 2],
    channel: usize,
) -> Result<(), KernelError> {
    let (part, pixel) = (4 * map.channels, 4 * tensor.channels);
    let start = (row * tensor.width + col) * pixel + 4 * channel;
    e.reset(Engine::Store);
    e.set(store::dram::BASE, tensor.base);
    e.set(store::dram::OFFSET, (tensor.offset + start) as u64);
    e.set(store::src::ADDR, map.addr as u64);
    e.set(store::shape::GROUP_BYTES, part as u64);
    if part == pixel && map.width == tensor.width {
        e.set(store::shape::RUN_BYTES, (map.height * map.width * part) as u64);
    } else {
        e.set(store::shape::RUN_BYTES, part as u64);
        e.set(store::loop0::COUNT, map.width as u64);
        e.set(store::loop0::STRIDE, pixel as u64);
        e.set(store::loop1::COUNT, map.height as u64);
        e.set(store::loop1::STRIDE, (tensor.width * pixel) as u64);
    }
    e.set(store::word0::COUNT, map.channels.div_ceil(e.geometry.lanes) as u64);
    e.set(store::word0::STRIDE, map.block_stride() as u64);
    e.set(store::word1::COUNT, store::word1::COUNT.max());
    e.set(store::word1::STRIDE, 1);
    e.launch(store::Function::Vmem, &[])
}
