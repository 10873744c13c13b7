//! Everything a launch reads and writes: buffers and DRAM regions.

use super::nest::wrap;
use super::shape::Shape;
use super::writes::{Place, Writes};
use super::{Stop, flow};
use crate::arith::post::sign_extend;
use crate::exec::{Cause, ExecError};
use crate::program::{Program, RegionKind};

/// DRAM behind one base register.
#[derive(Debug, Clone)]
pub struct RegionMemory {
    /// Base register.
    pub base: u8,
    /// Name in the program.
    pub name: String,
    /// What it is for.
    pub kind: RegionKind,
    /// Content.
    pub bytes: Vec<u8>,
}

/// The tile under way in the transposer.
#[derive(Debug, Clone, Default)]
pub struct Transposer {
    tile: usize,
    words: Vec<i16>,
}

/// Buffers and regions. Elements are kept unpacked: activations and weights as 16-bit integers,
/// whatever their width in the machine.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The machine they belong to.
    pub shape: Shape,
    /// R activations a word.
    pub ibuf: Vec<i16>,
    /// S x C weights a word.
    pub wbuf: Vec<i16>,
    /// C accumulators a vector.
    pub obuf: Vec<i32>,
    /// C biases, then the bits of C scales, a word.
    pub pbuf: Vec<i32>,
    /// V values a word.
    pub vmem: Vec<i32>,
    /// 256 bytes a table.
    pub table: Vec<u8>,
    /// Bits of c0, c1, c2 of a segment of the function unit, and one word not used.
    pub coeff: Vec<i32>,
    /// DRAM.
    pub regions: Vec<RegionMemory>,
    transposer: Transposer,
}

impl Memory {
    /// Buffers filled with zeros, no regions.
    pub fn new(shape: Shape) -> Memory {
        Memory {
            ibuf: vec![0; shape.ibuf_words * shape.rows],
            wbuf: vec![0; shape.wbuf_words * shape.weights_per_word()],
            obuf: vec![0; shape.obuf_words * shape.cols],
            pbuf: vec![0; shape.pbuf_words * 2 * shape.cols],
            vmem: vec![0; shape.vmem_words * shape.lanes],
            table: vec![0; shape.tables * 256],
            coeff: vec![0; shape.function_segments * 4],
            regions: Vec::new(),
            transposer: Transposer::default(),
            shape,
        }
    }

    /// Regions as the program declares them, with their initial content.
    pub fn place(&mut self, program: &Program) -> Result<(), ExecError> {
        let mut regions = Vec::new();
        for region in &program.regions {
            let (base, name, kind) = (region.base, region.name.clone(), region.kind);
            let size = flow::size(region.size);
            // Asked first: an allocation that fails would end the process.
            let mut bytes: Vec<u8> = Vec::new();
            if bytes.try_reserve_exact(size).is_err() {
                return Err(ExecError::Memory { name, size: region.size });
            }
            drop(bytes);
            bytes = vec![0; size];
            for (to, from) in bytes.iter_mut().zip(&region.data) {
                *to = *from;
            }
            regions.push(RegionMemory { base, name, kind, bytes });
        }
        self.regions = regions;
        Ok(())
    }

    /// What a start of a program does to the buffers: an unfinished tile is forgotten.
    pub fn start(&mut self) {
        self.transposer = Transposer::default();
    }

    /// `length` bytes from `offset` of the region of a base register.
    pub fn region(&self, base: u8, offset: i64, length: usize) -> Result<&[u8], Stop> {
        let stop = || Stop { cause: Cause::RegionRange, address: offset.cast_unsigned() };
        let region = self.regions.iter().find(|region| region.base == base).ok_or_else(stop)?;
        let start = usize::try_from(offset).map_err(|_| stop())?;
        let end = start.checked_add(length).ok_or_else(stop)?;
        region.bytes.get(start..end).ok_or_else(stop)
    }

    /// The same, to be written.
    pub fn region_mut(&mut self, base: u8, offset: i64, length: usize) -> Result<&mut [u8], Stop> {
        let stop = || Stop { cause: Cause::RegionRange, address: offset.cast_unsigned() };
        let region = self.regions.iter_mut().find(|region| region.base == base).ok_or_else(stop)?;
        let start = usize::try_from(offset).map_err(|_| stop())?;
        let end = start.checked_add(length).ok_or_else(stop)?;
        region.bytes.get_mut(start..end).ok_or_else(stop)
    }

    /// Activations of an IBUF word.
    pub fn ibuf_word(&self, address: usize) -> Result<&[i16], Stop> {
        word(&self.ibuf, self.shape.rows, address)
    }

