//! Products of two activations.

use super::{Known, Lowered, Lowering, Refusal};
use crate::compiler::net::{Heads, Kind, ProductLayer, Value};
use crate::compiler::view::{Axis, View};
use crate::graph::Node;

/// Matrices in a map.
struct Matrices {
    place: Heads,
    count: usize,
    /// Whether a pixel is a column of the matrix.
    turned: bool,
}

/// How the last two dimensions of a view are matrices of a map.
fn matrices(view: &View, value: &Value) -> Option<Matrices> {
    let (columns, rest) = view.dims.split_last()?;
    let (rows, outer) = rest.split_last()?;
    let real = |axes: &[Axis]| View::new(view.value, &[axes], value.shape()).dims.concat();
    let (place, count, pixels, channels) = match outer.concat().as_slice() {
        [] => (Heads::One, 1, real(&[Axis::H, Axis::W]), real(&[Axis::C])),
        &[Axis::Group(n)] => {
            (Heads::Channels, n, real(&[Axis::H, Axis::W]), real(&[Axis::Member(n)]))
        }
        [Axis::H] => (Heads::Rows, value.height, real(&[Axis::W]), real(&[Axis::C])),
        _ => return None,
    };
    let turned = if *rows == pixels && *columns == channels {
        false
    } else if *rows == channels && *columns == pixels {
        true
    } else {
        return None;
    };
    Some(Matrices { place, count, turned })
}

impl Lowering<'_> {
    /// A product of two maps.
    pub(super) fn product(&mut self, node: &Node, turned: [bool; 2]) -> Lowered<Known> {
        let (a, b) = (self.map(node, 0)?.clone(), self.map(node, 1)?.clone());
        if node.inputs.len() > 2 {
            let remedy = "add it before or behind the product";
            return Err(Refusal::new("a product of two activations has a bias", remedy));
        }
        let torn = |index: usize| {
            Refusal::new(
                format!("the matrices of operand {index} are no rows and channels of a map"),
                "split heads off the last dimension with Reshape and Transpose only",
            )
        };
        let (value_a, value_b) = (self.net.value(a.value), self.net.value(b.value));
        let left = matrices(&a, value_a).ok_or_else(|| torn(0))?;
        let right = matrices(&b, value_b).ok_or_else(|| torn(1))?;
        if left.turned != turned[0] {
            let remedy = "transpose the whole product instead";
            return Err(Refusal::new("its first operand is transposed", remedy));
        }
        if left.count != right.count {
            let message = format!("its operands have {} and {} matrices", left.count, right.count);
            return Err(Refusal::new(message, "give each as many as the other"));
        }
        let heads = left.count;
        let shape = &self.tensor(node.output).shape;
        let &[.., rows, columns] = shape.as_slice() else { return Err(torn(0)) };
        let transposed = right.turned != turned[1];
        // Values are as they lie in the channels of all heads, and so is the context.
        let (place, extents) = match (left.place, right.place) {
            (Heads::One, _) => (Heads::One, [value_a.height, value_a.width, columns]),
            (_, Heads::Channels) if !transposed => (Heads::Channels, [rows, 1, heads * columns]),
            _ => (Heads::Rows, [heads, rows, columns]),
        };
        let (sa, zero_a) = self.quant(self.tensor(node.inputs[0]))?;
        let (sb, zero_b) = self.quant(self.tensor(node.inputs[1]))?;
        let output = self.requant(node)?;
        let sy = match self.is_real(node) {
            true => 1.0,
            false => self.quant(self.tensor(node.output))?.0,
        };
        let kind = Kind::Product(ProductLayer {
            heads,
            places: [left.place, right.place, place],
            transposed,
            zeros: [zero_a, zero_b],
            scale: sa * sb / sy,
            output,
        });
        let group = [Axis::Group(heads)];
        let member = [Axis::Member(heads)];
        let (head, row, column): (&[Axis], &[Axis], &[Axis]) = match place {
            Heads::One => (&[], &[Axis::H, Axis::W], &[Axis::C]),
            Heads::Channels => (&group, &[Axis::H], &member),
            Heads::Rows => (&[Axis::H], &[Axis::W], &[Axis::C]),
        };
        let mut dims: Vec<&[Axis]> = vec![&[]; shape.len() - 2];
        if let Some(at) = shape[..shape.len() - 2].iter().position(|&extent| extent > 1) {
            dims[at] = head;
        }
        dims.extend([row, column]);
        self.layer(node, kind, vec![a.value, b.value], extents, &dims)
    }
}
