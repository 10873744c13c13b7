//! Additions and functions move into the convolutions before them, where they cost nothing.

use std::collections::BTreeSet;

use super::net::{Kind, Layer, Net, ValueId};
use crate::kernels::conv::Residual;

/// What the design's post-processor can do.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// It adds a second map.
    pub residual: bool,
    /// It looks results up in a table.
    pub lookup: bool,
}

/// A layer that has moved into a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub layer: String,
    /// That of the convolution.
    pub into: String,
}

/// Fuses whatever can be but the layers named in `apart`; results that are fused away no longer
/// exist.
pub fn fuse(net: &mut Net, abilities: Abilities, apart: &BTreeSet<String>) -> Vec<Moved> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < net.layers.len() {
        let layer = net.layers[at].name.clone();
        let fused = match net.layers[at].kind {
            _ if apart.contains(&layer) => false,
            Kind::Add(_) if abilities.residual => add(net, at),
            Kind::Lookup(_) if abilities.lookup => lookup(net, at),
            _ => false,
        };
        if fused {
            all.push(Moved { layer, into: net.layers[at - 1].name.clone() });
        } else {
            at += 1;
        }
    }
    all
}

/// The convolution that makes a map which nothing but one operand of one layer reads.
fn sole_conv(net: &Net, value: ValueId) -> Option<usize> {
    let operands = net.layers.iter().flat_map(|layer| &layer.inputs);
    let uses = operands.filter(|operand| **operand == value).count();
    let producer = net.producer(value)?;
    let Kind::Conv(conv) = &net.layers[producer].kind else { return None };
    (uses == 1 && !net.is_output(value) && conv.table.is_none()).then_some(producer)
}

/// Takes a convolution out and puts it in the place of the layer that reads its result.
fn replace(net: &mut Net, producer: usize, at: usize, change: impl FnOnce(&mut Layer, Layer)) {
    let mut conv = net.layers.remove(producer);
    let reader = net.layers[at - 1].clone();
    conv.output = reader.output;
    conv.nodes.extend(reader.nodes.iter().cloned());
    change(&mut conv, reader);
    net.layers[at - 1] = conv;
}

/// Either operand may be the convolution's result; that of the later one comes first, so that the
/// other is there.
fn add(net: &mut Net, at: usize) -> bool {
    let [first, second] = net.layers[at].inputs[..] else { return false };
    let free = |value: ValueId| {
        let producer = sole_conv(net, value).filter(|_| first != second)?;
        matches!(&net.layers[producer].kind, Kind::Conv(conv) if conv.residual.is_none())
            .then_some(producer)
    };
    let (producer, is_second) = match (free(first), free(second)) {
        (Some(a), Some(b)) => (a.max(b), b > a),
        (Some(a), None) => (a, false),
        (None, Some(b)) => (b, true),
        (None, None) => return false,
    };
    let (skip, zero) = if is_second { (first, net.value(first).zero) } else { (second, 0) };
    replace(net, producer, at, |conv, sum| {
        conv.inputs.push(skip);
        if let (Kind::Conv(layer), Kind::Add(residual)) = (&mut conv.kind, sum.kind) {
            layer.residual = Some(match is_second {
                false => residual,
                true => Residual {
                    scale_a: residual.scale_b,
                    scale_b: residual.scale_a,
                    zero_b: zero,
                    a_is_second: true,
                    ..residual
                },
            });
        }
    });
    true
}

fn lookup(net: &mut Net, at: usize) -> bool {
    let [operand] = net.layers[at].inputs[..] else { return false };
    let Some(producer) = sole_conv(net, operand) else { return false };
    replace(net, producer, at, |conv, function| {
        if let (Kind::Conv(layer), Kind::Lookup(table)) = (&mut conv.kind, function.kind) {
            layer.table = Some(table);
        }
    });
    true
}

/// Whether a layer is of a kind that moves into convolutions.
pub fn could_move(kind: &Kind) -> bool {
    matches!(kind, Kind::Add(_) | Kind::Lookup(_))
}

/// Why a layer that could have moved into a convolution did not.
pub fn remark(net: &Net, at: usize, abilities: Abilities) -> Option<String> {
    let layer = net.layers.get(at).filter(|layer| could_move(&layer.kind))?;
    let is_add = matches!(layer.kind, Kind::Add(_));
    match (is_add, abilities) {
        (true, Abilities { residual: false, .. }) => {
            return Some("the design's post-processor adds no second map".to_owned());
        }
        (false, Abilities { lookup: false, .. }) => {
            return Some("the design's post-processor has no lookup".to_owned());
        }
        _ => {}
    }
    if let [first, second] = layer.inputs[..]
        && first == second
    {
        return Some("both operands are the same map".to_owned());
    }
    let reasons: Vec<String> =
        layer.inputs.iter().map(|&value| obstacle(net, value, is_add)).collect();
    Some(reasons.join("; "))
}

/// What stands against moving a reader of a map into the convolution that makes the map.
fn obstacle(net: &Net, value: ValueId, is_add: bool) -> String {
    let name = net.value(value).name();
    let Some(producer) = net.producer(value).and_then(|at| net.layers.get(at)) else {
        return format!("`{name}` is an input of the network");
    };
    let Kind::Conv(conv) = &producer.kind else {
        return format!("`{name}` is the result of `{}`", producer.kind.name());
    };
    if net.is_output(value) {
        format!("`{name}` is an output of the network")
    } else if conv.table.is_some() {
        format!("the convolution that makes `{name}` ends in a function already")
    } else if is_add && conv.residual.is_some() {
        format!("the convolution that makes `{name}` has an addition already")
    } else {
        format!("`{name}` has other readers")
    }
}
