//! Random legal designs, for tests: small enough to simulate, odd enough to find mistakes.

use super::Design;
use crate::config::{
    CellConfig, ConfigErrors, DomainConfig, OutputConfig, RamConfig, RawConfig, StateConfig,
    UnitConfig, VectorOpConfig,
};
use crate::units::Bytes;

/// A generator of numbers that is the same everywhere (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = usize::try_from(self.next() % choices.len() as u64).unwrap_or(0);
        choices[index]
    }

    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + u32::try_from(self.next() % u64::from(high - low + 1)).unwrap_or(0)
    }

    fn coin(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }
}

impl Design {
    /// The random legal design of a seed: at most 256 multipliers and a few KiB per buffer.
    pub fn random(seed: u64) -> Result<Design, Box<ConfigErrors>> {
        let mut numbers = Numbers(seed);
        let mut config = RawConfig { name: format!("random_{seed:x}"), ..RawConfig::default() };
        array(&mut numbers, &mut config);
        if numbers.next().is_multiple_of(4) {
            square(&mut numbers, &mut config);
        }
        buffers(&mut numbers, &mut config);
        config.vector.taps = numbers.pick(&[1, 2, 3, 5]);
        config.vector.acc_depth = numbers.pick(&[8, 13, 32]);
        config.vector.float = numbers.coin();
        let segments = numbers.pick(&[0, 16, 40]);
        config.vector.segments = if config.vector.float { segments } else { 0 };
        config.post.residual = numbers.coin();
        config.post.lookup = config.array.activation_bits <= 8 && numbers.coin();
        config.post.tables = numbers.between(1, 8);
        let axi = &mut config.axi;
        axi.data_bits = numbers.pick(&[32, 64, 128, 256, 512]);
        axi.addr_bits = numbers.pick(&[32, 36, 40]);
        axi.id_bits = numbers.between(1, 6);
        let most = (4096 * 8 / axi.data_bits).ilog2().min(6);
        axi.max_burst_beats = 1 << numbers.between(0, most);
        axi.read_fifo_beats = (axi.max_burst_beats * numbers.pick(&[1, 2, 8])).max(4);
        axi.read_outstanding = numbers.between(1, 20);
        axi.write_outstanding = numbers.between(1, 20);
        config.control.semaphores = numbers.between(1, 16);
        config.control.semaphore_bits = numbers.between(1, 8);
        config.control.queue_depth = numbers.pick(&[4, 16, 64]);
        config.control.trace_depth = numbers.pick(&[4, 16]);
        operations(&mut numbers, &mut config);
        units(&mut numbers, &mut config);
        let text = super::fingerprint::canonical(&config);
        Design::from_text(&format!("random configuration of seed {seed}"), &text, &[])
    }
}

/// Expressions of custom operations: operands, whether they are binary32, text.
const OPERATIONS: [(u32, bool, &str); 12] = [
    (1, false, "popcount(a) - 16"),
    (2, false, "max(a, b) - min(a, b)"),
    (3, false, "clamp(a + b, -c, c)"),
    (2, false, "mulhi(a, b) ^ (a >> 3)"),
    (1, false, "a / 7 + a % 10"),
    (2, false, "a < b ? a * a : b << 2"),
    (1, false, "saturate(a * 3, 12)"),
    (1, true, "max(a, 0.0) * a"),
    (2, true, "a * a + b * b"),
    (3, true, "a < b ? a * c : b - c"),
    (2, true, "clamp(a - b, -1.0, 1.0)"),
    (1, true, "abs(a) + 0.5"),
];

/// Up to three custom operations.
fn operations(numbers: &mut Numbers, config: &mut RawConfig) {
    for index in 0..numbers.between(0, 3) {
        let (operands, float, expression) = numbers.pick(&OPERATIONS);
        if float && !config.vector.float {
            continue;
        }
        config.extensions.vector_ops.push(VectorOpConfig {
            name: format!("op{index}"),
            doc: None,
            operands,
            domain: if float { DomainConfig::Float } else { DomainConfig::Int },
            expression: expression.to_owned(),
            verilog: None,
            latency: None,
        });
    }
}

/// States of a unit: initial value and next value.
const STATES: [(&str, &str); 8] = [
    ("0", "own + a"),
    ("-2147483648", "max(own, a)"),
    ("p", "a > own ? index : own"),
    ("lane * p", "own ^ (a * 5 + lane)"),
    ("7", "own + popcount(a ^ p)"),
    ("p - lane", "a / 7 + (own << 1)"),
    ("1", "a"),
    ("0", "other + 1"),
];

