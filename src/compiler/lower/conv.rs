//! Convolutions, fully connected layers and products with a constant matrix.

use super::{Known, Lowered, Lowering, Refusal};
use crate::compiler::net::{ConvLayer, DepthwiseLayer, Kind};
use crate::compiler::view::{Axis, PICTURE, View};
use crate::graph::{Elements, Node, Tensor, Window, requantization};
use crate::kernels::conv::Cut;

/// A window in height and width.
pub(super) struct Plane {
    pub kernel: [usize; 2],
    pub strides: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
    pub dilations: [usize; 2],
}

/// One or two dimensions of a window as height and width.
pub(super) fn plane(window: &Window) -> Lowered<Plane> {
    let two = |v: &[usize], fill: usize| match *v {
        [x] => Some([fill, x]),
        [y, x] => Some([y, x]),
        _ => None,
    };
    let all = || {
        let ([top, left], [bottom, right]) = (two(&window.before, 0)?, two(&window.after, 0)?);
        Some(Plane {
            kernel: two(&window.kernel, 1)?,
            strides: two(&window.strides, 1)?,
            pads: [top, left, bottom, right],
            dilations: two(&window.dilations, 1)?,
        })
    };
    all().ok_or_else(|| {
        Refusal::new(
            format!("its window has {} dimensions, at most 2 are possible", window.kernel.len()),
            "split the third dimension into channels",
        )
    })
}

