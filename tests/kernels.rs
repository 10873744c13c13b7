//! Kernels on the golden model against naive loops, over shapes of layer and machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/rtl.rs"]
mod rtl;

use npugen::config::Override;
use npugen::design::Design;
use npugen::exec::Executor;
use npugen::golden::Golden;
use npugen::kernels::conv::{Conv, Cut, LoopOrder, Requant, Residual, Sink, Skip, Source, conv};
use npugen::kernels::maps::{Change, Copy, copy};
use npugen::kernels::transfer::{Lowering, load_rows, store_rows};
use npugen::kernels::vector::{Depthwise, Pool, add, depthwise, pool};
use npugen::kernels::weights::ConvWeights;
use npugen::kernels::{DramTensor, Emitter, KernelError};
use npugen::program::{Program, RegionKind};
use npugen::workload::Random;
use proptest::prelude::*;
use rtl::{machine, quick};

/// A picture in NHWC order.
#[derive(Clone)]
struct Picture {
    size: [usize; 3],
    data: Vec<i8>,
}

impl Picture {
    fn random(random: &mut Random, size: [usize; 3]) -> Picture {
        let bytes = random.activations(size.iter().product());
        Picture { size, data: bytes.iter().map(|b| b.cast_signed()).collect() }
    }

    fn at(&self, y: isize, x: isize, c: usize) -> Option<i32> {
        let [height, width, channels] = self.size;
        let (y, x) = (usize::try_from(y).ok()?, usize::try_from(x).ok()?);
        (y < height && x < width).then(|| self.data[(y * width + x) * channels + c].into())
    }
}

fn requantize(acc: i32, scale: f32, out: Requant) -> i32 {
    ((acc as f32 * scale).round_ties_even() as i64 + i64::from(out.zero))
        .clamp(out.min.into(), out.max.into()) as i32
}

/// QLinearAdd of onnxruntime.
fn sum(a: i32, zero_a: i32, b: i32, residual: &Residual) -> i32 {
    let mut operands = [(a, zero_a, residual.scale_a), (b, residual.zero_b, residual.scale_b)]
        .map(|(value, zero, scale)| (value as f32, zero as f32, scale));
    if residual.a_is_second {
        operands.reverse();
    }
    let [(a, za, ra), (b, zb, rb)] = operands;
    let fixed = residual.sum.zero as f32 - ra.mul_add(za, rb * zb);
    let value = a.mul_add(ra, b.mul_add(rb, fixed));
    (value.round_ties_even() as i64).clamp(residual.sum.min.into(), residual.sum.max.into()) as i32
}

/// Naive sums of a convolution; `depthwise` takes one input channel per output channel.
fn sums(layer: &Conv, input: &Picture, depthwise: bool) -> Vec<i32> {
    let [height, width] = layer.output_size(input.size[0], input.size[1]);
    let channels = layer.weights.out_channels;
    let [kh, kw] = layer.weights.kernel;
    let inputs = layer.weights.in_channels;
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let mut acc = layer.bias[c];
                for i in 0..inputs {
                    for r in 0..kh {
                        for s in 0..kw {
                            let iy = (y * layer.strides[0] + r * layer.dilations[0]) as isize
                                - layer.pads[0] as isize;
                            let ix = (x * layer.strides[1] + s * layer.dilations[1]) as isize
                                - layer.pads[1] as isize;
                            let channel = if depthwise { c } else { i };
                            let value = input.at(iy, ix, channel).unwrap_or(layer.input_zero);
                            let weight = layer.weights.values[((c * inputs + i) * kh + r) * kw + s];
                            acc += (value - layer.input_zero) * i32::from(weight);
                        }
                    }
                }
                data.push(acc);
            }
        }
    }
    data
}

/// Naive convolution.
fn naive(layer: &Conv, input: &Picture, skip: Option<&Picture>, depthwise: bool) -> Picture {
    let [height, width] = layer.output_size(input.size[0], input.size[1]);
    let channels = layer.weights.out_channels;
    let mut sums = sums(layer, input, depthwise).into_iter();
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let acc = sums.next().unwrap();
                let mut value = requantize(acc, layer.scales[c], layer.output);
                if let (Some(skip), Some(residual)) = (skip, &layer.residual) {
                    let b = skip.at(y as isize, x as isize, c).unwrap();
                    value = sum(value, layer.output.zero, b, residual);
                }
                data.push(i8::try_from(value).unwrap());
            }
        }
    }
    Picture { size: [height, width, channels], data }
}

