//! What is quantized: a role for every operator, and the tensors that share scale and zero point.

use std::collections::{BTreeMap, HashMap};

use super::{Options, Scope};
use crate::graph::import::is_named;
use crate::graph::{Binary, Dtype, Graph, Node, Op, PoolKind, ReduceKind, TensorId, Unary, Uses};

/// What becomes of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It computes shapes, indices or masks.
    Apart,
    /// It stays binary32, for this reason.
    Float(&'static str),
    /// It multiplies by constant weights, whose channels lie along this dimension.
    Weights(Option<usize>),
    /// A batch norm by itself, which becomes a depthwise convolution.
    Norm,
    /// Its operands and its result are quantized.
    Elements,
    /// A product of two activations.
    Product,
    /// Its result has the scale and the zero point of its operands.
    Moves,
    /// A Relu or Clip that the quantization of its result does.
    Absorbed,
}

impl Role {
    /// Whether it computes with integers.
    pub fn is_quantized(self) -> bool {
        !matches!(self, Role::Apart | Role::Float(_))
    }
}

/// What is quantized.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Roles of the nodes of the graph.
    pub roles: Vec<Role>,
    /// Quantized tensors, constants among them, each with its group.
    pub tensors: BTreeMap<TensorId, usize>,
    /// Whether the zero point of a group is 0.
    pub symmetric: Vec<bool>,
}

/// The operands of a node that are quantized with it.
pub fn operands(node: &Node, role: Role) -> &[TensorId] {
    let count = match (role, &node.op) {
        (Role::Apart | Role::Float(_) | Role::Absorbed, _) => 0,
        (Role::Product, _) | (Role::Elements, Op::Binary(_)) => 2,
        (Role::Moves, Op::Concat { .. }) => node.inputs.len(),
        _ => 1,
    };
    node.inputs.get(..count).unwrap_or_default()
}

/// Decides on every operator. `kinds` are the ONNX operators by the names of their nodes.
pub fn plan(graph: &Graph, kinds: &HashMap<String, String>, options: &Options) -> Plan {
    let uses = graph.uses();
    let mut roles: Vec<Role> = graph
        .nodes
        .iter()
        .map(|node| {
            let role = own(graph, node, options.scope);
            let named = node.origin.iter().any(|name| options.exclude.contains(name));
            let of_kind = |name: &String| kinds.get(name).is_some_and(|k| options.only.contains(k));
            match role {
                Role::Apart => role,
                _ if named || options.exclude.contains(&node.name) => Role::Float("excluded"),
                _ if !options.only.is_empty() && !node.origin.iter().any(of_kind) => {
                    Role::Float("not of the operators asked for")
                }
                role => role,
            }
        })
        .collect();
    absorb(graph, &uses, &mut roles);
    if options.scope == Scope::All {
        movements(graph, &uses, &mut roles);
    }
    let mut plan = Plan { roles, ..Plan::default() };
    group(graph, &mut plan, options.scope);
    plan
}

/// The role of an operator as far as it follows from itself.
fn own(graph: &Graph, node: &Node, scope: Scope) -> Role {
    let operands = graph.operands(node);
    let output = graph.tensor(node.output);
    let Some(x) = operands.first() else { return Role::Apart };
    let float = |index: usize| operands.get(index).is_some_and(|t| t.dtype == Dtype::F32);
    let constant = |index: usize| operands.get(index).is_some_and(|t| t.is_constant());
    if output.dtype != Dtype::F32 || !float(0) && !matches!(node.op, Op::Where | Op::Gather { .. })
    {
        return Role::Apart;
    }
    let whole = is_named(output)
        && operands.iter().all(|operand| operand.is_constant() || is_named(operand));
    let role = match &node.op {
        Op::Conv { .. } => match (constant(1), operands.len() < 3 || constant(2)) {
            (true, true) => Role::Weights(Some(0)),
            _ => Role::Float("its weights or its bias are not constant"),
        },
        Op::MatMul { .. } if x.is_constant() || !constant(1) => match operands.len() {
            2 => Role::Product,
            _ => Role::Float("a product of two activations with a bias"),
        },
        Op::MatMul { transpose_b, .. } => {
            let rank = operands.get(1).map_or(0, |w| w.shape.len());
            let columns = output.shape.last().copied().unwrap_or(1);
            let fits = operands.get(2).is_none_or(|bias| {
                bias.is_constant() && [1, columns].contains(&bias.len()) && bias.shape.len() <= 2
            });
            match fits {
                true => Role::Weights((rank == 2).then_some(usize::from(!transpose_b))),
                false => Role::Float("its bias is not one constant per column"),
            }
        }
        Op::BatchNorm { .. } => match (1..5).all(constant) {
            true if x.shape.len() > 2 => Role::Norm,
            true => Role::Elements,
            false => Role::Float("its parameters are not constant"),
        },
        Op::Binary(
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Min | Binary::Max,
        ) => Role::Elements,
        Op::Unary(Unary::Identity) => Role::Moves,
        Op::Unary(_) => Role::Elements,
        Op::Pool { kind: PoolKind::Max, .. }
        | Op::Reduce { kind: ReduceKind::Max | ReduceKind::Min, .. }
        | Op::Concat { .. } => Role::Moves,
        Op::Pool { .. } | Op::Reduce { kind: ReduceKind::Mean, .. } => Role::Elements,
        Op::Pad { padding: crate::graph::Padding::Constant(value), .. } if *value != 0.0 => {
            Role::Elements
        }
        Op::Pad { .. } => Role::Moves,
        Op::Gather { .. } if x.is_constant() => Role::Float("a table"),
        op if op.only_moves() => Role::Moves,
        _ => Role::Float("an operator on binary32"),
    };
    match (scope, role) {
        (_, Role::Float(_)) => role,
        (Scope::All, Role::Moves) => role,
        _ if !whole => Role::Float("a part of an operator that becomes several"),
        (Scope::All, _) => role,
        (Scope::Gemm | Scope::Products, Role::Weights(_))
            if matches!(node.op, Op::MatMul { .. }) =>
        {
            role
        }
        (Scope::Products, Role::Product) => role,
        _ => Role::Float("not a matrix product, which alone are quantized"),
    }
}