    /// V activations of IBUF.
    pub fn lane_word(&self, address: usize) -> Result<&[i16], Stop> {
        word(&self.ibuf, self.shape.lanes, address)
    }

    /// Values of a VMEM word.
    pub fn vmem_word(&self, address: usize) -> Result<&[i32], Stop> {
        word(&self.vmem, self.shape.lanes, address)
    }

    /// Weights of a WBUF word; the address wraps at the ring's end.
    pub fn wbuf_word(&self, address: usize) -> Result<&[i16], Stop> {
        word(&self.wbuf, self.shape.weights_per_word(), address % self.shape.wbuf_words)
    }

    /// Biases and bits of the scales of a PBUF word.
    pub fn pbuf_word(&self, address: usize) -> Result<(&[i32], &[i32]), Stop> {
        Ok(word(&self.pbuf, 2 * self.shape.cols, address)?.split_at(self.shape.cols))
    }

    /// Coefficients of the function unit, by segment.
    pub fn coefficients(&self, segment: usize) -> [f32; 3] {
        let at = |k: usize| {
            let bits = self.coeff.get(4 * segment + k).copied().unwrap_or(0);
            f32::from_bits(bits.cast_unsigned())
        };
        [at(0), at(1), at(2)]
    }

    /// Replaces one activation after another from `position` of an IBUF word on.
    pub fn write_ibuf(
        &mut self,
        address: usize,
        position: usize,
        values: &[i32],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let target = word_mut(&mut self.ibuf, self.shape.rows, address)?;
        for (to, &from) in target.iter_mut().skip(position).zip(values) {
            *to = narrow(from, self.shape.activation_bits);
        }
        writes.push(Place::Ibuf, address, 1);
        Ok(())
    }

    /// Replaces V activations of IBUF.
    pub fn write_lane_word(
        &mut self,
        address: usize,
        values: &[i32],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let parts = self.shape.rows / self.shape.lanes;
        let position = address % parts * self.shape.lanes;
        self.write_ibuf(address / parts, position, values, writes)
            .map_err(|_| Stop::buffer(address))
    }

    /// Replaces values from `position` of a VMEM word on.
    pub fn write_vmem(
        &mut self,
        address: usize,
        position: usize,
        values: &[i32],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let target = word_mut(&mut self.vmem, self.shape.lanes, address)?;
        for (to, &from) in target.iter_mut().skip(position).zip(values) {
            *to = from;
        }
        writes.push(Place::Vmem, address, 1);
        Ok(())
    }

    /// Writes one row of a weight tile; the address is tile * R + row.
    pub fn write_tile_row(
        &mut self,
        address: i64,
        values: &[i32],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let (tile, row) = self.tile_address(address);
        let weights: Vec<i16> =
            values.iter().map(|&value| narrow(value, self.shape.weight_bits)).collect();
        self.put_row(tile, row, &weights, writes)
    }

    /// Hands one column of a weight tile to the transposer.
    pub fn write_tile_column(
        &mut self,
        address: i64,
        values: &[i32],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let (tile, column) = self.tile_address(address);
        let size = self.shape.rows;
        let expected = self.transposer.words.len() / size;
        if column != expected || column > 0 && tile != self.transposer.tile {
            return Err(Stop::new(Cause::TransposerOrder, wrap(address)));
        }
        self.transposer.tile = tile;
        let bits = self.shape.weight_bits;
        self.transposer.words.extend(values.iter().map(|&value| narrow(value, bits)));
        if column + 1 < size {
            return Ok(());
        }
        let columns = std::mem::take(&mut self.transposer.words);
        for row in 0..size {
            let weights: Vec<i16> = columns.iter().skip(row).step_by(size).copied().collect();
            self.put_row(tile, row, &weights, writes)?;
        }
        Ok(())
    }

    /// Tile and row or column of an address of VECTOR in WBUF.
    fn tile_address(&self, address: i64) -> (usize, usize) {
        let tiles = (self.shape.wbuf_words / self.shape.segment_rows).max(1);
        let address = wrap(address) % (tiles * self.shape.rows);
        (address / self.shape.rows, address % self.shape.rows)
    }

    fn put_row(
        &mut self,
        tile: usize,
        row: usize,
        weights: &[i16],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let (segment, step) = (row / self.shape.segment_rows, row % self.shape.segment_rows);
        let address = tile * self.shape.segment_rows + step;
        let target = word_mut(&mut self.wbuf, self.shape.weights_per_word(), address)?;
        for (to, &from) in target.iter_mut().skip(segment * self.shape.cols).zip(weights) {
            *to = from;
        }
        writes.push(Place::Wbuf, address, 1);
        Ok(())
    }

