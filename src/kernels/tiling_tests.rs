//! Tests of the cutting.

use super::*;

fn covered(tiles: &[Tile], height: usize, width: usize) {
    let mut seen = vec![0; height * width];
    for tile in tiles {
        for row in tile.rows.clone() {
            for col in tile.cols.clone() {
                seen[row * width + col] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&count| count == 1));
}

#[test]
fn tiles_cover_the_output_once_and_fit() {
    for (height, width, depth, first) in [
        (56, 56, 512, 100),
        (1, 1, 512, 16),
        (7, 7, 16, 16),
        (5, 1000, 512, 32),
        (512, 1, 512, 32),
        (3, 40, 32, 500),
    ] {
        let tiles = plan_tiles([height, width], depth, first, 16);
        covered(&tiles, height, width);
        assert!(tiles.iter().all(|tile| tile.rows.len() * tile.cols.len() <= depth));
    }
}

#[test]
fn tiles_grow_from_small_to_large_and_end_small() {
    let heights: Vec<usize> =
        plan_tiles([512, 1], 512, 32, 16).iter().map(|tile| tile.rows.len()).collect();
    assert_eq!(heights, [32, 32, 64, 128, 240, 16]);
    let heights: Vec<usize> =
        plan_tiles([64, 1], 512, 24, 16).iter().map(|tile| tile.rows.len()).collect();
    assert_eq!(heights, [24, 24, 16]);
}

#[test]
fn chunks_fit_and_start_on_whole_words() {
    assert_eq!(chunk_blocks(&[10; 4], 40, 16, 1).unwrap(), vec![Range { start: 0, end: 4 }]);
    assert_eq!(chunk_blocks(&[10; 8], 40, 16, 1).unwrap(), [0..2, 2..4, 4..6, 6..8]);
    assert_eq!(chunk_blocks(&[10; 6], 40, 16, 3).unwrap(), [0..3, 3..6]);
    assert_eq!(chunk_blocks(&[1; 8], 40, 4, 1).unwrap(), [0..2, 2..4, 4..6, 6..8]);
    assert_eq!(chunk_blocks(&[50, 50], 40, 16, 1).unwrap(), [0..1, 1..2]);
    assert_eq!(
        chunk_blocks(&[1; 4], 40, 2, 3).unwrap_err(),
        KernelError::PbufFull { words: 3, total: 2 }
    );
}

#[test]
fn slices_cover_the_passes_in_order_and_fit() {
    for (whole, limit) in
        [([3, 3, 32], 1000), ([3, 3, 32], 100), ([3, 3, 32], 70), ([3, 3, 32], 5), ([1, 1, 7], 3)]
    {
        let [kh, kw, kc] = whole;
        let passes: Vec<_> = slices(whole, &[], limit)
            .unwrap()
            .into_iter()
            .inspect(|slice| assert!(slice.iter().map(Range::len).product::<usize>() <= limit))
            .flat_map(|[rows, cols, parts]| {
                rows.flat_map(move |r| {
                    let parts = parts.clone();
                    cols.clone().flat_map(move |c| parts.clone().map(move |p| [r, c, p]))
                })
            })
            .collect();
        let expected: Vec<_> = (0..kh)
            .flat_map(|r| (0..kw).flat_map(move |c| (0..kc).map(move |p| [r, c, p])))
            .collect();
        assert_eq!(passes, expected);
    }
    assert_eq!(
        slices([1, 1, 2], &[[0, 0, 1]], 9).unwrap(),
        [[0..1, 0..1, 0..2], [0..1, 0..1, 1..2]]
    );
    assert!(slices([1, 1, 1], &[], 0).is_err());
}
