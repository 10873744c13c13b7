//! Quantized operators in QDQ form: an operator between DequantizeLinear and QuantizeLinear nodes,
//! with everything a kernel needs. Owns the pattern, not the arithmetic; scales are combined in
//! binary32 in onnxruntime's order (`f32(f32(sx * sw) / sy)`).

use super::{Model, OnnxError, int, ints, proto::NodeProto};

/// Affine quantization of a tensor: real = scale * (stored - zero).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quant {
    /// Scale.
    pub scale: f32,
    /// Zero point.
    pub zero: i32,
}

/// A quantized convolution or fully connected layer (a 1x1 convolution of a 1x1 picture).
#[derive(Debug, Clone, PartialEq)]
pub struct QConv {
    /// Node it was read from.
    pub name: String,
    /// Output channels.
    pub out_channels: usize,
    /// Input channels per group.
    pub in_channels: usize,
    /// Groups; equal to `out_channels` with one input channel each for a depthwise convolution.
    pub groups: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Weights, `[out][in][kh][kw]`, symmetric.
    pub weights: Vec<i8>,
    /// Bias per output channel, in units of `sx * sw`.
    pub bias: Vec<i32>,
    /// Requantization scale per output channel.
    pub scales: Vec<f32>,
    /// Quantization of the input.
    pub input: Quant,
    /// Quantization of the output.
    pub output: Quant,
}

/// A quantized addition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QAdd {
    /// First operand.
    pub a: Quant,
    /// Second operand.
    pub b: Quant,
    /// Sum.
    pub sum: Quant,
}

/// Quantization of `tensor`, an input of `node`: that of the DequantizeLinear which makes it.
fn dequantized(
    model: &Model,
    node: &NodeProto,
    index: usize,
) -> Result<(String, Quant), OnnxError> {
    let tensor = input(node, index)?;
    let source = model
        .producer(tensor)
        .filter(|producer| producer.op_type == "DequantizeLinear")
        .ok_or_else(|| {
        OnnxError::MissingNode(format!("dequantizes `{tensor}` for `{}`", node.name))
    })?;
    Ok((input(source, 0)?.to_owned(), scalar(model, source)?))
}

/// Quantization of the output of `node`: that of the QuantizeLinear which reads it.
fn quantized(model: &Model, node: &NodeProto) -> Result<Quant, OnnxError> {
    let tensor = node.output.first().map_or("", String::as_str);
    let sink = model
        .nodes
        .iter()
        .find(|other| {
            other.op_type == "QuantizeLinear"
                && other.input.first().is_some_and(|name| name == tensor)
        })
        .ok_or_else(|| {
            OnnxError::MissingNode(format!("quantizes `{tensor}`, the output of `{}`", node.name))
        })?;
    scalar(model, sink)
}

/// Name of an input.
fn input(node: &NodeProto, index: usize) -> Result<&str, OnnxError> {
    node.input
        .get(index)
        .map(String::as_str)
        .ok_or_else(|| OnnxError::MissingNode(format!("feeds input {index} of `{}`", node.name)))
}

/// Per-tensor scale and zero point of a QuantizeLinear or DequantizeLinear node.
fn scalar(model: &Model, node: &NodeProto) -> Result<Quant, OnnxError> {
    let scale = model.float32(&node.name, input(node, 1)?)?.first().copied().unwrap_or(1.0);
    let zero = model.int8(&node.name, input(node, 2)?)?.first().copied().unwrap_or(0);
    Ok(Quant { scale, zero: zero.into() })
}

/// Extents, values and scales per output channel of a layer's weights.
type Weights = (Vec<usize>, Vec<i8>, Vec<f32>);

/// Weights of input 1 and their scales per output channel.
fn weights(model: &Model, node: &NodeProto) -> Result<Weights, OnnxError> {
    let (stored, _) = dequantized(model, node, 1)?;
    let source = model
        .producer(input(node, 1)?)
        .ok_or_else(|| OnnxError::MissingNode(format!("makes the weights of `{}`", node.name)))?;
    let scales = model.float32(&node.name, input(source, 1)?)?.to_vec();
    let tensor = model.constant(&node.name, &stored)?;
    Ok((tensor.dims.clone(), model.int8(&node.name, &stored)?.to_vec(), scales))
}

/// Bias of input 2, zero where there is none.
fn bias(model: &Model, node: &NodeProto, channels: usize) -> Result<Vec<i32>, OnnxError> {
    if node.input.len() < 3 {
        return Ok(vec![0; channels]);
    }
    let source = model
        .producer(input(node, 2)?)
        .ok_or_else(|| OnnxError::MissingNode(format!("makes the bias of `{}`", node.name)))?;
    Ok(model.int32(&node.name, input(source, 0)?)?.to_vec())
}