fn design(base: &str, keys: &[(&str, &str)]) -> Design {
    let overrides: Vec<Override> =
        keys.iter().map(|(key, value)| Override::set(&format!("{key}={value}")).unwrap()).collect();
    Design::preset_with(base, &overrides).unwrap_or_else(|error| panic!("{error:?}"))
}

/// Machines of all shapes: square, odd, wide, tall, with lanes narrower than rows.
fn designs() -> Vec<Design> {
    let shape = |rows: &'static str, cols: &'static str, lanes: &'static str| {
        design(
            "tiny",
            &[
                ("array.rows", rows),
                ("array.cols", cols),
                ("vector.lanes", lanes),
                ("buffers.ibuf.size", "128KiB"),
                ("buffers.wbuf.size", "32KiB"),
                ("buffers.vmem.size", "32KiB"),
            ],
        )
    };
    vec![
        design("tiny", &[]),
        design("default", &[]),
        shape("7", "7", "7"),
        shape("8", "4", "4"),
        shape("4", "8", "2"),
        shape("24", "12", "12"),
        shape("32", "16", "32"),
        shape("1", "1", "1"),
        shape("3", "12", "3"),
    ]
}

fn input_tensor(e: &mut Emitter, name: &str, picture: &Picture, margin: usize) -> DramTensor {
    let tensor = e.dram_tensor(name, RegionKind::Input, picture.size, margin);
    let region = e.builder().region_mut(tensor.base).unwrap();
    region.data = vec![0; tensor.offset];
    region.data.extend(picture.data.iter().map(|v| v.cast_unsigned()));
    tensor
}

fn run(design: &Design, program: &Program, output: &DramTensor) -> Vec<i8> {
    let report = npugen::program::lint::lint(design, program);
    assert!(report.is_legal(), "{}: {report:?}", design.name());
    let mut golden = Golden::new(design);
    golden.load(program).unwrap();
    let report = golden.run().unwrap();
    assert!(report.fault.is_none(), "{:?}", report.fault);
    let bytes = output.height * output.width * output.channels;
    golden
        .read(output.base, output.offset as u64, bytes as u64)
        .unwrap()
        .iter()
        .map(|b| b.cast_signed())
        .collect()
}

struct Shape {
    input: [usize; 3],
    out: usize,
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 4],
    dilations: [usize; 2],
}

const SHAPES: [Shape; 6] = [
    Shape {
        input: [9, 8, 5],
        out: 7,
        kernel: [3, 3],
        strides: [1, 1],
        pads: [1, 1, 1, 1],
        dilations: [1, 1],
    },
    Shape {
        input: [7, 11, 17],
        out: 20,
        kernel: [1, 1],
        strides: [2, 2],
        pads: [0; 4],
        dilations: [1, 1],
    },
    Shape {
        input: [10, 9, 4],
        out: 33,
        kernel: [5, 3],
        strides: [2, 1],
        pads: [2, 0, 1, 2],
        dilations: [1, 1],
    },
    Shape {
        input: [12, 12, 3],
        out: 6,
        kernel: [3, 3],
        strides: [1, 1],
        pads: [2, 2, 2, 2],
        dilations: [2, 2],
    },
    Shape {
        input: [1, 1, 40],
        out: 10,
        kernel: [1, 1],
        strides: [1, 1],
        pads: [0; 4],
        dilations: [1, 1],
    },
    Shape {
        input: [40, 1, 24],
        out: 48,
        kernel: [1, 1],
        strides: [1, 1],
        pads: [0; 4],
        dilations: [1, 1],
    },
];

struct Constants {
    weights: Vec<i8>,
    bias: Vec<i32>,
    scales: Vec<f32>,
}