impl Lowering<'_> {
    /// The view of an operator on pictures, of one or two dimensions.
    pub(super) fn picture(&self, node: &Node) -> Lowered<(View, [usize; 3])> {
        let view = self.map(node, 0)?.clone();
        let shape = self.net.value(view.value).shape();
        let row: [&[Axis]; 3] = [&[], &[Axis::C], &[Axis::W]];
        if view.is(&PICTURE, shape) || view.is(&row, shape) {
            return Ok((view, shape));
        }
        Err(Refusal::new(
            "its operand is not a picture with the channels first, or it was reshaped",
            "transpose the input of the network to NCHW",
        ))
    }

    /// The dimensions of a result: those of a picture of the node's rank.
    pub(super) fn picture_dims(&self, node: &Node) -> &'static [&'static [Axis]] {
        const ROW: [&[Axis]; 3] = [&[], &[Axis::C], &[Axis::W]];
        if self.tensor(node.output).shape.len() == 3 { &ROW } else { &PICTURE }
    }

    /// Biases and requantization scales of all output channels.
    fn channel_params(
        &self,
        node: &Node,
        weights: &Tensor,
        channels: usize,
    ) -> Lowered<(Vec<i32>, Vec<f32>)> {
        let bias = match node.inputs.get(2).map(|&id| self.tensor(id)) {
            None => vec![0; channels],
            Some(tensor) => match tensor.value.as_deref() {
                Some(Elements::I32(v)) if v.len() == channels => v.clone(),
                Some(Elements::I32(v)) if v.len() == 1 => vec![v[0]; channels],
                _ => {
                    return Err(Refusal::new(
                        format!(
                            "its bias `{}` is no constant with a number a channel",
                            tensor.name
                        ),
                        "make it a constant of one dimension",
                    ));
                }
            },
        };
        let (Some(x), Some(w)) = (
            node.inputs.first().and_then(|&id| self.tensor(id).quant.as_ref()),
            weights.quant.as_ref(),
        ) else {
            return Err(Refusal::new("its weights have no scale", "quantize them"));
        };
        let y = self.tensor(node.output).quant.as_ref();
        let scales = requantization(x, w, y);
        let scales = if let [one] = scales.as_slice() { vec![*one; channels] } else { scales };
        if scales.len() != channels {
            return Err(Refusal::new(
                format!("its weights have {} scales for {channels} channels", scales.len()),
                "quantize weights per tensor or per output channel",
            ));
        }
        if let Some(scale) = scales.iter().find(|scale| !crate::arith::float::is_scale(**scale)) {
            return Err(Refusal::new(
                format!("its requantization by {scale:e} is outside 2^-100 to 2^64"),
                "check the scales of the model",
            ));
        }
        if w.zeros.iter().any(|&zero| zero != 0) {
            return Err(Refusal::new(
                format!("its weights `{}` have a zero point", weights.name),
                "quantize weights symmetrically",
            ));
        }
        Ok((bias, scales))
    }

    pub(super) fn conv(&mut self, node: &Node, window: &Window, groups: usize) -> Lowered<Known> {
        let (view, [height, width, in_channels]) = self.picture(node)?;
        let Plane { kernel, strides, pads, dilations } = plane(window)?;
        let (tensor, values) = self.weights(node, 1)?;
        let out_channels = tensor.shape.first().copied().unwrap_or(0);
        let (bias, scales) = self.channel_params(node, tensor, out_channels)?;
        let (_, input_zero) = self.quant(self.tensor(node.inputs[0]))?;
        let output = self.requant(node)?;
        let size = |axis: usize, extent: usize| {
            let reach = (kernel[axis] - 1) * dilations[axis] + 1;
            (extent + pads[axis] + pads[axis + 2]).saturating_sub(reach) / strides[axis] + 1
        };
        let shape = [size(0, height), size(1, width), out_channels];
        let depthwise = groups == in_channels && groups == out_channels && dilations == [1, 1];
        let kind = if depthwise && groups > 1 {
            Kind::Depthwise(Box::new(DepthwiseLayer {
                weights: values.to_vec(),
                kernel,
                strides,
                pads: [pads[0], pads[1]],
                input_zero,
                bias,
                scales,
                output,
            }))
        } else {
            Kind::Conv(Box::new(ConvLayer {
                weights: dense(values, [out_channels, in_channels], kernel, groups),
                out_channels,
                in_channels,
                kernel,
                strides,
                pads,
                dilations,
                input_zero,
                bias,
                scales,
                output,
                residual: None,
                table: None,
                cut: Cut::default(),
            }))
        };
        let dims = self.picture_dims(node);
        self.layer(node, kind, vec![view.value], shape, dims)
    }

    /// A product with a constant matrix: a 1x1 convolution of every row, or, where a whole picture
    /// was flattened, a convolution with a kernel as large as the picture.
    pub(super) fn matmul(
        &mut self,
        node: &Node,
        [turned_a, turned_b]: [bool; 2],
    ) -> Lowered<Known> {
        if node.inputs.get(1).is_some_and(|&id| !self.tensor(id).is_constant()) {
            return self.product(node, [turned_a, turned_b]);
        }
        let view = self.map(node, 0)?.clone();
        if turned_a {
            let remedy = "insert a Transpose of weights instead";
            return Err(Refusal::new("its first operand is transposed", remedy));
        }
        let (tensor, values) = self.weights(node, 1)?;
        let &[first, second] = tensor.shape.as_slice() else {
            return Err(Refusal::new(
                format!("its weights have {} dimensions, not 2", tensor.shape.len()),
                "split it into one product a matrix",
            ));
        };
        let [inner, channels] = if turned_b { [second, first] } else { [first, second] };
        let weight =
            |k: usize, n: usize| values[if turned_b { n * inner + k } else { k * channels + n }];
        let (bias, scales) = self.channel_params(node, tensor, channels)?;
        let (_, input_zero) = self.quant(self.tensor(node.inputs[0]))?;
        let output = self.requant(node)?;
        let value = self.net.value(view.value);
        let [height, width, in_channels] = value.shape();
        let (last, outer) = match view.dims.split_last() {
            Some((last, outer)) => (last.as_slice(), outer),
            None => return Err(Refusal::new("its operand is a scalar", "check the model")),
        };
        let rows = outer.iter().flatten().copied().collect::<Vec<Axis>>();
        let in_order = |expected: &[Axis]| {
            let real: Vec<Axis> = View::new(view.value, &[expected], value.shape()).dims.concat();
            rows == real
        };
        let (kernel, weights, shape) = if inner == in_channels && in_order(&[Axis::H, Axis::W]) {
            let weights = (0..channels).flat_map(|n| (0..inner).map(move |k| (k, n)));
            let weights = weights.map(|(k, n)| weight(k, n)).collect();
            ([1, 1], weights, [height, width, channels])
        } else if rows.is_empty()
            && inner == height * width * in_channels
            && last.iter().all(|axis| matches!(axis, Axis::H | Axis::W | Axis::C))
        {
            // Position in the flattened picture of channel c at row y, column x.
            let at = |c: usize, y: usize, x: usize| {
                last.iter().fold(0, |at, axis| match axis {
                    Axis::H => at * height + y,
                    Axis::W => at * width + x,
                    _ => at * in_channels + c,
                })
            };
            let mut weights = Vec::with_capacity(values.len());
            for n in 0..channels {
                for c in 0..in_channels {
                    for y in 0..height {
                        weights.extend((0..width).map(|x| weight(at(c, y, x), n)));
                    }
                }
            }
            ([height, width], weights, [1, 1, channels])
        } else {
            return Err(Refusal::new(
                "its rows are not pixels of a map: their elements lie apart",
                "put channels last before the product",
            ));
        };
        let kind = Kind::Conv(Box::new(ConvLayer {
            weights,
            out_channels: channels,
            in_channels,
            kernel,
            strides: [1, 1],
            pads: [0; 4],
            dilations: [1, 1],
            input_zero,
            bias,
            scales,
            output,
            residual: None,
            table: None,
            cut: Cut::default(),
        }));
        let mut dims: Vec<&[Axis]> = outer.iter().map(Vec::as_slice).collect();
        dims.push(&[Axis::C]);
        self.layer(node, kind, vec![view.value], shape, &dims)
    }
}

/// Weights of a convolution in groups as those of one without: zero between groups.
fn dense(
    values: &[i8],
    [out_channels, in_channels]: [usize; 2],
    [kh, kw]: [usize; 2],
    groups: usize,
) -> Vec<i8> {
    if groups <= 1 {
        return values.to_vec();
    }
    let (per_group, outs) = (in_channels / groups, out_channels / groups);
    let size = kh * kw;
    let mut all = vec![0; out_channels * in_channels * size];
    for (out, row) in values.chunks(per_group * size).enumerate() {
        let first = (out * in_channels + out / outs.max(1) * per_group) * size;
        all[first..first + row.len()].copy_from_slice(row);
    }
    all
}
