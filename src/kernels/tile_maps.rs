//! Maps in IBUF that the tiles of a convolution read and write: whole tensors, or a few buffers in
//! turn; and when their contents move from and to DRAM.

use std::ops::Range;

use super::conv::{Conv, Sink, Source};
use super::tiling::Tile;
use super::transfer::{load_rows, store_rows};
use super::{DramTensor, Emitter, Fmap, KernelError};

/// Input of one tile: a map, and the input row its first row is.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) map: Fmap,
    pub(super) first_row: usize,
}

/// Input maps of the tiles.
pub(super) enum Inputs<'a> {
    Resident(&'a Fmap),
    /// The whole tensor has space: rows load when first needed and stay.
    Whole {
        tensor: DramTensor,
        map: Fmap,
        loaded: usize,
    },
    /// A few tile buffers in turn.
    Turns {
        source: Source<'a>,
        maps: Vec<Fmap>,
        next: usize,
        held: Option<(Range<usize>, Window)>,
    },
}

/// Tile buffers in turn where a tensor does not fit as a whole.
const TURNS: usize = 3;

impl<'a> Inputs<'a> {
    pub(super) fn new(
        e: &mut Emitter,
        layer: &Conv,
        source: Source<'a>,
        tiles: &[Tile],
    ) -> Result<Inputs<'a>, KernelError> {
        match source {
            Source::Map(map) => Ok(Inputs::Resident(map)),
            Source::Dram(tensor) => {
                let shape = [tensor.height, tensor.width, tensor.channels];
                let words = Fmap::words(&e.geometry, shape[2], shape[0], shape[1]);
                if words <= e.ibuf.largest() * 3 / 4 {
                    let map = e.fmap(shape, &[])?;
                    return Ok(Inputs::Whole { tensor: *tensor, map, loaded: 0 });
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

    fn turns(
        e: &mut Emitter,
        source: Source<'a>,
        shape: [usize; 3],
    ) -> Result<Inputs<'a>, KernelError> {
        let mut maps: Vec<Fmap> = Vec::new();
        for _ in 0..TURNS {
            let apart: Vec<&Fmap> = maps.iter().collect();
            match e.fmap(shape, &apart) {
                Ok(map) => maps.push(map),
                Err(error) if maps.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(Inputs::Turns { source, maps, next: 0, held: None })
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
            Inputs::Resident(map) => Ok(Window { map: **map, first_row: 0 }),
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
                if let Some((present, window)) = held
                    && *present == rows
                {
                    return Ok(*window);
                }
                let mut map = maps[*next];
                *next = (*next + 1) % maps.len();
                map.height = rows.len();
                match source {
                    Source::Dram(tensor) => load_rows(e, tensor, rows.clone(), &map, 0)?,
                    Source::Lowered(tensor, lowering) => {
                        lowering.load(e, tensor, rows.clone(), &map)?
                    }
                    Source::Map(_) => {}
                }
                let window = Window { map, first_row: rows.start };
                *held = Some((rows, window));
                Ok(window)
            }
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

/// Input rows a tile reads.
fn input_rows(layer: &Conv, tile: &Tile, height: usize) -> Range<usize> {
    let reach = (layer.weights.kernel[0] - 1) * layer.dilations[0] + 1;
    let start = (tile.rows.start * layer.strides[0]).saturating_sub(layer.pads[0]);
    let end = ((tile.rows.end - 1) * layer.strides[0] + reach).saturating_sub(layer.pads[0]);
    start.min(height)..end.min(height)
}

/// Output maps of the tiles.
pub(super) enum Outputs<'a> {
    Resident(&'a Fmap),
    Turns { tensor: &'a DramTensor, addrs: Vec<usize>, words: usize, next: usize },
}

/// Where a tile's results go.
pub(super) struct Target {
    pub(super) map: Fmap,
    /// Position in the map of the tile's first pixel.
    pub(super) row: usize,
    pub(super) col: usize,
    /// Block of output channels with which the map begins.
    pub(super) first_block: usize,
}

impl<'a> Outputs<'a> {
    pub(super) fn new(
        e: &mut Emitter,
        layer: &Conv,
        sink: Sink<'a>,
        tiles: &[Tile],
        chunks: &[Range<usize>],
        inputs: &Inputs,
    ) -> Result<Outputs<'a>, KernelError> {
        let tensor = match sink {
            Sink::Map(map) => return Ok(Outputs::Resident(map)),
            Sink::Dram(tensor) => tensor,
        };
        let most = chunks.iter().map(Range::len).max().unwrap_or(1);
        let channels = (most * e.geometry.cols).min(layer.weights.out_channels);
        let pixels = |tile: &Tile| tile.rows.len() * tile.cols.len();
        let shape = [1, tiles.iter().map(pixels).max().unwrap_or(1), channels];
        let mut maps: Vec<Fmap> = Vec::new();
        for _ in 0..TURNS.min(tiles.len() * chunks.len()) {
            let apart: Vec<&Fmap> = inputs.maps().into_iter().chain(&maps).collect();
            match e.fmap(shape, &apart) {
                Ok(map) => maps.push(map),
                Err(error) if maps.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        let words = maps.first().map_or(0, |map| map.size(&e.geometry));
        Ok(Outputs::Turns {
            tensor,
            addrs: maps.iter().map(|map| map.addr).collect(),
            words,
            next: 0,
        })
    }

    pub(super) fn tile(&mut self, e: &Emitter, tile: &Tile, blocks: &Range<usize>) -> Target {
        match self {
            Outputs::Resident(map) => {
                Target { map: **map, row: tile.rows.start, col: tile.cols.start, first_block: 0 }
            }
            Outputs::Turns { tensor, addrs, next, .. } => {
                let addr = addrs[*next];
                *next = (*next + 1) % addrs.len();
                let cols = e.geometry.cols;
                let first_block = blocks.start;
                let channels = (blocks.len() * cols).min(tensor.channels - first_block * cols);
                let map = Fmap { addr, channels, height: tile.rows.len(), width: tile.cols.len() };
                Target { map, row: 0, col: 0, first_block }
            }
        }
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
        let addr = out.map.addr + start / geometry.rows * out.map.block_stride();
        let map = Fmap { addr, channels: end - start, ..out.map };
        let channel = out.first_block * geometry.cols + start;
        store_rows(e, &map, 0..map.height, tensor, [tile.rows.start, tile.cols.start], channel)
    }

    pub(super) fn release(&self, e: &mut Emitter) {
        if let Outputs::Turns { addrs, words, .. } = self {
            addrs.iter().for_each(|&addr| e.ibuf.give(addr, *words));
        }
    }
}
