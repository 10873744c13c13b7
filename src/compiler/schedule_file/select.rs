//! Which layers the names in a schedule mean.

use std::collections::{BTreeMap, BTreeSet};

use super::{LayerWish, Wishes};
use crate::compiler::net::{Kind, Layer, Net, ValueId};
use crate::config::{Origin, Violation, check};

/// Stands for any text in a name.
const ANY: char = '*';

impl Wishes {
    /// What is wished of each layer, later entries before earlier ones.
    pub(super) fn merged(
        &self,
        net: &Net,
        violations: &mut Vec<Violation>,
    ) -> BTreeMap<usize, LayerWish> {
        let mut all: BTreeMap<usize, LayerWish> = BTreeMap::new();
        for wish in &self.layers {
            if wish.name.contains(ANY) {
                let fits = |layer: &Layer| matches(&wish.name, &layer.name);
                let selected: Vec<usize> =
                    (0..net.layers.len()).filter(|&at| fits(&net.layers[at])).collect();
                if selected.is_empty() {
                    violations.push(unknown_layer(net, &wish.name, &wish.origin));
                }
                for at in selected {
                    let wish = wish.applicable(net, at);
                    all.entry(at).and_modify(|old| old.replace(&wish)).or_insert(wish);
                }
                continue;
            }
            match position(net, &wish.name, &wish.origin) {
                Ok(at) => {
                    let wish = wish.clone();
                    all.entry(at).and_modify(|old| old.replace(&wish)).or_insert(wish);
                }
                Err(violation) => violations.push(*violation),
            }
        }
        all
    }

    /// The layers of `sequence` take the places they have together in the network, in its order.
    pub(super) fn reorder(&self, net: &mut Net, violations: &mut Vec<Violation>) {
        let mut listed: Vec<usize> = Vec::new();
        for (name, origin) in &self.sequence {
            match position(net, name, origin) {
                Ok(at) if listed.contains(&at) => violations.push(Violation::new(
                    "sequence",
                    format!("`{name}` is listed twice"),
                    "list every layer once",
                    origin.clone(),
                )),
                Ok(at) => listed.push(at),
                Err(violation) => violations.push(*violation),
            }
        }
        let mut places = listed.clone();
        places.sort_unstable();
        let mut order: Vec<usize> = (0..net.layers.len()).collect();
        for (place, from) in places.into_iter().zip(listed) {
            order[place] = from;
        }
        let layers = order.iter().map(|&from| net.layers[from].clone()).collect();
        let old = std::mem::replace(&mut net.layers, layers);
        let origin = |name: &str| self.sequence.iter().find(|(listed, _)| listed == name);
        let mut made: BTreeSet<ValueId> = net.inputs.iter().map(|(value, _)| *value).collect();
        for layer in &net.layers {
            for input in layer.inputs.iter().filter(|input| !made.contains(input)) {
                let Some(producer) = old.iter().find(|other| other.output == *input) else {
                    continue;
                };
                let (reader, producer) = (&layer.name, &producer.name);
                let (_, origin) = match origin(reader).or_else(|| origin(producer)) {
                    Some(listed) => listed.clone(),
                    None => continue,
                };
                violations.push(Violation::new(
                    "sequence",
                    format!("`{reader}` comes before `{producer}`, whose result it reads"),
                    format!("put `{reader}` behind `{producer}`"),
                    origin,
                ));
            }
            made.insert(layer.output);
        }
    }
}

impl LayerWish {
    /// What of a wish for many layers one of them can have at all.
    fn applicable(&self, net: &Net, at: usize) -> LayerWish {
        let layer = &net.layers[at];
        let mut wish = LayerWish { name: layer.name.clone(), ..self.clone() };
        if !matches!(layer.kind, Kind::Conv(_)) {
            (wish.order, wish.tile, wish.channels) = (None, None, None);
        }
        if net.is_streamed(layer.output) {
            wish.place = None;
        }
        wish
    }

    /// Takes over what another wish says.
    fn replace(&mut self, other: &LayerWish) {
        fn take<T: Clone>(ours: &mut Option<T>, theirs: &Option<T>) {
            if theirs.is_some() {
                ours.clone_from(theirs);
            }
        }
        self.origin = other.origin.clone();
        take(&mut self.place, &other.place);
        take(&mut self.interleave, &other.interleave);
        take(&mut self.order, &other.order);
        take(&mut self.tile, &other.tile);
        take(&mut self.channels, &other.channels);
    }
}

/// Whether a name is one of those that a pattern stands for.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (Some((head, _)), Some((_, tail))) = (pattern.split_once(ANY), pattern.rsplit_once(ANY))
    else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)) else {
        return false;
    };
    // Between the first and the last asterisk the earliest place of each part leaves most to others.
    let middle = pattern.get(head.len()..pattern.len() - tail.len()).unwrap_or_default();
    let mut parts = middle.split(ANY).filter(|part| !part.is_empty());
    parts.try_fold(rest, |rest, part| rest.split_once(part).map(|(_, behind)| behind)).is_some()
}

/// Where the layer of a name stands, or why there is none.
fn position(net: &Net, name: &str, origin: &Origin) -> Result<usize, Box<Violation>> {
    if let Some(at) = net.layers.iter().position(|layer| layer.name == name) {
        return Ok(at);
    }
    let into = net.layers.iter().find(|layer| layer.nodes.iter().any(|node| node == name));
    Err(Box::new(match into {
        Some(layer) => Violation::new(
            name,
            format!("`{name}` has moved into `{}`", layer.name),
            format!("write it under `{}`, or list it under `apart`", layer.name),
            origin.clone(),
        ),
        None => unknown_layer(net, name, origin),
    }))
}

pub(super) fn unknown_layer(net: &Net, name: &str, origin: &Origin) -> Violation {
    let names = net.layers.iter().map(|layer| layer.name.as_str());
    let near = check::nearest(name, names);
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`? `--dump-schedule` lists all layers"),
        None => "`--dump-schedule` lists all layers".to_owned(),
    };
    Violation::new(name, format!("the network has no layer `{name}`"), remedy, origin.clone())
}
