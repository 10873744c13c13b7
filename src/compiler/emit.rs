//! Emits the layers of a network in order: gives every feature map a place in IBUF or in DRAM, and
//! calls the kernels.

use std::collections::BTreeSet;

use super::net::{
    ConvLayer, DepthwiseLayer, Kind, Layer, Named, Net, PoolLayer, RowsLayer, ValueId,
};
use super::schedule_file::Choices;
use super::streams::Rows;
use super::{Options, schedule};
use crate::design::Design;
use crate::kernels::conv::{Conv, Cutting, Running, Sink, Skip, Source};
use crate::kernels::maps::{self, Copy as Part};
use crate::kernels::pool::pool;
use crate::kernels::tensor::Arena;
use crate::kernels::transfer::{Lowering, load_rows, store_rows};
use crate::kernels::vector::{Depthwise, depthwise};
use crate::kernels::weights::ConvWeights;
use crate::kernels::{DramTensor, Emitter, Fmap, KernelError};
use crate::program::{Dtype, Layout, Program, RegionKind, Tensor};

/// Where a feature map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In IBUF.
    Chip(Fmap),
    /// In DRAM.
    Dram(DramTensor),
}

/// Why a network could not be emitted.
#[derive(Debug)]
pub struct Failure {
    /// Position of the layer; the number of layers for the program as a whole.
    pub layer: usize,
    /// What was wrong.
    pub error: Box<KernelError>,
    /// Maps that were in IBUF, or should have been put there, and need not be.
    pub on_chip: Vec<ValueId>,
}

/// Bytes to which tensors in DRAM are aligned.
const ALIGN: usize = 64;

/// Most bytes of feature maps in DRAM at a time.
const SCRATCH: usize = 1 << 34;

/// The beginning of a layer.
pub(super) struct Begun {
    /// Where its result goes.
    pub place: Place,
    /// Where its operands are.
    pub operands: Vec<Place>,
    overwritten: Option<ValueId>,
}

/// Emits layers and knows where their operands are.
pub(super) struct Emission<'d, 'n> {
    pub e: Emitter<'d>,
    design: &'d Design,
    pub net: &'n Net,
    options: Options,
    places: Vec<Option<Place>>,
    /// Operands that layers still have to read.
    readers: Vec<usize>,
    /// Weights of layers whose input is gathered on the way in, in the order of its pixels.
    gathered: &'n [Option<Vec<i8>>],
    pub choices: &'n Choices,
    spilled: &'n BTreeSet<ValueId>,
    pub decisions: Vec<Decision>,
    inputs: Option<u8>,
    outputs: Option<u8>,
    scratch: Option<u8>,
    scratch_space: Arena,
    next_table: u8,
}

/// What was decided about a layer, besides the place of its result.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// How a convolution is cut.
    pub cut: Option<Cutting>,
    /// Whether its parts stand between those of others.
    pub interleaved: bool,
}

/// A network as a program.
#[derive(Debug)]
pub struct Emitted {
    /// The program.
    pub program: Program,
    /// Where each layer's result is.
    pub places: Vec<Place>,
    /// What was decided about each layer.
    pub decisions: Vec<Decision>,
    /// Useful multiply-accumulates.
    pub macs: u64,
}

