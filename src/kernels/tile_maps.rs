//! Maps in IBUF that the tiles of a convolution read and write: whole tensors, or a few buffers in
//! turn; and when their contents move from and to DRAM.

use std::ops::Range;

use super::conv::{Conv, Sink, Skip, Source};
use super::tiling::Tile;
use super::transfer::{load_channels, load_rows, store_pixels, store_rows};
use super::{DramTensor, Emitter, Fmap, Geometry, KernelError};

/// Input of one tile: a map, and the input row its first row is.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) map: Fmap,
    pub(super) first_row: usize,
}

/// Input maps of the tiles.
pub(super) enum Inputs {
    Resident(Fmap),
    /// The whole tensor has space: rows load when first needed and stay.
    Whole {
        tensor: DramTensor,
        map: Fmap,
        loaded: usize,
    },
    /// A few tile buffers in turn.
    Turns {
        source: Source,
        maps: Vec<Fmap>,
        next: usize,
        /// What each buffer holds.
        held: Vec<(Range<usize>, Window)>,
    },
}

/// Tile buffers in turn where a tensor does not fit as a whole.
pub(super) const TURNS: usize = 3;

impl Inputs {
    pub(super) fn new(
        e: &mut Emitter,
        layer: &Conv,
        source: Source,
        tiles: &[Tile],
    ) -> Result<Inputs, KernelError> {
        match source {
            Source::Map(map) => Ok(Inputs::Resident(map)),
            Source::Dram(tensor) => {
                if fits_whole(e, &tensor) {
                    let map = e.fmap([tensor.height, tensor.width, tensor.channels], &[])?;
                    return Ok(Inputs::Whole { tensor, map, loaded: 0 });
                }
                let rows = |tile: &Tile| input_rows(layer, tile, tensor.height).len();
                let most = tiles.iter().map(rows).max().unwrap_or(1);
                Inputs::turns(e, source, [most, tensor.width, tensor.channels])
            }
            Source::Lowered(_, _) => {
                let most = tiles.iter().map(|tile| tile.rows.len()).max().unwrap_or(1);
                let width = tiles.iter().map(|tile| tile.cols.end).max().unwrap_or(1);
                Inputs::turns(e, source, [most, width, layer.weights.in_channels])
            }
        }
    }

    fn turns(e: &mut Emitter, source: Source, shape: [usize; 3]) -> Result<Inputs, KernelError> {
        Ok(Inputs::Turns { source, maps: vec![e.fmap(shape, &[])?], next: 0, held: Vec::new() })
    }

    /// Takes space for one more tile, if there is some.
    pub(super) fn grow(&mut self, e: &mut Emitter) {
        let Inputs::Turns { maps, .. } = self else { return };
        let Some(Fmap { height, width, channels, .. }) = maps.first().copied() else { return };
        let apart: Vec<&Fmap> = maps.iter().collect();
        if let Ok(map) = e.fmap([height, width, channels], &apart) {
            maps.push(map);
        }
    }

    fn maps(&self) -> Vec<&Fmap> {
        match self {
            Inputs::Resident(map) => vec![map],
            Inputs::Whole { map, .. } => vec![map],
            Inputs::Turns { maps, .. } => maps.iter().collect(),
        }
    }

    /// Input of a tile, loaded if it is not there yet.
    pub(super) fn tile(
        &mut self,
        e: &mut Emitter,
        layer: &Conv,
        tile: &Tile,
    ) -> Result<Window, KernelError> {
        match self {
            Inputs::Resident(map) => Ok(Window { map: *map, first_row: 0 }),
            Inputs::Whole { tensor, map, loaded } => {
                let rows = input_rows(layer, tile, tensor.height);
                if rows.end > *loaded {
                    load_rows(e, tensor, *loaded..rows.end, map, *loaded)?;
                    *loaded = rows.end;
                }
                Ok(Window { map: *map, first_row: 0 })
            }
            Inputs::Turns { source, maps, next, held } => {
                let rows = match source {
                    Source::Dram(tensor) => input_rows(layer, tile, tensor.height),
                    _ => tile.rows.clone(),
                };
                if let Some((_, window)) = held.iter().find(|(present, _)| *present == rows) {
                    return Ok(*window);
                }
                let mut map = maps[*next];
                *next = (*next + 1) % maps.len();
                held.retain(|(_, window)| window.map.addr != map.addr);
                map.height = rows.len();
                match source {
                    Source::Dram(tensor) => load_rows(e, tensor, rows.clone(), &map, 0)?,
                    Source::Lowered(tensor, lowering) => {
                        lowering.load(e, tensor, rows.clone(), &map)?
                    }
                    Source::Map(_) => {}
                }
                let window = Window { map, first_row: rows.start };
                held.push((rows, window));
                Ok(window)
            }
        }
    }