/// Outputs of a unit.
const OUTPUTS: [&str; 5] = ["own", "own * count", "max(own, other) - p", "count", "other + lane"];

/// Up to two compute units, in every second design.
fn units(numbers: &mut Numbers, config: &mut RawConfig) {
    if numbers.coin() {
        return;
    }
    for index in 0..numbers.between(1, 2) {
        let operands = numbers.between(1, 2);
        let states = ["own", "other"].map(|name| {
            let (initial, next) = numbers.pick(&STATES);
            let second = if operands > 1 && numbers.coin() { " + (b >> 1)" } else { "" };
            StateConfig {
                name: name.to_owned(),
                initial: initial.to_owned(),
                next: format!("{next}{second}"),
            }
        });
        let output = |at: u32| OutputConfig {
            name: format!("y{at}"),
            value: numbers.pick(&OUTPUTS).to_owned(),
        };
        let count = [1, 1, 2, 3];
        let most = count.get(index as usize + operands as usize - 1).copied().unwrap_or(1);
        config.extensions.units.push(UnitConfig {
            name: format!("u{index}"),
            doc: None,
            operands,
            parameters: vec!["p".to_owned()],
            states: states.to_vec(),
            outputs: (0..most).map(output).collect(),
            verilog: None,
        });
    }
}

fn array(numbers: &mut Numbers, config: &mut RawConfig) {
    let small = numbers.between(1, 16);
    let factor = numbers.between(1, (256 / (small * small)).clamp(1, 12));
    let array = &mut config.array;
    (array.rows, array.cols) =
        if numbers.coin() { (small, small * factor) } else { (small * factor, small) };
    array.cell = numbers.pick(&[CellConfig::Dsp48e2, CellConfig::Generic, CellConfig::Simulation]);
    if array.cell != CellConfig::Dsp48e2 {
        array.activation_bits = numbers.pick(&[4, 8, 8, 16]);
        array.weight_bits = numbers.pick(&[4, 8, 8, 16]);
        array.packed = Some(numbers.coin());
    }
    if !(array.rows * array.activation_bits).is_multiple_of(8) {
        array.activation_bits = 8;
    }
    if !(array.rows.div_ceil(16) * array.cols * array.weight_bits).is_multiple_of(8) {
        array.weight_bits = 8;
    }
    let lanes: Vec<u32> = (0..=array.rows.trailing_zeros())
        .map(|shift| array.rows >> shift)
        .filter(|v| v.is_multiple_of(array.cols) || array.cols.is_multiple_of(*v))
        .collect();
    config.vector.lanes = Some(numbers.pick(&lanes));
}

/// Rows, columns and lanes alike and weights as wide as activations: then VECTOR writes weights.
fn square(numbers: &mut Numbers, config: &mut RawConfig) {
    let size = numbers.pick(&[2, 4, 8, 16]);
    let array = &mut config.array;
    (array.rows, array.cols) = (size, size);
    array.weight_bits = array.activation_bits;
    config.vector.lanes = Some(size);
}

fn buffers(numbers: &mut Numbers, config: &mut RawConfig) {
    let (rows, cols) = (config.array.rows, config.array.cols);
    let lanes = config.vector.lanes.unwrap_or(rows);
    let word = u64::from(rows * config.array.activation_bits / 8);
    let step = u64::from(rows.div_ceil(16) * cols * config.array.weight_bits / 8);
    let buffers = &mut config.buffers;
    buffers.ibuf.banks = numbers.pick(&[1, 2, 4, 8]);
    let depth = numbers.pick(&[64, 256, 1024]);
    buffers.ibuf.size = Bytes(u64::from(buffers.ibuf.banks) * word * depth);
    if depth == 1024 && config.array.activation_bits >= 8 {
        buffers.ibuf.ram = RamConfig::Ultra;
    }
    buffers.wbuf.size = Bytes(step * numbers.pick(&[32, 64, 128]));
    buffers.obuf.depth = numbers.pick(&[16, 33, 64, 256]);
    buffers.pbuf.channels = cols * numbers.between(1, 9);
    buffers.vmem.banks = numbers.pick(&[1, 2, 4]);
    let depth = numbers.pick(&[16, 64, 256]);
    buffers.vmem.size = Bytes(u64::from(buffers.vmem.banks * lanes * 4) * depth);
}
