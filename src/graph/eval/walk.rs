//! Positions of a tensor's elements in the order of another one.

/// Distances of neighbours in each dimension of a dense tensor.
pub fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut next = 1_usize;
    for (stride, &extent) in strides.iter_mut().zip(shape).rev() {
        *stride = next.cast_signed();
        next = next.saturating_mul(extent);
    }
    strides
}

/// Strides of a tensor that is broadcast to `rank` dimensions.
pub fn broadcast(shape: &[usize], rank: usize) -> Vec<isize> {
    let mut result = vec![0; rank.saturating_sub(shape.len())];
    let own = strides(shape);
    result.extend(shape.iter().zip(own).map(|(&extent, s)| if extent == 1 { 0 } else { s }));
    result
}

/// Positions `start + sum of index * stride` for all indices below the extents, the last one
/// fastest.
pub fn positions(
    extents: &[usize],
    strides: &[isize],
    start: isize,
) -> impl Iterator<Item = usize> + use<> {
    let count = extents.iter().product::<usize>();
    let (extents, strides) = (extents.to_vec(), strides.to_vec());
    let mut index = vec![0_usize; extents.len()];
    let mut at = start;
    (0..count).map(move |_| {
        let now = at;
        for d in (0..extents.len()).rev() {
            index[d] += 1;
            at += strides[d];
            if index[d] < extents[d] {
                break;
            }
            at -= strides[d] * index[d].cast_signed();
            index[d] = 0;
        }
        now.cast_unsigned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_positions() {
        let transposed: Vec<usize> = positions(&[3, 2], &[1, 3], 0).collect();
        assert_eq!(transposed, [0, 3, 1, 4, 2, 5]);
        let backwards: Vec<usize> = positions(&[4], &[-1], 3).collect();
        assert_eq!(backwards, [3, 2, 1, 0]);
        let repeated: Vec<usize> = positions(&[2, 3], &broadcast(&[3], 2), 0).collect();
        assert_eq!(repeated, [0, 1, 2, 0, 1, 2]);
        assert_eq!(positions(&[], &[], 0).collect::<Vec<_>>(), [0]);
        assert_eq!(positions(&[2, 0], &[0, 1], 0).count(), 0);
    }
}
