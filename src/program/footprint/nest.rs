//! The addresses of a loop nest, with a window that leaves some of them out.

use super::spans::Spans;

/// One loop.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Loop {
    pub(super) count: i64,
    pub(super) stride: i64,
    pub(super) step_y: i64,
    pub(super) step_x: i64,
}

impl Loop {
    pub(super) const fn new(count: i64, stride: i64) -> Loop {
        Loop { count, stride, step_y: 0, step_x: 0 }
    }
}

/// Coordinates outside [0, limit) have no address. A nest without a window has limits that no
/// coordinate reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start_y: i64,
    pub(super) limit_y: i64,
    pub(super) start_x: i64,
    pub(super) limit_x: i64,
}

/// Loop tuples enumerated for a window before it is left out of account.
const ENUMERATED: i64 = 1 << 20;

/// Addresses of all tuples, each `length` long, relative to the nest's base. With a window, the
/// x coordinate advances by one per address of an element.
pub(super) fn addresses(
    loops: &[Loop],
    length: i64,
    window: Option<Window>,
    limit: usize,
) -> Spans {
    let live: Vec<Loop> = loops.iter().copied().filter(|one| one.count > 1).collect();
    let Some(window) = window else {
        return repeated(Spans::range(0, length), &live, limit);
    };
    let (low_y, high_y) = bounds(window.start_y, &live, |one| one.step_y);
    let (low_x, high_x) = bounds(window.start_x, &live, |one| one.step_x);
    if high_y < 0 || low_y >= window.limit_y || high_x + length <= 0 || low_x >= window.limit_x {
        return Spans::empty();
    }
    let free_y = low_y >= 0 && high_y < window.limit_y;
    let free_x = low_x >= 0 && high_x + length <= window.limit_x;
    let in_y = |one: &Loop| !free_y && one.step_y != 0;
    let in_x = |one: &Loop| !free_x && one.step_x != 0;
    let pick = |wanted: &dyn Fn(&Loop) -> bool| -> Vec<Loop> {
        live.iter().copied().filter(|one| wanted(one)).collect()
    };
    let free = pick(&|one| !in_y(one) && !in_x(one));
    let joint = live.iter().any(|one| in_y(one) && in_x(one));
    let (y_loops, x_loops) = match joint {
        true => (Vec::new(), pick(&|one| in_y(one) || in_x(one))),
        false => (pick(&|one| in_y(one)), pick(&|one| in_x(one))),
    };
    if tuples(&y_loops) > ENUMERATED || tuples(&x_loops) > ENUMERATED {
        return repeated(Spans::range(0, length), &live, limit).approximate();
    }
    let clip = |point: &Point| {
        let (low, high) = match free_x {
            true => (0, length),
            false => ((-point.x).max(0), (window.limit_x - point.x).min(length)),
        };
        (point.offset + low, point.offset + high)
    };
    let inside_y = |point: &Point| free_y || (0..window.limit_y).contains(&point.y);
    let start = Point { offset: 0, y: window.start_y, x: window.start_x };
    let points = enumerate(start, &x_loops);
    // When y is fixed by other loops, it is theirs to decide.
    let row = points.iter().filter(|point| !joint || inside_y(point)).map(clip);
    let row = Spans::from_intervals(row.collect());
    if joint {
        return repeated(row, &free, limit);
    }
    let mut offsets: Vec<i64> = enumerate(start, &y_loops)
        .iter()
        .filter(|point| inside_y(point))
        .map(|point| point.offset)
        .collect();
    offsets.sort_unstable();
    offsets.dedup();
    repeated(row.copies(&offsets, limit), &free, limit)
}

/// Addresses of the first `tuples` tuples.
pub(super) fn first(tuples: i64, loops: &[Loop], limit: usize) -> Spans {
    let Some((outer, inner)) = loops.split_last() else {
        return if tuples > 0 { Spans::range(0, 1) } else { Spans::empty() };
    };
    let per_turn = self::tuples(inner).max(1);
    let (turns, rest) = (tuples / per_turn, tuples % per_turn);
    let whole = match turns {
        0 => Spans::empty(),
        _ => addresses(&[inner, &[Loop { count: turns, ..*outer }]].concat(), 1, None, limit),
    };
    match rest {
        0 => whole,
        _ => whole.union(first(rest, inner, limit).shifted(turns * outer.stride)),
    }
}

/// Number of tuples.
pub(super) fn tuples(loops: &[Loop]) -> i64 {
    loops.iter().fold(1i64, |product, one| product.saturating_mul(one.count.max(0)))
}

#[derive(Debug, Clone, Copy)]
struct Point {
    offset: i64,
    y: i64,
    x: i64,
}

fn enumerate(start: Point, loops: &[Loop]) -> Vec<Point> {
    let mut points = vec![start];
    for one in loops {
        let steps = 0..one.count;
        let step = |point: Point, index: i64| Point {
            offset: point.offset + index * one.stride,
            y: point.y + index * one.step_y,
            x: point.x + index * one.step_x,
        };
        points = points
            .iter()
            .flat_map(|point| steps.clone().map(|index| step(*point, index)))
            .collect();
    }
    points
}

fn repeated(spans: Spans, loops: &[Loop], limit: usize) -> Spans {
    let mut loops = loops.to_vec();
    loops.sort_by_key(|one| one.stride.abs());
    loops.iter().fold(spans, |spans, one| spans.repeated(one.count, one.stride, limit))
}

fn bounds(start: i64, loops: &[Loop], step: impl Fn(&Loop) -> i64) -> (i64, i64) {
    loops.iter().fold((start, start), |(low, high), one| {
        let reach = (one.count - 1) * step(one);
        (low + reach.min(0), high + reach.max(0))
    })
}
