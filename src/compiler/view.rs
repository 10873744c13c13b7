//! How tensors of the graph lie in feature maps: which of height, width and channels each dimension
//! is made of. Views (reshape, transpose) change only this.

use super::net::{Net, Value, ValueId};
use crate::program::NetworkView;

/// A dimension of a feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Rows.
    H,
    /// Pixels in a row.
    W,
    /// Channels.
    C,
    /// Of channels in this many groups the group: the heads of an attention.
    Group(usize),
    /// Of channels in this many groups those of a group.
    Member(usize),
}

impl Axis {
    /// Extent and distance, in elements of the map stored row by row, pixel by pixel.
    fn place(self, value: &Value) -> [usize; 2] {
        match self {
            Axis::H => [value.height, value.width * value.channels],
            Axis::W => [value.width, value.channels],
            Axis::C => [value.channels, 1],
            Axis::Group(groups) => [groups, value.channels / groups.max(1)],
            Axis::Member(groups) => [value.channels / groups.max(1), 1],
        }
    }
}

/// A tensor as a way to see a feature map: for each of its dimensions what it is made of, outermost
/// first. Axes of extent 1 are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The map.
    pub value: ValueId,
    /// What the dimensions are made of.
    pub dims: Vec<Vec<Axis>>,
}

/// Batch, channels, height, width: what operators on pictures take.
pub const PICTURE: [&[Axis]; 4] = [&[], &[Axis::C], &[Axis::H], &[Axis::W]];

impl View {
    /// A view of a map of these extents; axes of extent 1 fall away.
    pub fn new(value: ValueId, dims: &[&[Axis]], shape: [usize; 3]) -> View {
        let [height, width, channels] = shape;
        let real = |axis: &&Axis| match axis {
            Axis::H => height > 1,
            Axis::W => width > 1,
            Axis::C => channels > 1,
            Axis::Group(groups) => *groups > 1,
            Axis::Member(groups) => channels > *groups,
        };
        let dims = dims.iter().map(|dim| dim.iter().filter(real).copied().collect()).collect();
        View { value, dims }
    }

    /// Whether the dimensions are these.
    pub fn is(&self, dims: &[&[Axis]], shape: [usize; 3]) -> bool {
        *self == View::new(self.value, dims, shape)
    }

    /// All axes of a map, in the order they are stored.
    pub fn all(net: &Net, value: ValueId) -> Vec<Axis> {
        let all = [&[Axis::H, Axis::W, Axis::C][..]];
        View::new(value, &all, net.value(value).shape()).dims.concat()
    }

    /// All axes, outermost first.
    fn axes(&self) -> impl Iterator<Item = Axis> + '_ {
        self.dims.iter().flatten().copied()
    }

    /// The same elements in another shape, where each new dimension is made of whole axes, but that
    /// channels may be taken apart into groups, once, and put together again.
    pub fn reshaped(&self, net: &Net, shape: &[usize]) -> Option<View> {
        let value = net.value(self.value);
        let mut axes: Vec<Axis> = self.axes().collect();
        axes.reverse();
        let mut dims = Vec::with_capacity(shape.len());
        for &extent in shape {
            let mut dim: Vec<Axis> = Vec::new();
            let mut size = 1;
            while size < extent {
                let axis = axes.pop()?;
                let [count, _] = axis.place(value);
                if axis == Axis::C && size * count > extent && extent.is_multiple_of(size) {
                    let groups = extent / size;
                    if !count.is_multiple_of(groups) {
                        return None;
                    }
                    axes.push(Axis::Member(groups));
                    dim.push(Axis::Group(groups));
                    size = extent;
                } else {
                    size *= count;
                    match (dim.last(), axis) {
                        (Some(Axis::Group(outer)), Axis::Member(inner)) if *outer == inner => {
                            dim.pop();
                            dim.push(Axis::C);
                        }
                        _ => dim.push(axis),
                    }
                }
            }
            if size != extent {
                return None;
            }
            dims.push(dim);
        }
        axes.is_empty().then_some(View { value: self.value, dims })
    }

    /// Dimension i of the result is dimension `order[i]`.
    pub fn transposed(&self, order: &[usize]) -> View {
        let dims = order.iter().map(|&at| self.dims.get(at).cloned().unwrap_or_default()).collect();
        View { value: self.value, dims }
    }

    /// The same view of another map.
    pub fn of(&self, value: ValueId, shape: [usize; 3]) -> View {
        let dims: Vec<&[Axis]> = self.dims.iter().map(Vec::as_slice).collect();
        View::new(value, &dims, shape)
    }

    /// As the border of a program needs it.
    pub fn border(&self, value: &Value, shape: &[usize], float: bool) -> NetworkView {
        let walk = self.axes().map(|axis| axis.place(value).map(|n| n as u64)).collect();
        NetworkView { shape: shape.iter().map(|&n| n as u64).collect(), walk, float }
    }
}