fn constants(random: &mut Random, out: usize, reduction: usize, smallest: bool) -> Constants {
    let mut weights = random.weights(out * reduction);
    if smallest {
        for index in (0..weights.len()).step_by(37) {
            weights[index] = -128;
        }
    }
    Constants {
        weights,
        bias: (0..out).map(|_| i32::from(random.weight()) * 100).collect(),
        scales: (0..out)
            .map(|_| {
                (1.0 + f32::from(random.weight()) / 400.0) / (90.0 * (reduction as f32).sqrt())
            })
            .collect(),
    }
}

fn layer<'a>(shape: &Shape, constants: &'a Constants, in_channels: usize) -> Conv<'a> {
    Conv {
        weights: ConvWeights {
            out_channels: shape.out,
            in_channels,
            kernel: shape.kernel,
            values: &constants.weights,
        },
        strides: shape.strides,
        pads: shape.pads,
        dilations: shape.dilations,
        input_zero: 9,
        bias: &constants.bias,
        scales: &constants.scales,
        output: Requant { zero: -3, min: -120, max: 125 },
        residual: None,
        table: None,
        cut: Cut::default(),
    }
}

#[test]
fn convolution_from_dram_to_dram() {
    for design in designs() {
        for (index, shape) in SHAPES.iter().enumerate() {
            let mut random = Random::new(index as u64);
            let picture = Picture::random(&mut random, shape.input);
            let reduction = shape.input[2] * shape.kernel[0] * shape.kernel[1];
            let constants = constants(&mut random, shape.out, reduction, false);
            let layer = layer(shape, &constants, shape.input[2]);
            let expected = naive(&layer, &picture, None, false);
            let mut e = Emitter::new(&design).unwrap();
            let input = input_tensor(&mut e, "input", &picture, 0);
            let output = e.dram_tensor("output", RegionKind::Output, expected.size, 0);
            conv(&mut e, &layer, Source::Dram(input), Sink::Dram(output), None).unwrap();
            let program = e.finish().unwrap();
            assert_eq!(
                run(&design, &program, &output),
                expected.data,
                "{}x{} shape {index}",
                design.rows(),
                design.cols()
            );
        }
    }
}

/// Results in binary32: small VMEMs make for several tiles, and for chunks of a few channels.
#[test]
fn convolution_with_results_in_binary32() {
    let small = [("buffers.vmem.size", "8KiB"), ("vector.segments", "0")];
    let tight = [("buffers.vmem.size", "2KiB"), ("buffers.wbuf.size", "2KiB")];
    let more = [design("default", &small), design("tiny", &tight)];
    for design in designs().into_iter().chain(more) {
        for (index, shape) in SHAPES.iter().enumerate() {
            let mut random = Random::new(index as u64);
            let picture = Picture::random(&mut random, shape.input);
            let reduction = shape.input[2] * shape.kernel[0] * shape.kernel[1];
            let constants = constants(&mut random, shape.out, reduction, false);
            let layer = layer(shape, &constants, shape.input[2]);
            let [height, width] = layer.output_size(shape.input[0], shape.input[1]);
            let expected: Vec<u8> = sums(&layer, &picture, false)
                .chunks(shape.out)
                .flat_map(|pixel| pixel.iter().zip(&constants.scales))
                .flat_map(|(&sum, scale)| (sum as f32 * scale).to_le_bytes())
                .collect();
            let mut e = Emitter::new(&design).unwrap();
            let input = input_tensor(&mut e, "input", &picture, 0);
            let size = expected.len() as u64;
            let base = e.builder().region("output", RegionKind::Output, size, Vec::new());
            let channels = shape.out;
            let output = DramTensor { base, offset: 0, channels, height, width };
            conv(&mut e, &layer, Source::Dram(input), Sink::Wide(output), None).unwrap();
            assert_eq!(e.vmem.largest(), e.geometry.vmem_words, "space is given back");
            let program = e.finish().unwrap();
            let words = DramTensor { channels: 4 * channels, ..output };
            let found: Vec<u8> =
                run(&design, &program, &words).iter().map(|byte| byte.cast_unsigned()).collect();
            assert!(found == expected, "{}x{} shape {index}", design.rows(), design.cols());
        }
    }
}

