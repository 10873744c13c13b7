//! A graph as a table, as JSON and as a drawing (Graphviz), with what every operator costs.

use serde_json::{Value, json};

use super::op::Op;
use super::tensor::{Quantization, Tensor};
use super::{Graph, Node};

/// Multiplications that a node needs; 0 for what is not a convolution or a matrix product.
pub fn macs(graph: &Graph, node: &Node) -> u64 {
    let outputs = graph.tensor(node.output).len() as u64;
    let shape = |index: usize| {
        node.inputs.get(index).map_or(&[][..], |&id| graph.tensor(id).shape.as_slice())
    };
    let per_output = match &node.op {
        Op::Conv { .. } => shape(1).iter().skip(1).product::<usize>(),
        Op::ConvTranspose { .. } => {
            let inputs = shape(0).iter().product::<usize>() as u64;
            return inputs.saturating_mul(shape(1).iter().skip(1).product::<usize>() as u64);
        }
        Op::MatMul { transpose_a, .. } => {
            let own = shape(0);
            let back = if *transpose_a { 2 } else { 1 };
            own.len().checked_sub(back).and_then(|d| own.get(d)).copied().unwrap_or(0)
        }
        _ => 0,
    };
    outputs.saturating_mul(per_output as u64)
}

/// Constant elements that a node reads.
pub fn parameters(graph: &Graph, node: &Node) -> u64 {
    let constants = graph.operands(node).into_iter().filter(|tensor| tensor.is_constant());
    constants.map(|tensor| tensor.len() as u64).sum()
}

fn extents(shape: &[usize]) -> String {
    match shape {
        [] => "scalar".to_owned(),
        _ => shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
    }
}

/// Scale and zero point, or how many there are; those of uint8 as the file has them.
fn quantization(tensor: &Tensor) -> String {
    let Some(quant) = &tensor.quant else { return String::new() };
    let (scale, zero) = quant.at(0);
    match quant.axis {
        None => format!("{scale:.6} {zero:+}"),
        Some(axis) => format!("{} scales on axis {axis}", quant.scales.len()),
    }
}

fn kind(tensor: &Tensor) -> &'static str {
    if tensor.unsigned { "uint8" } else { tensor.dtype.name() }
}

/// A table, a line per operator, and totals.
pub fn table(graph: &Graph) -> String {
    let mut rows = vec![
        [
            "node",
            "operator",
            "parameters",
            "shape",
            "type",
            "quantization",
            "MACs",
            "constants",
            "from",
        ]
        .map(str::to_owned),
    ];
    let (mut all_macs, mut all_parameters) = (0, 0);
    for id in &graph.inputs {
        let tensor = graph.tensor(*id);
        rows.push([
            tensor.name.clone(),
            "input".to_owned(),
            String::new(),
            extents(&tensor.shape),
            kind(tensor).to_owned(),
            quantization(tensor),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    for node in &graph.nodes {
        let output = graph.tensor(node.output);
        let (macs, parameters) = (macs(graph, node), parameters(graph, node));
        all_macs += macs;
        all_parameters += parameters;
        let count = |n: u64| if n == 0 { String::new() } else { n.to_string() };
        let mut what = node.op.parameters();
        if let Some([min, max]) = node.clamp {
            what += &format!("{}limits {min}..{max}", if what.is_empty() { "" } else { " " });
        }
        rows.push([
            node.name.clone(),
            node.op.name().to_owned(),
            what,
            extents(&output.shape),
            kind(output).to_owned(),
            quantization(output),
            count(macs),
            count(parameters),
            from(node),
        ]);
    }
    let mut text = aligned(&rows);
    let outputs: Vec<String> = graph
        .outputs
        .iter()
        .map(|&id| graph.tensor(id))
        .map(|t| format!("{} {} {}", t.name, extents(&t.shape), kind(t)))
        .collect();
    text += &format!(
        "\noutputs: {}\n{} operators, {all_macs} multiplications, {all_parameters} constants\n",
        outputs.join(", "),
        graph.nodes.len()
    );
    text
}

/// The ONNX nodes that a node stands for, beside the one it is named after.
fn from(node: &Node) -> String {
    let others: Vec<&str> =
        node.origin.iter().map(String::as_str).filter(|name| *name != node.name).collect();
    match others.as_slice() {
        [a, b, c, rest @ ..] if !rest.is_empty() => {
            format!("{a}, {b}, {c} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}

/// Columns of equal width; numbers to the right.
fn aligned(rows: &[[String; 9]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..9).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                if (6..8).contains(&column) { pad + cell } else { cell.clone() + &pad }
            })
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// A tensor without its elements.
fn tensor(tensor: &Tensor) -> Value {
    let quant = tensor.quant.as_ref().map(|Quantization { scales, zeros, axis }| {
        json!({ "scales": scales, "zeros": zeros, "axis": axis })
    });
    json!({
        "name": tensor.name,
        "aliases": tensor.aliases,
        "shape": tensor.shape,
        "type": tensor.dtype.name(),
        "unsigned": tensor.unsigned,
        "quantization": quant,
        "constant": tensor.is_constant(),
    })
}

/// Everything but the elements of constants.
pub fn json(graph: &Graph) -> Value {
    let names = |ids: &[super::TensorId]| -> Vec<Value> {
        ids.iter().map(|&id| tensor(graph.tensor(id))).collect()
    };
    let nodes: Vec<Value> = graph
        .nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.name,
                "operator": node.op.name(),
                "parameters": node.op.parameters(),
                "limits": node.clamp,
                "inputs": names(&node.inputs),
                "output": tensor(graph.tensor(node.output)),
                "macs": macs(graph, node),
                "constants": parameters(graph, node),
                "onnx": node.origin,
            })
        })
        .collect();
    json!({ "inputs": names(&graph.inputs), "outputs": names(&graph.outputs), "nodes": nodes })
}

/// A drawing in the language of Graphviz.
pub fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text =
        "digraph network {\n  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n".to_owned();
    let uses = graph.uses();
    for id in &graph.inputs {
        let name = quoted(&graph.tensor(*id).name);
        text += &format!("  t{} [label=\"{name}\", shape=ellipse];\n", id.0);
    }
    for (position, node) in graph.nodes.iter().enumerate() {
        let output = graph.tensor(node.output);
        text += &format!(
            "  n{position} [label=\"{}\\n{} {}\\n{} {}\"];\n",
            quoted(&node.name),
            node.op.name(),
            quoted(&node.op.parameters()),
            extents(&output.shape),
            kind(output)
        );
        for &input in &node.inputs {
            match uses.producer(input) {
                Some(from) => text += &format!("  n{from} -> n{position};\n"),
                None if graph.inputs.contains(&input) => {
                    text += &format!("  t{} -> n{position};\n", input.0);
                }
                None => {}
            }
        }
    }
    for (index, &output) in graph.outputs.iter().enumerate() {
        let name = quoted(&graph.tensor(output).name);
        text += &format!("  out{index} [label=\"{name}\", shape=ellipse];\n");
        if let Some(from) = uses.producer(output) {
            text += &format!("  n{from} -> out{index};\n");
        }
    }
    text + "}\n"
}