/// Relu and Clip behind an operator whose result nothing else reads.
fn absorb(graph: &Graph, uses: &Uses, roles: &mut [Role]) {
    for (position, node) in graph.nodes.iter().enumerate() {
        let clips = matches!(node.op, Op::Unary(Unary::Relu | Unary::Clip { .. }));
        let Some(&x) = node.inputs.first().filter(|_| clips) else { continue };
        let Some(before) = uses.producer(x).filter(|_| uses.is_single(x)) else { continue };
        let makes = matches!(
            graph.nodes[before].op,
            Op::Conv { .. } | Op::MatMul { .. } | Op::Binary(_) | Op::BatchNorm { .. }
        );
        if makes && roles[before].is_quantized() && roles[position] == Role::Elements {
            roles[position] = Role::Absorbed;
        }
    }
}

/// What only moves elements does so with bytes where they come as bytes. Behind an input of the
/// network it does where they are wanted as bytes.
fn movements(graph: &Graph, uses: &Uses, roles: &mut [Role]) {
    let mut wanted = vec![false; roles.len()];
    for (position, node) in graph.nodes.iter().enumerate().rev() {
        wanted[position] = uses.readers(node.output).iter().any(|&reader| match roles[reader] {
            Role::Moves => wanted[reader],
            role => operands(&graph.nodes[reader], role).contains(&node.output),
        });
    }
    // Quantized tensors, as far as operators that compute say so.
    let mut bytes = vec![false; graph.tensors().count()];
    for (position, node) in graph.nodes.iter().enumerate() {
        let role = roles[position];
        for operand in operands(node, role).iter().filter(|_| role != Role::Moves) {
            bytes[operand.0] = true;
        }
        let absorbed = uses.readers(node.output).iter().any(|&r| roles[r] == Role::Absorbed);
        if role.is_quantized() && role != Role::Moves && !absorbed {
            bytes[node.output.0] = true;
        }
    }
    for input in &graph.inputs {
        let begins = |r: &usize| roles[*r] == Role::Moves && wanted[*r];
        bytes[input.0] |= uses.readers(*input).iter().any(begins);
    }
    for (position, node) in graph.nodes.iter().enumerate() {
        if roles[position] != Role::Moves {
            continue;
        }
        let come = operands(node, Role::Moves).iter().any(|operand| bytes[operand.0]);
        if come {
            bytes[node.output.0] = true;
        } else {
            roles[position] = Role::Float("it moves binary32");
        }
    }
}

/// Joins tensors that share scale and zero point.
fn group(graph: &Graph, plan: &mut Plan, scope: Scope) {
    let count = graph.tensors().count();
    let mut parents: Vec<usize> = (0..count).collect();
    fn root(parents: &mut [usize], mut at: usize) -> usize {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    }
    let uses = graph.uses();
    let mut members = vec![false; count];
    let mut symmetric = Vec::new();
    for (position, node) in graph.nodes.iter().enumerate() {
        let role = plan.roles[position];
        if !role.is_quantized() {
            continue;
        }
        for operand in operands(node, role) {
            members[operand.0] = true;
            match role {
                Role::Moves => {
                    let (a, b) = (root(&mut parents, operand.0), root(&mut parents, node.output.0));
                    parents[a.max(b)] = a.min(b);
                }
                Role::Product => symmetric.push(*operand),
                _ => {}
            }
        }
        let readers = uses.readers(node.output);
        let absorbed = readers.iter().any(|&r| plan.roles[r] == Role::Absorbed);
        if scope == Scope::All && !absorbed {
            members[node.output.0] = true;
        }
    }
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    for tensor in (0..count).filter(|&t| members[t]) {
        let next = numbers.len();
        let number = *numbers.entry(root(&mut parents, tensor)).or_insert(next);
        plan.tensors.insert(TensorId(tensor), number);
    }
    plan.symmetric = vec![false; numbers.len()];
    for tensor in symmetric {
        if let Some(&number) = plan.tensors.get(&tensor) {
            plan.symmetric[number] = true;
        }
    }
}