    /// Writes a whole word that came as bytes.
    pub fn write_bytes(
        &mut self,
        place: Place,
        address: usize,
        bytes: &[u8],
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let shape = self.shape;
        let mut address = address;
        match place {
            Place::Ibuf => {
                let target = word_mut(&mut self.ibuf, shape.rows, address)?;
                unpack(bytes, shape.activation_bits, target);
            }
            Place::Wbuf => {
                address %= shape.wbuf_words;
                let target = word_mut(&mut self.wbuf, shape.weights_per_word(), address)?;
                unpack(bytes, shape.weight_bits, target);
            }
            Place::Pbuf => unpack32(bytes, word_mut(&mut self.pbuf, 2 * shape.cols, address)?),
            Place::Vmem => unpack32(bytes, word_mut(&mut self.vmem, shape.lanes, address)?),
            Place::Table => {
                let target = word_mut(&mut self.table, 4, address)?;
                for (to, from) in target.iter_mut().zip(bytes) {
                    *to = *from;
                }
            }
            Place::Coeff => unpack32(bytes, word_mut(&mut self.coeff, 1, address)?),
            // LOAD reaches neither.
            Place::Obuf | Place::Region(_) => return Err(Stop::configuration()),
        }
        writes.push(place, address, 1);
        Ok(())
    }

    /// Appends the bytes of a word.
    pub fn read_bytes(&self, place: Place, address: usize, out: &mut Vec<u8>) -> Result<(), Stop> {
        match place {
            Place::Ibuf => pack(self.ibuf_word(address)?, self.shape.activation_bits, out),
            Place::Vmem => {
                out.extend(self.vmem_word(address)?.iter().flat_map(|value| value.to_le_bytes()));
            }
            // STORE reaches no other.
            _ => return Err(Stop::configuration()),
        }
        Ok(())
    }

    /// Bytes of a word LOAD and STORE move.
    pub fn word_bytes(&self, place: Place) -> usize {
        match place {
            Place::Ibuf => self.shape.ibuf_word_bytes(),
            Place::Wbuf => self.shape.wbuf_word_bytes(),
            Place::Pbuf => 8 * self.shape.cols,
            Place::Vmem => 4 * self.shape.lanes,
            Place::Table | Place::Coeff => 4,
            Place::Obuf => 4 * self.shape.cols,
            Place::Region(_) => 1,
        }
    }
}

fn word<T>(memory: &[T], size: usize, address: usize) -> Result<&[T], Stop> {
    let start = address * size;
    memory.get(start..start + size).ok_or_else(|| Stop::buffer(address))
}

fn word_mut<T>(memory: &mut [T], size: usize, address: usize) -> Result<&mut [T], Stop> {
    let start = address * size;
    memory.get_mut(start..start + size).ok_or_else(|| Stop::buffer(address))
}

/// The low bits of a value as an element of a buffer; widths are at most 16.
pub fn narrow(value: i32, bits: u32) -> i16 {
    let [a, b, ..] = sign_extend(value.cast_unsigned(), bits).to_le_bytes();
    i16::from_le_bytes([a, b])
}

fn unpack(bytes: &[u8], bits: u32, elements: &mut [i16]) {
    match bits {
        8 => {
            for (to, &from) in elements.iter_mut().zip(bytes) {
                *to = i16::from(from.cast_signed());
            }
        }
        16 => {
            for (to, from) in elements.iter_mut().zip(bytes.chunks_exact(2)) {
                *to = i16::from_le_bytes([from[0], from[1]]);
            }
        }
        _ => {
            // Four bits: the first element is the low half of a byte.
            for (i, to) in elements.iter_mut().enumerate() {
                let byte = bytes.get(i / 2).copied().unwrap_or(0);
                *to = narrow(i32::from(byte >> (4 * (i % 2))), 4);
            }
        }
    }
}

fn pack(elements: &[i16], bits: u32, out: &mut Vec<u8>) {
    match bits {
        8 => out.extend(elements.iter().map(|element| element.to_le_bytes()[0])),
        16 => out.extend(elements.iter().flat_map(|element| element.to_le_bytes())),
        _ => out.extend(elements.chunks(2).map(|pair| {
            let half = |i: usize| pair.get(i).map_or(0, |element| element.to_le_bytes()[0] & 15);
            half(0) | half(1) << 4
        })),
    }
}

fn unpack32(bytes: &[u8], values: &mut [i32]) {
    for (to, from) in values.iter_mut().zip(bytes.chunks_exact(4)) {
        *to = i32::from_le_bytes([from[0], from[1], from[2], from[3]]);
    }
}