    /// Rows of the tensor that a tile reads.
    pub(super) fn rows(&self, layer: &Conv, tile: &Tile) -> Range<usize> {
        match self {
            Inputs::Resident(map) => input_rows(layer, tile, map.height),
            Inputs::Whole { tensor, .. } => input_rows(layer, tile, tensor.height),
            Inputs::Turns { source: Source::Dram(tensor), .. } => {
                input_rows(layer, tile, tensor.height)
            }
            Inputs::Turns { source: Source::Lowered(tensor, lowering), .. } => {
                let (stride, top) = (lowering.strides[0], lowering.pads[0]);
                let start = (tile.rows.start * stride).saturating_sub(top);
                let end = ((tile.rows.end - 1) * stride + lowering.kernel[0]).saturating_sub(top);
                start.min(tensor.height)..end.min(tensor.height)
            }
            Inputs::Turns { .. } => tile.rows.clone(),
        }
    }

    /// Whether the input of a tile can be asked for while that of the one before is in use.
    pub(super) fn comes_early(&self) -> bool {
        match self {
            Inputs::Resident(_) => false,
            Inputs::Whole { .. } => true,
            Inputs::Turns { maps, .. } => !maps.is_empty(),
        }
    }

    pub(super) fn release(&self, e: &mut Emitter) {
        match self {
            Inputs::Resident(_) => {}
            Inputs::Whole { map, .. } => e.release(map),
            Inputs::Turns { maps, .. } => maps.iter().for_each(|map| e.release(map)),
        }
    }
}

/// Whether a tensor gets space as a whole.
pub(super) fn fits_whole(e: &Emitter, tensor: &DramTensor) -> bool {
    let words = Fmap::words(&e.geometry, tensor.channels, tensor.height, tensor.width);
    words <= e.ibuf.largest() * 3 / 4
}

/// Input rows a tile reads.
pub(super) fn input_rows(layer: &Conv, tile: &Tile, height: usize) -> Range<usize> {
    let reach = (layer.weights.kernel[0] - 1) * layer.dilations[0] + 1;
    let start = (tile.rows.start * layer.strides[0]).saturating_sub(layer.pads[0]);
    let end = ((tile.rows.end - 1) * layer.strides[0] + reach).saturating_sub(layer.pads[0]);
    start.min(height)..end.min(height)
}

/// Output maps of the tiles.
pub(super) enum Outputs {
    Resident(Fmap),
    Turns {
        tensor: DramTensor,
        addrs: Vec<usize>,
        /// Of a buffer for one tile.
        shape: [usize; 3],
        /// Tiles of all chunks.
        uses: usize,
        next: usize,
        /// Whether results are binary32, and buffers in VMEM.
        wide: bool,
    },
}

/// Where a tile's results go.
pub(super) struct Target {
    /// In IBUF, or, where it is wide, in VMEM: the same but for its words, which have as many
    /// channels as there are lanes.
    pub(super) map: Fmap,
    pub(super) wide: bool,
    /// Position in the map of the tile's first pixel.
    pub(super) row: usize,
    pub(super) col: usize,
    /// Block of output channels with which the map begins.
    pub(super) first_block: usize,
}

impl Target {
    /// Channels of a word.
    pub(super) fn word(&self, geometry: &Geometry) -> usize {
        if self.wide { geometry.lanes } else { geometry.rows }
    }
}

