//! The parts of the buffers a program uses, and the data it fills them with.

use super::extent::Window;
use super::rng::Rng;
use crate::design::Design;

/// Bytes of the region that launches store to and load from again.
pub const SCRATCH_BYTES: i64 = 4096;

/// Words of VMEM that hold biases and scales.
const PARAMETER_WORDS: i64 = 8;

/// Constants in the data region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// First byte.
    pub offset: i64,
    /// Number of bytes.
    pub bytes: i64,
}

/// Windows, in words unless said otherwise, and where their first contents lie.
#[derive(Debug, Clone)]
pub struct Windows {
    /// Activations.
    pub ibuf: Window,
    /// Weights; the end may lie behind the ring's.
    pub wbuf: Window,
    /// Accumulators.
    pub obuf: Window,
    /// Biases and scales of GEMM.
    pub pbuf: Window,
    /// Wide values.
    pub vmem: Window,
    /// Biases and scales of VECTOR, in VMEM.
    pub parameters: Window,
    /// Lookup tables.
    pub table: Window,
    /// Words of the function unit.
    pub coefficients: Window,
    /// First contents of IBUF; any bytes.
    pub ibuf_data: Blob,
    /// Weights; none is the most negative one when the design is packed, from whatever byte they
    /// are read.
    pub wbuf_data: Blob,
    /// Words of PBUF.
    pub pbuf_data: Blob,
    /// First contents of VMEM; any bytes.
    pub vmem_data: Blob,
    /// Pairs of words for `parameters`.
    pub parameter_data: Blob,
    /// First contents of the tables; any bytes.
    pub table_data: Blob,
    /// First coefficients of the function unit.
    pub coefficient_data: Blob,
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A window of at most `most` words of a buffer, at its start, its end or anywhere.
fn part(rng: &mut Rng, words: usize, most: i64) -> Window {
    let words = number(words);
    let length = words.min(most);
    let start = match rng.between(0, 3) {
        0 => 0,
        1 => words - length,
        _ => rng.between(0, words - length),
    };
    Window::new(start, start + length)
}

impl Windows {
    /// Bytes of the data region.
    pub fn data_bytes(&self) -> i64 {
        self.coefficient_data.offset + self.coefficient_data.bytes
    }

    /// Random windows for a design, and the data region with their first contents.
    pub fn random(design: &Design, rng: &mut Rng) -> (Windows, Vec<u8>) {
        let tile = number(design.segment_rows());
        let ring = number(design.wbuf().words);
        let weights = ring.min((8 * tile).max(48));
        let ring_start = rng.between(0, ring - 1);
        let vmem = part(rng, design.vmem().words, 56);
        let parameters = Window::new(vmem.start, vmem.start + PARAMETER_WORDS.min(vmem.len() / 2));
        let tables = number(design.tables().min(2)) * 64;
        let mut data = Vec::new();
        let mut blob = |bytes: i64, next: &mut dyn FnMut(usize) -> u8| {
            // Odd starts, so that data rarely lies on a beat's boundary.
            let offset = data.len() + 3;
            data.resize(offset, 0x5a);
            for at in 0..usize::try_from(bytes).unwrap_or(0) {
                data.push(next(at));
            }
            Blob { offset: number(offset), bytes }
        };
        let ibuf = part(rng, design.ibuf().words, 160);
        let pbuf = part(rng, design.pbuf_words(), 6);
        let ibuf_bytes = ibuf.len() * number(design.ibuf().word_bytes);
        let wbuf_bytes = weights * number(design.wbuf().word_bytes);
        let vmem_bytes = (vmem.end - parameters.end) * number(design.vmem().word_bytes);
        let (packed, bits) = (design.packed(), design.weight_bits());
        let ibuf_data = blob(ibuf_bytes, &mut |_| rng.byte());
        let wbuf_data = blob(wbuf_bytes, &mut |_| weight_byte(packed, bits, rng));
        let columns = design.cols();
        let pbuf_data = parameter_blob(&mut blob, pbuf.len(), columns, rng);
        let pairs = parameters.len() / 2;
        let parameter_data = parameter_blob(&mut blob, pairs, design.lanes(), rng);
        let vmem_data = blob(vmem_bytes, &mut |_| rng.byte());
        let table_data = blob(4 * tables, &mut |_| rng.byte());
        // Three of four are numbers near one, so that results are numbers too.
        let coefficients = 16 * number(design.function_segments());
        let coefficient_data = blob(coefficients, &mut |at| match (at % 4, rng.chance(75)) {
            (3, true) => rng.pick(&[0x3d, 0x3e, 0x3f, 0x40, 0xbe, 0xbf]),
            _ => rng.byte(),
        });
        let windows = Windows {
            ibuf,
            wbuf: Window::new(ring_start, ring_start + weights),
            obuf: part(rng, design.obuf_depth(), 96),
            pbuf,
            vmem: Window::new(parameters.end, vmem.end),
            parameters: Window::new(parameters.start, parameters.start + 2 * pairs),
            table: Window::new(0, tables),
            ibuf_data,
            wbuf_data,
            pbuf_data,
            vmem_data,
            parameter_data,
            table_data,
            coefficient_data,
            coefficients: Window::new(0, 4 * number(design.function_segments())),
        };
        (windows, data)
    }
}

/// A byte that no weight of -2^(B-1) can come from, wherever it starts.
pub fn weight_byte(packed: bool, bits: usize, rng: &mut Rng) -> u8 {
    loop {
        let byte = rng.byte();
        let illegal = match bits {
            4 => byte & 15 == 8 || byte >> 4 == 8,
            _ => byte == 0x80,
        };
        if !packed || !illegal {
            return byte;
        }
    }
}

/// `count` times `width` biases and `width` scales.
fn parameter_blob(
    blob: &mut impl FnMut(i64, &mut dyn FnMut(usize) -> u8) -> Blob,
    count: i64,
    width: usize,
    rng: &mut Rng,
) -> Blob {
    let mut value = 0_u32;
    blob(count * 8 * number(width), &mut |at| {
        if at % 4 == 0 {
            let bias = at / 4 % (2 * width) < width;
            value = if bias {
                let shift = rng.between(0, 31);
                (rng.bits().cast_signed() >> 32 >> shift).to_le_bytes()[..4]
                    .iter()
                    .rev()
                    .fold(0, |value, &byte| value << 8 | u32::from(byte))
            } else {
                rng.scale()
            };
        }
        value.to_le_bytes()[at % 4]
    })
}