/// The program of a network whose maps in `spilled` are in DRAM.
pub fn emit(
    net: &Net,
    design: &Design,
    options: Options,
    choices: &Choices,
    spilled: &BTreeSet<ValueId>,
) -> Result<Emitted, Failure> {
    let whole = |error: KernelError| {
        let layer = net.layers.len();
        Failure { layer, error: Box::new(error), on_chip: Vec::new() }
    };
    let mut readers = vec![0; net.values.len()];
    for value in net.layers.iter().flat_map(|layer| &layer.inputs) {
        readers[value.0] += 1;
    }
    let gathers = |layer: &Layer| match &layer.kind {
        Kind::Conv(conv) if gathers(net, layer, conv, design.rows()) => Some(pixel_order(conv)),
        _ => None,
    };
    let gathered: Vec<Option<Vec<i8>>> = net.layers.iter().map(gathers).collect();
    let mut emission = Emission {
        e: Emitter::new(design).map_err(whole)?,
        design,
        net,
        options,
        places: vec![None; net.values.len()],
        readers,
        gathered: &gathered,
        choices,
        spilled,
        decisions: vec![Decision::default(); net.layers.len()],
        inputs: None,
        outputs: None,
        scratch: None,
        scratch_space: Arena::new(SCRATCH / ALIGN, SCRATCH / ALIGN),
        next_table: 0,
    };
    for (value, named) in &net.inputs {
        let tensor = emission.input(*value);
        emission.declare(*value, named, tensor);
        if options.keep {
            emission.declare_all(*value, tensor);
        }
    }
    let made = schedule::run(&mut emission).map_err(|(layer, error)| {
        let chip = |(value, place): (usize, &Option<Place>)| {
            matches!(place, Some(Place::Chip(_))).then_some(ValueId(value))
        };
        let mut on_chip: Vec<ValueId> =
            emission.places.iter().enumerate().filter_map(chip).collect();
        on_chip.extend(net.layers.get(layer).map(|layer| layer.output));
        let may_move = |value: &ValueId| {
            !spilled.contains(value) && !net.is_streamed(*value) && !choices.chip.contains(value)
        };
        on_chip.retain(may_move);
        Failure { layer, error: Box::new(error), on_chip }
    })?;
    let (decisions, macs) = (std::mem::take(&mut emission.decisions), emission.e.macs());
    Ok(Emitted { program: emission.e.finish().map_err(whole)?, places: made, decisions, macs })
}

/// Whether a convolution takes fewer passes when the inputs of every output pixel are gathered on
/// the way in, which LOAD does with what the host wrote.
fn gathers(net: &Net, layer: &Layer, conv: &ConvLayer, rows: usize) -> bool {
    let window = conv.kernel.iter().product::<usize>();
    let from_host = |value: &ValueId| net.inputs.iter().any(|(input, _)| input == value);
    conv.dilations == [1, 1]
        && window > 1
        && layer.inputs.first().is_some_and(from_host)
        && (window * conv.in_channels).div_ceil(rows) < window * conv.in_channels.div_ceil(rows)
}