impl Outputs {
    pub(super) fn new(
        e: &mut Emitter,
        layer: &Conv,
        sink: Sink,
        tiles: &[Tile],
        chunks: &[Range<usize>],
        inputs: &Inputs,
    ) -> Result<Outputs, KernelError> {
        let (tensor, wide) = match sink {
            Sink::Map(map) => return Ok(Outputs::Resident(map)),
            Sink::Dram(tensor) => (tensor, false),
            Sink::Wide(tensor) => (tensor, true),
        };
        let most = chunks.iter().map(Range::len).max().unwrap_or(1);
        let channels = (most * e.geometry.cols).min(layer.weights.out_channels);
        let pixels = |tile: &Tile| tile.rows.len() * tile.cols.len();
        let shape = [1, tiles.iter().map(pixels).max().unwrap_or(1), channels];
        let addr = match wide {
            true => {
                let (words, total) = (wide_words(e, shape), e.geometry.vmem_words);
                e.vmem.take(words, &[]).ok_or(KernelError::VmemFull { words, total })?
            }
            false => e.fmap(shape, &inputs.maps())?.addr,
        };
        let uses = tiles.len() * chunks.len();
        Ok(Outputs::Turns { tensor, addrs: vec![addr], shape, uses, next: 0, wide })
    }

    /// Takes space for one more tile, if there is some and it would be used.
    pub(super) fn grow(&mut self, e: &mut Emitter, inputs: &Inputs) {
        let Outputs::Turns { addrs, shape, uses, wide, .. } = self else { return };
        let [height, width, channels] = *shape;
        if *wide {
            let words = wide_words(e, *shape);
            let own: Vec<(usize, usize)> = addrs.iter().map(|&addr| (addr, words)).collect();
            if addrs.len() < *uses
                && let Some(addr) = e.vmem.take(words, &own)
            {
                addrs.push(addr);
            }
            return;
        }
        let own = addrs.iter().map(|&addr| Fmap { addr, channels, height, width });
        let own: Vec<Fmap> = own.collect();
        let apart: Vec<&Fmap> = inputs.maps().into_iter().chain(&own).collect();
        if addrs.len() < *uses
            && let Ok(map) = e.fmap(*shape, &apart)
        {
            addrs.push(map.addr);
        }
    }

    pub(super) fn tile(&mut self, e: &Emitter, tile: &Tile, blocks: &Range<usize>) -> Target {
        match self {
            Outputs::Resident(map) => {
                let (row, col) = (tile.rows.start, tile.cols.start);
                Target { map: *map, wide: false, row, col, first_block: 0 }
            }
            Outputs::Turns { tensor, addrs, next, wide, .. } => {
                let addr = addrs[*next];
                *next = (*next + 1) % addrs.len();
                let cols = e.geometry.cols;
                let first_block = blocks.start;
                let channels = (blocks.len() * cols).min(tensor.channels - first_block * cols);
                let map = Fmap { addr, channels, height: tile.rows.len(), width: tile.cols.len() };
                Target { map, wide: *wide, row: 0, col: 0, first_block }
            }
        }
    }

    /// Whether results are stored to DRAM.
    pub(super) fn stores(&self) -> bool {
        matches!(self, Outputs::Turns { .. })
    }

    /// Stores the channel blocks `blocks` (counted from the target's first) of a tile.
    pub(super) fn store(
        &self,
        e: &mut Emitter,
        out: &Target,
        tile: &Tile,
        blocks: Range<usize>,
    ) -> Result<(), KernelError> {
        let Outputs::Turns { tensor, .. } = self else { return Ok(()) };
        let geometry = e.geometry;
        let start = blocks.start * geometry.cols;
        let end = (blocks.end * geometry.cols).min(out.map.channels);
        let addr = out.map.addr + start / out.word(&geometry) * out.map.block_stride();
        let map = Fmap { addr, channels: end - start, ..out.map };
        let channel = out.first_block * geometry.cols + start;
        if out.wide {
            let from = [tile.rows.start, tile.cols.start];
            return store_pixels(e, &map, tensor, from, channel);
        }
        store_rows(e, &map, 0..map.height, tensor, [tile.rows.start, tile.cols.start], channel)
    }