#[test]
fn weights_that_do_not_fit_come_in_chunks_and_the_smallest_weight_is_exact() {
    // 576 words of weights per block in rings of 1024, 512 and 64 words: chunks of one block, and
    // blocks that come in slices.
    for wbuf in ["16KiB", "8KiB", "1KiB"] {
        let design = design(
            "default",
            &[
                ("buffers.wbuf.size", wbuf),
                ("buffers.ibuf.size", "64KiB"),
                ("buffers.pbuf.channels", "64"),
            ],
        );
        assert!(design.packed());
        let shape = Shape {
            input: [14, 14, 32],
            out: 96,
            kernel: [3, 3],
            strides: [1, 1],
            pads: [1; 4],
            dilations: [1, 1],
        };
        let mut random = Random::new(7);
        let picture = Picture::random(&mut random, shape.input);
        let constants = constants(&mut random, shape.out, 32 * 9, true);
        let layer = layer(&shape, &constants, 32);
        let expected = naive(&layer, &picture, None, false);
        let mut e = Emitter::new(&design).unwrap();
        let input = input_tensor(&mut e, "input", &picture, 0);
        let output = e.dram_tensor("output", RegionKind::Output, expected.size, 0);
        conv(&mut e, &layer, Source::Dram(input), Sink::Dram(output), None).unwrap();
        let program = e.finish().unwrap();
        assert_eq!(run(&design, &program, &output), expected.data);
    }
}

#[test]
fn parts_of_maps_are_copied_and_requantized() {
    for design in designs() {
        let rows = design.rows();
        let size = [5, 4, 2 * rows];
        let picture = Picture::random(&mut Random::new(2), size);
        let mut e = Emitter::new(&design).unwrap();
        let input = input_tensor(&mut e, "input", &picture, 0);
        let map = e.fmap(size, &[]).unwrap();
        load_rows(&mut e, &input, 0..size[0], &map, 0).unwrap();
        // Rows 1 to 3 and columns 1 to 3 of the second block of channels become the upper right of a
        // map with one block.
        let target = e.fmap([3, 4, rows], &[&map]).unwrap();
        let quant = Requant::full(4, design.activation_bits());
        let all = Copy { from: ([2, 0], 0), to: ([0, 0], 0), size: [3, 4, 1] };
        copy(&mut e, &all, Change::none(design.activation_bits()), &map, &target).unwrap();
        let part = Copy { from: ([1, 1], 1), to: ([0, 2], 0), size: [3, 2, 1] };
        let change = Change { zero: -3, ratio: 0.37, output: quant };
        copy(&mut e, &part, change, &map, &target).unwrap();
        let output = e.dram_tensor("output", RegionKind::Output, [3, 4, rows], 0);
        store_rows(&mut e, &target, 0..3, &output, [0, 0], 0).unwrap();
        let program = e.finish().unwrap();
        let mut expected = Vec::new();
        for y in 0..3 {
            for x in 0..4 {
                for c in 0..rows {
                    let value = if x < 2 {
                        picture.at(y + 2, x, c).unwrap()
                    } else {
                        let from = picture.at(y + 1, x - 1, rows + c).unwrap();
                        requantize(from + 3, 0.37, quant)
                    };
                    expected.push(i8::try_from(value).unwrap());
                }
            }
        }
        assert_eq!(run(&design, &program, &output), expected, "{rows} rows");
    }
}