impl<'n> Emission<'_, 'n> {
    /// Space at the end of a region for the host.
    fn border(&mut self, kind: RegionKind, shape: [usize; 3], margin: usize) -> DramTensor {
        let (slot, name) = match kind {
            RegionKind::Input => (&mut self.inputs, "inputs"),
            _ => (&mut self.outputs, "outputs"),
        };
        let builder = self.e.builder();
        let base = *slot.get_or_insert_with(|| builder.region(name, kind, 0, Vec::new()));
        let [height, width, channels] = shape;
        let mut tensor = DramTensor { base, offset: 0, channels, height, width };
        let bytes = tensor.bytes(&self.e.geometry);
        if let Some(region) = self.e.builder().region_mut(base) {
            let end = usize::try_from(region.size).unwrap_or(usize::MAX);
            tensor.offset = (end + margin).next_multiple_of(ALIGN);
            region.size = (tensor.offset + bytes).next_multiple_of(ALIGN) as u64;
        }
        tensor
    }

    /// Extents of a map in DRAM, in bytes.
    fn stored(&self, value: ValueId) -> [usize; 3] {
        let [height, width, channels] = self.net.value(value).shape();
        [height, width, if self.net.value(value).float { 4 * channels } else { channels }]
    }

    fn input(&mut self, value: ValueId) -> DramTensor {
        let shape = self.stored(value);
        let [_, width, channels] = shape;
        // A lowering computes addresses from the corner of the padded picture.
        let margin = self.net.readers(value).filter_map(|at| match &self.net.layers[at].kind {
            Kind::Conv(conv) => {
                let [top, left, ..] = conv.pads;
                Some((top * width + left) * channels)
            }
            _ => None,
        });
        let margin = margin.max().unwrap_or(0);
        let tensor = self.border(RegionKind::Input, shape, margin);
        self.places[value.0] = Some(Place::Dram(tensor));
        tensor
    }

    /// A tensor at the border of the program.
    fn declare(&mut self, value: ValueId, named: &Named, tensor: DramTensor) {
        let value = self.net.value(value);
        let shape = [1, value.height as u64, value.width as u64, value.channels as u64];
        let dtype = match (value.float, named.unsigned) {
            (true, _) => Dtype::Float32,
            (false, true) => Dtype::Uint8,
            (false, false) => Dtype::Int8,
        };
        self.e.builder().tensor(Tensor {
            name: named.name.clone(),
            region: tensor.base,
            offset: tensor.offset as u64,
            shape: shape.to_vec(),
            layout: Layout::Nhwc,
            dtype,
            scale: value.scale,
            zero: if named.unsigned { value.zero + 128 } else { value.zero },
            network: Some(named.view.clone()),
        });
    }

    fn declare_all(&mut self, value: ValueId, tensor: DramTensor) {
        // Binary32 maps go by the names of the network's inputs and outputs that they are.
        let border = self.net.inputs.iter().chain(&self.net.outputs);
        let taken: Vec<&str> = border.map(|(_, named)| named.name.as_str()).collect();
        for named in &self.net.value(value).tensors {
            if !taken.contains(&named.name.as_str()) {
                self.declare(value, named, tensor);
            }
        }
    }

    /// A tensor in DRAM for a map, and its declarations where the host reads it.
    fn dram(&mut self, value: ValueId) -> Result<DramTensor, KernelError> {
        let shape = self.stored(value);
        if self.options.keep || self.net.is_output(value) {
            let tensor = self.border(RegionKind::Output, shape, 0);
            for (output, named) in &self.net.outputs {
                if *output == value {
                    self.declare(value, named, tensor);
                }
            }
            if self.options.keep {
                self.declare_all(value, tensor);
            }
            return Ok(tensor);
        }
        let builder = self.e.builder();
        let region = || builder.region("scratch", RegionKind::Scratch, 0, Vec::new());
        let base = *self.scratch.get_or_insert_with(region);
        let [height, width, channels] = shape;
        let mut tensor = DramTensor { base, offset: 0, channels, height, width };
        let units = tensor.bytes(&self.e.geometry).div_ceil(ALIGN);
        let full = KernelError::Unsupported {
            kernel: "network",
            what: "bytes of feature maps in DRAM",
            value: units * ALIGN,
            limit: format!("{SCRATCH} at a time"),
        };
        let start = self.scratch_space.take(units, &[]).ok_or(full)?;
        tensor.offset = start * ALIGN;
        if let Some(region) = self.e.builder().region_mut(base) {
            region.size = region.size.max(((start + units) * ALIGN) as u64);
        }
        Ok(tensor)
    }

    fn place(&self, value: ValueId) -> Option<Place> {
        self.places.get(value.0).copied().flatten()
    }

    /// Maps on chip that a layer reads.
    fn chip_inputs(&self, layer: &Layer) -> Vec<Fmap> {
        let chip = |value: &ValueId| match self.place(*value) {
            Some(Place::Chip(map)) => Some(map),
            _ => None,
        };
        layer.inputs.iter().filter_map(chip).collect()
    }

    /// A map whose words a layer reads before it writes the same ones, and that nothing else needs.
    fn overwritten(&self, layer: &Layer) -> Option<ValueId> {
        let candidates: &[ValueId] = match &layer.kind {
            Kind::Conv(conv) if conv.residual.is_some() => layer.inputs.get(1..)?,
            Kind::Add(_) | Kind::Lookup(_) | Kind::Change(_) => &layer.inputs,
            _ => return None,
        };
        let shape = self.net.value(layer.output).shape();
        let fits = |value: &&ValueId| {
            self.readers[value.0] == 1
                && !self.net.is_output(**value)
                && self.net.value(**value).shape() == shape
                && matches!(self.place(**value), Some(Place::Chip(_)))
        };
        candidates.iter().find(fits).copied()
    }

    /// Gives a layer's result a place; where its operands are, and the map that it overwrites.
    pub fn begin(&mut self, layer: &Layer) -> Result<Begun, KernelError> {
        let output = layer.output;
        let unread = self.readers[output.0] == 0;
        let direct =
            matches!(layer.kind, Kind::Conv(_)) && unread && !self.choices.chip.contains(&output);
        let operands: Vec<Place> = layer.inputs.iter().filter_map(|v| self.place(*v)).collect();
        let mut overwritten = None;
        let dram = self.spilled.contains(&output) || self.net.is_streamed(output) || direct;
        let place = if dram {
            Place::Dram(self.dram(output)?)
        } else if let Some(old) = self.overwritten(layer) {
            overwritten = Some(old);
            self.places[old.0].take().ok_or(KernelError::NoQueue)?
        } else {
            let inputs = self.chip_inputs(layer);
            let apart: Vec<&Fmap> = inputs.iter().collect();
            Place::Chip(self.e.fmap(self.net.value(output).shape(), &apart)?)
        };
        self.places[output.0] = Some(place);
        Ok(Begun { place, operands, overwritten })
    }

    /// Takes back the beginning of a layer.
    pub fn cancel(&mut self, layer: &Layer, begun: &Begun) {
        match begun.overwritten {
            Some(old) => self.places[old.0] = self.places[layer.output.0].take(),
            None => self.release(layer.output),
        }
    }

    /// Stores a layer's result where the host reads it, and gives back what nothing needs any more.
    pub fn end(&mut self, layer: &Layer, place: Place) -> Result<(), KernelError> {
        let output = layer.output;
        if let Place::Chip(map) = place
            && (self.options.keep || self.net.is_output(output))
        {
            let tensor = self.dram(output)?;
            store_rows(&mut self.e, &map, 0..map.height, &tensor, [0, 0], 0)?;
        }
        for value in &layer.inputs {
            self.readers[value.0] -= 1;
            if self.readers[value.0] == 0 {
                self.release(*value);
            }
        }
        if self.readers[output.0] == 0 {
            self.release(output);
        }
        Ok(())
    }

    fn release(&mut self, value: ValueId) {
        match self.places[value.0].take() {
            Some(Place::Chip(map)) => self.e.release(&map),
            Some(Place::Dram(tensor)) if Some(tensor.base) == self.scratch => {
                let units = tensor.bytes(&self.e.geometry).div_ceil(ALIGN);
                self.scratch_space.give(tensor.offset / ALIGN, units);
            }
            _ => {}
        }
    }

    /// An operand on chip, and whether it was brought there for this layer.
    pub(super) fn on_chip(&mut self, operand: Place) -> Result<(Fmap, bool), KernelError> {
        match operand {
            Place::Chip(map) => Ok((map, false)),
            Place::Dram(tensor) => {
                let map = self.e.fmap([tensor.height, tensor.width, tensor.channels], &[])?;
                load_rows(&mut self.e, &tensor, 0..tensor.height, &map, 0)?;
                Ok((map, true))
            }
        }
    }

    /// Emits a layer of VECTOR whose operands and result have places.
    pub fn kernel(
        &mut self,
        layer: &Layer,
        operands: &[Place],
        place: Place,
    ) -> Result<(), KernelError> {
        match (&layer.kind, operands, place) {
            (Kind::Rows(rows), operands, Place::Dram(to)) => self.rows(layer, rows, operands, &to),
            (Kind::Product(product), &[Place::Dram(a), Place::Dram(b)], Place::Dram(to)) => {
                let to = Rows { value: self.net.value(layer.output), tensor: to };
                super::streams::product(&mut self.e, product, [&a, &b], &to)
            }
            (_, operands, Place::Dram(to)) => {
                let tensor = |place: &Place| match place {
                    Place::Dram(tensor) => Some(*tensor),
                    Place::Chip(_) => None,
                };
                let all: Option<Vec<DramTensor>> = operands.iter().map(tensor).collect();
                match all {
                    Some(all) => self.strips(layer, &all, &to),
                    None => self.maps(layer, operands, place),
                }
            }
            _ => self.maps(layer, operands, place),
        }
    }

    /// Emits a layer of VECTOR on maps that are brought to IBUF where they are not.
    fn maps(&mut self, layer: &Layer, operands: &[Place], place: Place) -> Result<(), KernelError> {
        let shape = self.net.value(layer.output).shape();
        let mut brought = Vec::new();
        let mut inputs = Vec::new();
        for &operand in operands {
            let (map, temporary) = self.on_chip(operand)?;
            if temporary {
                brought.push(map);
            }
            inputs.push(map);
        }
        let output = match place {
            Place::Chip(map) => map,
            Place::Dram(_) => {
                let apart: Vec<&Fmap> = inputs.iter().collect();
                let map = self.e.fmap(shape, &apart)?;
                brought.push(map);
                map
            }
        };
        let rows = self.row_by_row(layer)?;
        let e = &mut self.e;
        match (&layer.kind, inputs.as_slice()) {
            (Kind::Depthwise(layer), [input]) => {
                depthwise(e, &depthwise_layer(layer), input, &output)?;
            }
            (Kind::Pool(layer), [input]) => {
                let PoolLayer { kind, kernel, strides, pads } = *layer;
                pool(e, kind, kernel, strides, pads, input, &output)?;
            }
            (Kind::Concat(concat), inputs) => {
                let mut channel = 0;
                for (input, change) in inputs.iter().zip(&concat.changes) {
                    let size = [input.height, input.width, input.blocks(&e.geometry)];
                    let part =
                        Part { from: ([0; 2], 0), to: ([0; 2], channel / e.geometry.rows), size };
                    maps::copy(e, &part, *change, input, &output)?;
                    channel += input.channels;
                }
            }
            (_, inputs) => rows.emit(e, inputs, &output)?,
        }
        if let Place::Dram(tensor) = place {
            store_rows(e, &output, 0..output.height, &tensor, [0, 0], 0)?;
        }
        for map in &brought {
            self.e.release(map);
        }
        Ok(())
    }

    /// Emits an operator on rows.
    fn rows(
        &mut self,
        layer: &Layer,
        rows: &RowsLayer,
        operands: &[Place],
        to: &DramTensor,
    ) -> Result<(), KernelError> {
        let end = |value: ValueId, place: &Place| match place {
            Place::Dram(tensor) => Some(Rows { value: self.net.value(value), tensor: *tensor }),
            Place::Chip(_) => None,
        };
        let ends =
            layer.inputs.iter().zip(operands).filter_map(|(value, place)| end(*value, place));
        let ends: Vec<Rows> = ends.collect();
        let output = Rows { value: self.net.value(layer.output), tensor: *to };
        super::streams::rows(&mut self.e, self.design, rows, &ends, &output)
    }

    /// Brings a table to the place of the one used longest ago.
    pub(super) fn table(&mut self, entries: &[u8; 256]) -> Result<u8, KernelError> {
        let tables = self.design.tables();
        if tables == 0 {
            return Err(KernelError::Unsupported {
                kernel: "lookup",
                what: "tables",
                value: 0,
                limit: "set `post.lookup`".to_owned(),
            });
        }
        let number = self.next_table;
        self.next_table = (number + 1) % u8::try_from(tables).unwrap_or(u8::MAX);
        let dram = self.e.constants(entries);
        maps::load_lookup(&mut self.e, number, dram)?;
        Ok(number)
    }

    /// Prepares a convolution whose operands and result have places.
    pub fn conv(
        &mut self,
        at: usize,
        layer: &'n ConvLayer,
        operands: &[Place],
        place: Place,
    ) -> Result<Running<'n>, KernelError> {
        let table = layer.table.as_ref().map(|table| self.table(table)).transpose()?;
        let skip = match (&layer.residual, operands.get(1)) {
            (Some(_), Some(&Place::Chip(map))) => Some(Skip::Map(map)),
            (Some(_), Some(&Place::Dram(tensor))) => Some(Skip::Dram(tensor)),
            _ => None,
        };
        let wide = self.net.layers.get(at).is_some_and(|layer| self.net.value(layer.output).float);
        let sink = match place {
            Place::Chip(map) => Sink::Map(map),
            // In a map of binary32 a number is as many bytes as four activations.
            Place::Dram(tensor) if wide => {
                Sink::Wide(DramTensor { channels: layer.out_channels, ..tensor })
            }
            Place::Dram(tensor) => Sink::Dram(tensor),
        };
        let mut kernel = Conv {
            weights: ConvWeights {
                out_channels: layer.out_channels,
                in_channels: layer.in_channels,
                kernel: layer.kernel,
                values: &layer.weights,
            },
            strides: layer.strides,
            pads: layer.pads,
            dilations: layer.dilations,
            input_zero: layer.input_zero,
            bias: &layer.bias,
            scales: &layer.scales,
            output: layer.output,
            residual: layer.residual,
            table,
            cut: layer.cut,
        };
        let dram = matches!(operands.first(), Some(Place::Dram(_)));
        let sparse = dram && layer.kernel == [1, 1] && layer.strides != [1, 1];
        let source = match (operands.first(), self.gathered.get(at).and_then(Option::as_ref)) {
            (Some(&Place::Chip(map)), _) => Source::Map(map),
            (Some(&Place::Dram(tensor)), None) if sparse && layer.pads == [0; 4] => {
                // Only pixels that are used come in.
                kernel.strides = [1, 1];
                let strides = layer.strides;
                let zero = layer.input_zero;
                Source::Lowered(tensor, Lowering { kernel: [1, 1], strides, pads: [0, 0], zero })
            }
            (Some(&Place::Dram(tensor)), None) => Source::Dram(tensor),
            (Some(&Place::Dram(tensor)), Some(weights)) => {
                let [kh, kw] = layer.kernel;
                let gather = Lowering {
                    kernel: layer.kernel,
                    strides: layer.strides,
                    pads: [layer.pads[0], layer.pads[1]],
                    zero: layer.input_zero,
                };
                kernel.weights = ConvWeights {
                    in_channels: layer.in_channels * kh * kw,
                    kernel: [1, 1],
                    values: weights,
                    ..kernel.weights
                };
                kernel.strides = [1, 1];
                kernel.pads = [0; 4];
                Source::Lowered(tensor, gather)
            }
            (None, _) => return Err(KernelError::NoQueue),
        };
        let running = Running::new(&mut self.e, kernel, source, sink, skip)?;
        self.decisions[at].cut = Some(running.cutting(&self.e));
        Ok(running)
    }
}

/// Weights `[out][in][kh][kw]` as `[out][kh][kw][in]`.
fn pixel_order(layer: &ConvLayer) -> Vec<i8> {
    let window = layer.kernel.iter().product::<usize>();
    let channels = layer.in_channels;
    let filter = |filter: &[i8]| -> Vec<i8> {
        (0..window * channels).map(|at| filter[at % channels * window + at / channels]).collect()
    };
    layer.weights.chunks(window * channels).flat_map(filter).collect()
}

pub(super) fn depthwise_layer(layer: &DepthwiseLayer) -> Depthwise<'_> {
    Depthwise {
        kernel: layer.kernel,
        weights: &layer.weights,
        strides: layer.strides,
        pads: layer.pads,
        input_zero: layer.input_zero,
        bias: &layer.bias,
        scales: &layer.scales,
        output: layer.output,
    }
}