    pub(super) fn release(&self, e: &mut Emitter) {
        if let Outputs::Turns { addrs, shape, wide: true, .. } = self {
            let words = wide_words(e, *shape);
            addrs.iter().for_each(|&addr| e.vmem.give(addr, words));
        } else if let Outputs::Turns { addrs, shape: [height, width, channels], .. } = self {
            let words = Fmap::words(&e.geometry, *channels, *height, *width);
            addrs.iter().for_each(|&addr| e.ibuf.give(addr, words));
        }
    }
}

/// Words of VMEM for binary32 numbers of this shape.
fn wide_words(e: &Emitter, [height, width, channels]: [usize; 3]) -> usize {
    height * width * channels.div_ceil(e.geometry.lanes)
}

/// The second operand of a residual addition for one tile.
#[derive(Clone, Copy)]
pub(super) struct SkipWindow {
    pub(super) map: Fmap,
    /// Position in the map of the tile's first pixel.
    pub(super) row: usize,
    pub(super) col: usize,
    /// Block of output channels with which the map begins.
    pub(super) first_block: usize,
}

/// Maps with the second operand of a residual addition.
pub(super) enum Skips {
    Resident(Fmap),
    Turns {
        tensor: DramTensor,
        addrs: Vec<usize>,
        /// Of a buffer for one tile.
        shape: [usize; 3],
        /// Tiles of all chunks.
        uses: usize,
        next: usize,
    },
}

impl Skips {
    pub(super) fn new(
        e: &mut Emitter,
        skip: Skip,
        tiles: &[Tile],
        chunks: &[Range<usize>],
    ) -> Result<Skips, KernelError> {
        let tensor = match skip {
            Skip::Map(map) => return Ok(Skips::Resident(map)),
            Skip::Dram(tensor) => tensor,
        };
        let blocks = chunks.iter().map(Range::len).max().unwrap_or(1);
        let channels = (blocks * e.geometry.cols).min(tensor.channels);
        let rows = tiles.iter().map(|tile| tile.rows.len()).max().unwrap_or(1);
        let shape = [rows, tensor.width, channels];
        let addrs = vec![e.fmap(shape, &[])?.addr];
        Ok(Skips::Turns { tensor, addrs, shape, uses: tiles.len() * chunks.len(), next: 0 })
    }

    /// Takes space for one more tile, if there is some and it would be used.
    pub(super) fn grow(&mut self, e: &mut Emitter) {
        let Skips::Turns { addrs, shape, uses, .. } = self else { return };
        if addrs.len() < *uses
            && let Ok(map) = e.fmap(*shape, &[])
        {
            addrs.push(map.addr);
        }
    }

    /// Whether the operand of a tile can be asked for while that of the one before is in use.
    pub(super) fn comes_early(&self) -> bool {
        match self {
            Skips::Resident(_) => false,
            Skips::Turns { addrs, .. } => addrs.len() > 1,
        }
    }

    /// The operand of a tile, for some blocks of channels, loaded if it is not there.
    pub(super) fn tile(
        &mut self,
        e: &mut Emitter,
        tile: &Tile,
        blocks: &Range<usize>,
    ) -> Result<SkipWindow, KernelError> {
        let (row, col) = (tile.rows.start, tile.cols.start);
        match self {
            Skips::Resident(map) => Ok(SkipWindow { map: *map, row, col, first_block: 0 }),
            Skips::Turns { tensor, addrs, next, .. } => {
                let addr = addrs[*next];
                *next = (*next + 1) % addrs.len();
                let cols = e.geometry.cols;
                let first = blocks.start * cols;
                let channels = (blocks.len() * cols).min(tensor.channels - first);
                let (height, width) = (tile.rows.len(), tensor.width);
                let map = Fmap { addr, channels, height, width };
                load_channels(e, tensor, tile.rows.clone(), first, &map)?;
                Ok(SkipWindow { map, row: 0, col, first_block: blocks.start })
            }
        }
    }

    pub(super) fn release(&self, e: &mut Emitter) {
        if let Skips::Turns { addrs, shape: [height, width, channels], .. } = self {
            let words = Fmap::words(&e.geometry, *channels, *height, *width);
            addrs.iter().for_each(|&addr| e.ibuf.give(addr, words));
        }
    }
}