#[test]
fn on_chip_layers_with_residual_depthwise_pooling_and_addition() {
    for design in designs() {
        let mut random = Random::new(11);
        let size = [8, 6, 10];
        let picture = Picture::random(&mut random, size);
        let shape = Shape {
            input: size,
            out: 10,
            kernel: [3, 3],
            strides: [1, 1],
            pads: [1; 4],
            dilations: [1, 1],
        };
        let bits = design.activation_bits();
        let residual = Residual {
            scale_a: 0.9,
            scale_b: 0.4,
            zero_b: 9,
            a_is_second: design.rows() > design.cols(),
            sum: Requant::full(9, bits),
        };
        let dense = constants(&mut random, 10, 90, false);
        let mut first = layer(&shape, &dense, 10);
        first.residual = Some(residual);
        let taps = constants(&mut random, 10, 25, false);
        let wide = Shape {
            input: size,
            out: 10,
            kernel: [5, 5],
            strides: [2, 1],
            pads: [2; 4],
            dilations: [1, 1],
        };
        let second = layer(&wide, &taps, 1);

        let a = naive(&first, &picture, Some(&picture), false);
        let b = naive(&second, &a, None, true);
        let mean = Requant::full(4, bits);

        let mut e = Emitter::new(&design).unwrap();
        let input = input_tensor(&mut e, "input", &picture, 0);
        let map = e.fmap(size, &[]).unwrap();
        load_rows(&mut e, &input, 0..size[0], &map, 0).unwrap();
        let map_a = e.fmap(a.size, &[&map]).unwrap();
        conv(&mut e, &first, Source::Map(map), Sink::Map(map_a), Some(Skip::Map(map))).unwrap();
        let map_b = e.fmap(b.size, &[&map_a]).unwrap();
        let depth = Depthwise {
            kernel: [5, 5],
            weights: &taps.weights,
            strides: [2, 1],
            pads: [2, 2],
            input_zero: 9,
            bias: &taps.bias,
            scales: &taps.scales,
            output: second.output,
        };
        depthwise(&mut e, &depth, &map_a, &map_b).unwrap();
        let map_sum = e.fmap(b.size, &[&map_b]).unwrap();
        add(&mut e, &residual, -3, &map_b, &map_b, &map_sum).unwrap();
        let pooled = [b.size[0] / 2, b.size[1] / 2, 10];
        let map_max = e.fmap(pooled, &[&map_sum]).unwrap();
        pool(&mut e, Pool::Max, [3, 3], [2, 2], [1, 1], &map_sum, &map_max).unwrap();
        let map_mean = e.fmap([1, 1, 10], &[]).unwrap();
        let kind = Pool::Average { input_zero: 9, scale: 0.21, output: mean };
        pool(&mut e, kind, [pooled[0], pooled[1]], [1, 1], [0, 0], &map_max, &map_mean).unwrap();
        let outputs: Vec<DramTensor> =
            [("b", &map_b), ("sum", &map_sum), ("max", &map_max), ("mean", &map_mean)]
                .into_iter()
                .map(|(name, map)| {
                    let tensor = e.dram_tensor(
                        name,
                        RegionKind::Output,
                        [map.height, map.width, map.channels],
                        0,
                    );
                    store_rows(&mut e, map, 0..map.height, &tensor, [0, 0], 0).unwrap();
                    tensor
                })
                .collect();
        let program = e.finish().unwrap();

        let value = |p: &Picture, y: isize, x: isize, c: usize| p.at(y, x, c);
        let added = Picture {
            size: b.size,
            data: b
                .data
                .iter()
                .map(|&v| i8::try_from(sum(v.into(), -3, v.into(), &residual)).unwrap())
                .collect(),
        };
        let mut largest = Picture { size: pooled, data: Vec::new() };
        for y in 0..pooled[0] as isize {
            for x in 0..pooled[1] as isize {
                for c in 0..10 {
                    let window = (-1..2).flat_map(|r| (-1..2).map(move |s| (r, s)));
                    let best = window
                        .filter_map(|(r, s)| value(&added, 2 * y + r, 2 * x + s, c))
                        .max()
                        .unwrap();
                    largest.data.push(i8::try_from(best).unwrap());
                }
            }
        }
        let averages: Vec<i8> = (0..10)
            .map(|c| {
                let total: i32 =
                    largest.data.iter().skip(c).step_by(10).map(|&v| i32::from(v) - 9).sum();
                i8::try_from(requantize(total, 0.21, mean)).unwrap()
            })
            .collect();
        for (tensor, expected) in
            outputs.iter().zip([&b.data, &added.data, &largest.data, &averages])
        {
            assert_eq!(
                &run(&design, &program, tensor),
                expected,
                "{}x{} lanes {}",
                design.rows(),
                design.cols(),
                design.lanes()
            );
        }
    }
}

