//! What the program says of its layers.

use std::collections::BTreeSet;

use super::Options;
use super::emit::Place;
use super::fuse::{self, Abilities};
use super::net::Net;
use crate::program::{LayerInfo, Memory};

/// The layers in the order of the network, with the places of their results.
pub(super) fn layers(
    net: &Net,
    places: &[Place],
    abilities: Abilities,
    options: Options,
    apart: &BTreeSet<String>,
) -> Vec<LayerInfo> {
    let all = net.layers.iter().zip(places).enumerate();
    all.map(|(at, (layer, place))| {
        let value = net.value(layer.output);
        let remark = match options.fuse {
            true if apart.contains(&layer.name) => Some("the schedule keeps it apart".to_owned()),
            true => fuse::remark(net, at, abilities),
            false => fuse::could_move(&layer.kind).then(|| "fusion is switched off".to_owned()),
        };
        LayerInfo {
            name: layer.name.clone(),
            nodes: layer.nodes.clone(),
            kernel: layer.kind.name().to_owned(),
            engine: layer.kind.engine().to_owned(),
            macs: layer.macs,
            tensor: value.name().to_owned(),
            shape: value.shape().iter().map(|&extent| extent as u64).collect(),
            place: match place {
                Place::Chip(_) => Memory::Ibuf,
                Place::Dram(_) => Memory::Dram,
            },
            remark: remark.unwrap_or_default(),
        }
    })
    .collect()
}