/// Small positive attribute as a size.
fn size(value: i64, node: &NodeProto) -> Result<usize, OnnxError> {
    usize::try_from(value)
        .map_err(|_| OnnxError::Malformed(format!("node `{}` has a negative attribute", node.name)))
}

fn requantize(input: Quant, weights: &[f32], output: Quant) -> Vec<f32> {
    weights.iter().map(|weight| input.scale * weight / output.scale).collect()
}

/// The convolution node called `name`.
pub fn conv(model: &Model, name: &str) -> Result<QConv, OnnxError> {
    let node = model.node(name)?;
    let (_, input) = dequantized(model, node, 0)?;
    let output = quantized(model, node)?;
    let (dims, weights, scales) = weights(model, node)?;
    let &[out_channels, in_channels, kh, kw] = dims.as_slice() else {
        return Err(OnnxError::Malformed(format!("convolution `{name}` is not two-dimensional")));
    };
    let pair = |attribute: &str| -> Result<[usize; 2], OnnxError> {
        let list = ints(node, attribute, &[1, 1]);
        Ok([
            size(list.first().copied().unwrap_or(1), node)?,
            size(list.get(1).copied().unwrap_or(1), node)?,
        ])
    };
    let strides = pair("strides")?;
    let list = ints(node, "pads", &[0; 4]);
    let mut pads = [0; 4];
    for (pad, value) in pads.iter_mut().zip(list) {
        *pad = size(value, node)?;
    }
    Ok(QConv {
        name: name.to_owned(),
        out_channels,
        in_channels,
        groups: size(int(node, "group", 1), node)?,
        kernel: [kh, kw],
        strides,
        pads,
        bias: bias(model, node, out_channels)?,
        scales: requantize(input, &scales, output),
        weights,
        input,
        output,
    })
}

/// The Gemm node called `name`, with `transB`: weights are `[out][in]`.
pub fn fully_connected(model: &Model, name: &str) -> Result<QConv, OnnxError> {
    let node = model.node(name)?;
    let (_, input) = dequantized(model, node, 0)?;
    let output = quantized(model, node)?;
    let (dims, weights, scales) = weights(model, node)?;
    let &[out_channels, in_channels] = dims.as_slice() else {
        return Err(OnnxError::Malformed(format!("weights of `{name}` are not a matrix")));
    };
    if int(node, "transB", 0) != 1 {
        return Err(OnnxError::Malformed(format!("`{name}` needs transB = 1")));
    }
    Ok(QConv {
        name: name.to_owned(),
        out_channels,
        in_channels,
        groups: 1,
        kernel: [1, 1],
        strides: [1, 1],
        pads: [0; 4],
        bias: bias(model, node, out_channels)?,
        scales: requantize(input, &scales, output),
        weights,
        input,
        output,
    })
}

/// The Add node called `name`.
pub fn add(model: &Model, name: &str) -> Result<QAdd, OnnxError> {
    let node = model.node(name)?;
    Ok(QAdd {
        a: dequantized(model, node, 0)?.1,
        b: dequantized(model, node, 1)?.1,
        sum: quantized(model, node)?,
    })
}

/// Quantization before and after the one-input node called `name`.
pub fn unary(model: &Model, name: &str) -> Result<(Quant, Quant), OnnxError> {
    let node = model.node(name)?;
    Ok((dequantized(model, node, 0)?.1, quantized(model, node)?))
}

/// Quantization of the network's input: that of the QuantizeLinear which reads it.
pub fn network_input(model: &Model) -> Result<Quant, OnnxError> {
    let name = model.inputs.first().map_or("", |input| input.name.as_str());
    let sink = model
        .nodes
        .iter()
        .find(|node| {
            node.op_type == "QuantizeLinear"
                && node.input.first().is_some_and(|first| first == name)
        })
        .ok_or_else(|| OnnxError::MissingNode(format!("quantizes the input `{name}`")))?;
    scalar(model, sink)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_layers() {
        let model = Model::from_bytes(include_bytes!("../../tests/data/digits_int8.onnx")).unwrap();
        let depthwise = conv(&model, "c3").unwrap();
        assert_eq!((depthwise.out_channels, depthwise.in_channels, depthwise.groups), (32, 1, 32));
        assert_eq!((depthwise.strides, depthwise.pads), ([2, 2], [1, 1, 1, 1]));
        let last = fully_connected(&model, "fc").unwrap();
        assert_eq!((last.out_channels, last.in_channels, last.bias.len()), (10, 64, 10));
        let sum = add(&model, "a5").unwrap();
        assert_eq!(sum.a, conv(&model, "c5").unwrap().output);
        assert_eq!(sum.b, conv(&model, "c4").unwrap().output);
        assert!(network_input(&model).unwrap().scale > 0.0);
        let error = conv(&model, "fc").unwrap_err();
        assert_eq!(error.to_string(), "not an ONNX file: convolution `fc` is not two-dimensional");
    }
}