#[test]
fn a_first_layer_is_lowered_on_the_way_in() {
    for design in designs() {
        let mut random = Random::new(5);
        let picture = Picture::random(&mut random, [11, 13, 3]);
        let shape = Shape {
            input: [11, 13, 3],
            out: 9,
            kernel: [5, 3],
            strides: [2, 2],
            pads: [2, 1, 2, 1],
            dilations: [1, 1],
        };
        let constants = constants(&mut random, 9, 45, false);
        let direct = layer(&shape, &constants, 3);
        let expected = naive(&direct, &picture, None, false);
        // From [out][in][kh][kw] to [out][kh][kw][in].
        let mut values = Vec::new();
        for out in 0..9 {
            for tap in 0..15 {
                for channel in 0..3 {
                    values.push(constants.weights[(out * 3 + channel) * 15 + tap]);
                }
            }
        }
        let mut flat = direct.clone();
        flat.weights =
            ConvWeights { out_channels: 9, in_channels: 45, kernel: [1, 1], values: &values };
        flat.strides = [1, 1];
        flat.pads = [0; 4];
        let lowering = Lowering { kernel: [5, 3], strides: [2, 2], pads: [2, 1], zero: 9 };
        let mut e = Emitter::new(&design).unwrap();
        let input = input_tensor(&mut e, "input", &picture, lowering.margin(13 * 3, 3));
        let output = e.dram_tensor("output", RegionKind::Output, expected.size, 0);
        conv(&mut e, &flat, Source::Lowered(input, lowering), Sink::Dram(output), None).unwrap();
        let program = e.finish().unwrap();
        assert_eq!(
            run(&design, &program, &output),
            expected.data,
            "{}x{}",
            design.rows(),
            design.cols()
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_key_to_change() {
    let small = design("tiny", &[]);
    let mut e = Emitter::new(&small).unwrap();
    let error = e.fmap([1000, 1000, 64], &[]).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");

    let narrow = design(
        "tiny",
        &[
            ("array.activation_bits", "4"),
            ("array.rows", "8"),
            ("array.cols", "8"),
            ("vector.lanes", "8"),
        ],
    );
    let error = Emitter::new(&narrow).unwrap_err();
    assert!(error.to_string().contains("activation"), "{error}");
}

/// A convolution from DRAM to DRAM with everything that decides how it is cut.
#[derive(Debug, Clone)]
struct Order {
    machine: usize,
    input: [usize; 3],
    out: usize,
    kernel: [usize; 2],
    strides: [usize; 2],
    pad: usize,
    smallest: bool,
    /// A residual operand in DRAM.
    residual: bool,
    cut: Cut,
    seed: u64,
}

impl Order {
    /// Machines with little space for weights and parameters.
    fn design(machine: usize) -> Design {
        let shapes = [["4", "4"], ["7", "7"], ["8", "4"], ["4", "8"], ["16", "16"]];
        let sizes = [["1KiB", "16KiB"], ["4KiB", "64KiB"], ["16KiB", "32KiB"]];
        let ([rows, cols], [wbuf, ibuf]) = (shapes[machine % 5], sizes[machine / 5 % 3]);
        design(
            "tiny",
            &[
                ("array.rows", rows),
                ("array.cols", cols),
                ("vector.lanes", if rows == "4" { "4" } else { cols }),
                ("array.cell", if machine.is_multiple_of(2) { "generic" } else { "dsp48e2" }),
                ("buffers.wbuf.size", wbuf),
                ("buffers.ibuf.size", ibuf),
                ("buffers.pbuf.channels", "64"),
            ],
        )
    }

    /// The program, where its result is, and what it should be.
    fn emit(&self, design: &Design) -> Result<(Program, DramTensor, Vec<i8>), KernelError> {
        let mut random = Random::new(self.seed);
        let shape = Shape {
            input: self.input,
            out: self.out,
            kernel: self.kernel,
            strides: self.strides,
            pads: [self.pad; 4],
            dilations: [1, 1],
        };
        let picture = Picture::random(&mut random, self.input);
        let channels = self.input[2];
        let reduction = channels * self.kernel[0] * self.kernel[1];
        let constants = constants(&mut random, self.out, reduction, self.smallest);
        let mut layer = layer(&shape, &constants, channels);
        layer.cut = self.cut;
        let [height, width] = layer.output_size(self.input[0], self.input[1]);
        let skip = Picture::random(&mut random, [height, width, self.out]);
        if self.residual {
            let sum = Requant::full(9, design.activation_bits());
            layer.residual =
                Some(Residual { scale_a: 0.9, scale_b: 0.4, zero_b: 9, a_is_second: false, sum });
        }
        let expected = naive(&layer, &picture, self.residual.then_some(&skip), false);
        let mut e = Emitter::new(design)?;
        let input = input_tensor(&mut e, "input", &picture, 0);
        let second = input_tensor(&mut e, "skip", &skip, 0);
        let output = e.dram_tensor("output", RegionKind::Output, expected.size, 0);
        let skip = self.residual.then_some(Skip::Dram(second));
        conv(&mut e, &layer, Source::Dram(input), Sink::Dram(output), skip)?;
        Ok((e.finish()?, output, expected.data))
    }
}

fn orders() -> impl Strategy<Value = Order> {
    let cut = (
        proptest::option::of(1_usize..6),
        proptest::option::of(1_usize..6),
        proptest::option::of(1_usize..40),
    );
    (
        (0_usize..15, (3_usize..12, 3_usize..12, 1_usize..40), 1_usize..70),
        (1_usize..4, 1_usize..4, 1_usize..3, 1_usize..3, 0_usize..2),
        (any::<bool>(), any::<bool>(), any::<u64>()),
        cut,
    )
        .prop_map(|((machine, (h, w, c), out), (kh, kw, sy, sx, pad), flags, cut)| {
            let (smallest, residual, seed) = flags;
            let (rows, cols, channels) = cut;
            let order = LoopOrder::Auto;
            let cut = Cut { order, tile: [rows, cols], channels };
            let (kernel, strides) = ([kh, kw], [sy, sx]);
            let input = [h, w, c];
            Order { machine, input, out, kernel, strides, pad, smallest, residual, cut, seed }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_order_and_cut_computes_the_same(mut case in orders()) {
        let design = Order::design(case.machine);
        for order in [LoopOrder::Auto, LoopOrder::WeightsOutside, LoopOrder::TilesOutside] {
            case.cut.order = order;
            match case.emit(&design) {
                Ok((program, output, expected)) => {
                    prop_assert_eq!(run(&design, &program, &output), expected, "{:?}", order);
                }
                Err(KernelError::IbufFull { .. }) => {}
                Err(error) => prop_assert!(
                    matches!(error, KernelError::Unsupported { what: "pixels of a tile", .. }),
                    "{}", error
                ),
            }
        }
    }
}

/// Five blocks of 27 weight tiles, in chunks of two, pass each of five tiles of pixels; WBUF holds
/// four weight tiles.
fn tiles_outside() -> Order {
    Order {
        machine: 4,
        input: [9, 6, 40],
        out: 70,
        kernel: [3, 3],
        strides: [1, 1],
        pad: 1,
        smallest: true,
        residual: true,
        cut: Cut { order: LoopOrder::TilesOutside, tile: [Some(2), None], channels: Some(32) },
        seed: 5,
    }
}

#[test]
fn weights_are_once_in_dram_whatever_the_order() {
    let case = tiles_outside();
    let design = Order::design(case.machine);
    let size = |order: LoopOrder| {
        let mut case = case.clone();
        case.cut.order = order;
        let (program, _, _) = case.emit(&design).unwrap();
        let weights = program.regions.iter().find(|region| region.name == "weights").unwrap();
        (weights.size, program.code.len())
    };
    let (inside, outside) = (size(LoopOrder::WeightsOutside), size(LoopOrder::TilesOutside));
    assert_eq!(inside.0, outside.0);
    assert_ne!(inside.1, outside.1);
}

#[test]
fn tiles_outside_on_the_simulated_verilog() {
    let case = tiles_outside();
    let design = Order::design(case.machine);
    let (program, output, expected) = case.emit(&design).unwrap();
    let Some(mut rtl) = machine(&design, quick()) else { return };
    rtl.load(&program).unwrap();
    assert!(rtl.run().unwrap().fault.is_none());
    let bytes = rtl.read(output.base, output.offset as u64, expected.len() as u64).unwrap();
    assert!(bytes.iter().map(|byte| byte.cast_signed()).eq(expected));
}
