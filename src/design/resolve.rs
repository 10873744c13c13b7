//! The rules between configuration keys, and the one function that builds a [`Design`].

use super::{Axi, BankedBuffer, Cell, Design, WeightBuffer, fingerprint};
use crate::config::{BankedConfig, CellConfig, Draft, Origin, RamConfig, RawConfig, Violation};
use crate::units::Bytes;

/// Word addresses are 24 bits.
const MAX_WORDS: u64 = 1 << 24;

impl From<CellConfig> for Cell {
    fn from(cell: CellConfig) -> Cell {
        match cell {
            CellConfig::Dsp48e2 => Cell::Dsp48e2,
            CellConfig::Generic => Cell::Generic,
            CellConfig::Simulation => Cell::Simulation,
        }
    }
}

impl From<Cell> for CellConfig {
    fn from(cell: Cell) -> CellConfig {
        match cell {
            Cell::Dsp48e2 => CellConfig::Dsp48e2,
            Cell::Generic => CellConfig::Generic,
            Cell::Simulation => CellConfig::Simulation,
        }
    }
}

/// Checks the rules and builds the design, or says everything that is wrong.
pub(super) fn build(draft: &Draft) -> Result<Design, Vec<Violation>> {
    let mut rules = Rules { draft, violations: draft.violations.clone() };
    let mut resolved = draft.raw.clone();
    rules.array(&resolved);
    let lanes = rules.lanes(&mut resolved);
    let packed = rules.packed(&mut resolved);
    rules.axi(&resolved);
    rules.options(&resolved);
    let vector_ops = rules.vector_ops(&mut resolved);
    let functions = rules.functions(&resolved);
    let units = rules.units(&mut resolved);

    let array = &resolved.array;
    let segments = array.rows.div_ceil(16);
    let segment_rows = array.rows.div_ceil(segments);
    let word_bytes = WordBytes {
        ibuf: (u64::from(array.rows * array.activation_bits) / 8).max(1),
        wbuf: (u64::from(segments * array.cols * array.weight_bits) / 8).max(1),
        vmem: u64::from(lanes) * 4,
    };
    let ibuf_limit = MAX_WORDS / u64::from((array.rows / lanes).max(1));
    let cols = array.cols;
    let ibuf = rules.banked("ibuf", &mut resolved.buffers.ibuf, word_bytes.ibuf, ibuf_limit);
    // Streams of all engines read IBUF at the same time, one word after the other: in interleaved
    // banks they follow each other. Operators on rows in VMEM give each operand a bank.
    let ibuf = rules.interleaved(ibuf, "ibuf");
    let vmem = rules.banked("vmem", &mut resolved.buffers.vmem, word_bytes.vmem, MAX_WORDS);
    let wbuf = rules.weights(&mut resolved.buffers.wbuf.size, word_bytes.wbuf, segment_rows);
    let pbuf_words = resolved.buffers.pbuf.channels.div_ceil(cols);
    resolved.buffers.pbuf.channels = pbuf_words * cols;
    if !rules.violations.is_empty() {
        return Err(rules.violations);
    }
    let axi = &resolved.axi;
    Ok(Design {
        cell: resolved.array.cell.into(),
        packed,
        segments: segments as usize,
        segment_rows: segment_rows as usize,
        lanes: lanes as usize,
        ibuf,
        wbuf,
        vmem,
        pbuf_words: pbuf_words as usize,
        axi: Axi {
            data_bits: axi.data_bits as usize,
            addr_bits: axi.addr_bits as usize,
            id_bits: axi.id_bits as usize,
            max_burst_beats: axi.max_burst_beats as usize,
            read_outstanding: axi.read_outstanding as usize,
            write_outstanding: axi.write_outstanding as usize,
            read_fifo_beats: axi.read_fifo_beats as usize,
        },
        vector_ops,
        functions,
        units,
        canonical: fingerprint::canonical(&resolved),
        fingerprint: fingerprint::of(&resolved),
        resolved,
    })
}

struct WordBytes {
    ibuf: u64,
    wbuf: u64,
    vmem: u64,
}

pub(super) struct Rules<'a> {
    pub(super) draft: &'a Draft,
    pub(super) violations: Vec<Violation>,
}

impl Rules<'_> {
    /// Reports a violation of a rule that reads `keys`, at the first of them that was written,
    /// flags first. Says nothing where one of the keys is wrong in itself.
    pub(super) fn report(&mut self, keys: &[&str], message: String, remedy: String) {
        if keys.iter().any(|key| self.draft.is_bad(key)) {
            return;
        }
        let origins: Vec<Origin> = keys.iter().map(|key| self.draft.origin(key)).collect();
        let flag = origins.iter().find(|origin| matches!(origin, Origin::Flag(_)));
        let file = origins.iter().find(|origin| matches!(origin, Origin::File { .. }));
        let origin = flag.or(file).cloned().unwrap_or(Origin::Default);
        self.violations.push(Violation::new(keys[0], message, remedy, origin));
    }

    fn bad(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.violations.iter().any(|violation| violation.key == *key))
    }

    fn array(&mut self, config: &RawConfig) {
        let array = &config.array;
        let (rows, cols) = (array.rows, array.cols);
        if !divides(rows, cols) {
            let message = format!(
                "`array.rows` is {rows} and `array.cols` {cols}, but one must divide the other"
            );
            let nearest: Vec<String> =
                nearest(rows, cols).iter().map(|(r, c)| format!("{r}x{c}")).collect();
            let remedy = format!("nearest legal arrays: {}", nearest.join(", "));
            self.report(&["array.rows", "array.cols"], message, remedy);
        }
        for (key, bits) in [
            ("array.activation_bits", array.activation_bits),
            ("array.weight_bits", array.weight_bits),
        ] {
            if ![4, 8, 16].contains(&bits) {
                let message = format!("`{key}` is {bits}, but must be 4, 8 or 16");
                self.report(&[key], message, format!("change `{key}` to 8"));
            } else if array.cell == CellConfig::Dsp48e2 && bits != 8 {
                let message = format!(
                    "`{key}` is {bits}, but the cell `dsp48e2` needs 8: it packs two 8-bit products into a slice"
                );
                let remedy = format!("change `{key}` to 8 or `array.cell` to generic");
                self.report(&[key, "array.cell"], message, remedy);
            }
        }
        if config.buffers.ibuf.ram == RamConfig::Ultra && array.activation_bits < 8 {
            let message = format!(
                "`buffers.ibuf.ram` is ultra, whose words are written bytewise, but an activation has {} bits",
                array.activation_bits
            );
            let remedy = "change `buffers.ibuf.ram` to auto".to_owned();
            self.report(&["buffers.ibuf.ram", "array.activation_bits"], message, remedy);
        }
        let word = rows * array.activation_bits;
        if !word.is_multiple_of(8) {
            let message = format!(
                "`array.rows` x `array.activation_bits` is {rows} x {} = {word} bits, but a word must be whole bytes",
                array.activation_bits
            );
            let remedy = "make `array.rows` even or `array.activation_bits` 8".to_owned();
            self.report(&["array.rows", "array.activation_bits"], message, remedy);
        }
        let segments = rows.div_ceil(16);
        let step = segments * cols * array.weight_bits;
        if !step.is_multiple_of(8) {
            let message = format!(
                "a row of weights is {segments} x `array.cols` x `array.weight_bits` = {segments} x {cols} x {} = {step} bits, but must be whole bytes",
                array.weight_bits
            );
            let remedy = "make `array.cols` even or `array.weight_bits` 8".to_owned();
            self.report(&["array.cols", "array.weight_bits", "array.rows"], message, remedy);
        }
    }

    fn lanes(&mut self, config: &mut RawConfig) -> u32 {
        let (rows, cols) = (config.array.rows, config.array.cols);
        let lanes = config.vector.lanes.unwrap_or(rows);
        let halves = |lanes: u32| {
            rows.is_multiple_of(lanes) && (rows / lanes).is_power_of_two() && divides(lanes, cols)
        };
        if config.vector.lanes.is_some() && divides(rows, cols) && !halves(lanes) {
            let legal: Vec<String> =
                (1..=rows).filter(|lanes| halves(*lanes)).map(|lanes| lanes.to_string()).collect();
            let message = format!(
                "`vector.lanes` is {lanes}, but with {rows} rows and {cols} columns rows / lanes must be a power of two and one of lanes and columns divide the other"
            );
            let remedy = format!("legal here: {}", legal.join(", "));
            self.report(&["vector.lanes", "array.rows", "array.cols"], message, remedy);
        }
        config.vector.lanes = Some(lanes);
        lanes
    }

    fn packed(&mut self, config: &mut RawConfig) -> bool {
        let dsp = config.array.cell == CellConfig::Dsp48e2;
        let packed = config.array.packed.unwrap_or(dsp);
        if dsp && !packed {
            let message = "`array.packed` is false, but the cell `dsp48e2` packs two products into a slice and cannot take a weight of -128".to_owned();
            let remedy = "remove `array.packed` or change `array.cell` to generic".to_owned();
            self.report(&["array.packed", "array.cell"], message, remedy);
        }
        config.array.packed = Some(packed);
        packed
    }

    fn power_of_two(&mut self, key: &str, value: u32) {
        if !value.is_power_of_two() {
            let (below, above) = (1 << value.ilog2(), value.next_power_of_two());
            let message = format!("`{key}` is {value}, but must be a power of two");
            self.report(&[key], message, format!("change `{key}` to {below} or {above}"));
        }
    }

    fn axi(&mut self, config: &RawConfig) {
        let axi = &config.axi;
        self.power_of_two("axi.data_bits", axi.data_bits);
        self.power_of_two("axi.max_burst_beats", axi.max_burst_beats);
        self.power_of_two("axi.read_fifo_beats", axi.read_fifo_beats);
        self.power_of_two("control.queue_depth", config.control.queue_depth);
        self.power_of_two("control.trace_depth", config.control.trace_depth);
        let burst = u64::from(axi.max_burst_beats * axi.data_bits / 8);
        if burst > 4096 && !self.bad(&["axi.max_burst_beats", "axi.data_bits"]) {
            let most = 4096 * 8 / axi.data_bits;
            let message = format!(
                "`axi.max_burst_beats` is {}, {} at {} bits, but a burst may have at most 4 KiB",
                axi.max_burst_beats,
                Bytes(burst),
                axi.data_bits
            );
            let remedy = format!("change `axi.max_burst_beats` to at most {most}");
            self.report(&["axi.max_burst_beats", "axi.data_bits"], message, remedy);
        }
        if axi.read_fifo_beats < axi.max_burst_beats {
            let message = format!(
                "`axi.read_fifo_beats` is {}, but must hold at least one burst of {} beats",
                axi.read_fifo_beats, axi.max_burst_beats
            );
            let remedy = format!("change `axi.read_fifo_beats` to {} or more", axi.max_burst_beats);
            self.report(&["axi.read_fifo_beats", "axi.max_burst_beats"], message, remedy);
        }
    }

    fn options(&mut self, config: &RawConfig) {
        let bits = config.array.activation_bits;
        if config.post.lookup && bits > 8 {
            let message = format!(
                "`post.lookup` is true and `array.activation_bits` {bits}, but tables have 256 entries: activations of at most 8 bits"
            );
            let remedy = "change `post.lookup` to false".to_owned();
            self.report(&["post.lookup", "array.activation_bits"], message, remedy);
        }
        if config.vector.acc_depth < config.vector.taps {
            let message = format!(
                "`vector.acc_depth` is {}, but must be at least `vector.taps`, {}",
                config.vector.acc_depth, config.vector.taps
            );
            let remedy = format!("change `vector.acc_depth` to {} or more", config.vector.taps);
            self.report(&["vector.acc_depth", "vector.taps"], message, remedy);
        }
        let segments = config.vector.segments;
        if (1..16).contains(&segments) {
            let message = format!(
                "`vector.segments` is {segments}, but must be 0 (no function unit) or at least 16"
            );
            let remedy =
                "change `vector.segments` to 512, which holds several functions".to_owned();
            self.report(&["vector.segments"], message, remedy);
        }
        if segments > 0 && !config.vector.float {
            let message = format!(
                "`vector.segments` is {segments}, but the function unit needs `vector.float`, which is false"
            );
            let remedy = "change `vector.float` to true or `vector.segments` to 0".to_owned();
            self.report(&["vector.segments", "vector.float"], message, remedy);
        }
    }

    /// Rounds a banked buffer down to banks of a power of two of words.
    fn banked(
        &mut self,
        name: &str,
        config: &mut BankedConfig,
        word: u64,
        limit: u64,
    ) -> BankedBuffer {
        let key = format!("buffers.{name}.size");
        let keys = [key.as_str(), &format!("buffers.{name}.banks"), "array.rows", "vector.lanes"];
        let banks = u64::from(config.banks);
        // A bank of two words is the smallest memory cell; a tile reads one word per pixel.
        let least = banks * 2 * word;
        if config.size.0 < least {
            let message = format!(
                "`{key}` is {}, but {banks} banks of words of {word} bytes need at least {}",
                config.size,
                Bytes(least)
            );
            let remedy = format!("change `{key}` to {} or more, or use fewer banks", Bytes(least));
            self.report(&keys, message, remedy);
        }
        let depth = power_of_two_below((config.size.0 / (banks * word)).max(1));
        let words = banks * depth;
        if words > limit {
            let message = format!(
                "`{key}` is {}, {words} words of {word} bytes, but at most {limit} words can be addressed",
                config.size
            );
            let remedy = format!("change `{key}` to at most {}", Bytes(limit * word));
            self.report(&keys, message, remedy);
        }
        config.size = Bytes(words * word);
        BankedBuffer {
            banks: banks as usize,
            bank_depth: depth as usize,
            interleaved: false,
            words: words as usize,
            word_bytes: word as usize,
            ram: config.ram,
        }
    }

    /// A buffer whose neighbouring words are in neighbouring banks.
    fn interleaved(&mut self, buffer: BankedBuffer, name: &str) -> BankedBuffer {
        if !buffer.banks.is_power_of_two() {
            let key = format!("buffers.{name}.banks");
            let message = format!("`{key}` is {}, but must be a power of two", buffer.banks);
            let (below, above) =
                (buffer.banks.next_power_of_two() / 2, buffer.banks.next_power_of_two());
            let remedy = format!("change `{key}` to {below} or {above}");
            self.report(&[key.as_str()], message, remedy);
        }
        BankedBuffer { interleaved: true, ..buffer }
    }

    fn weights(&mut self, size: &mut Bytes, word: u64, tile: u32) -> WeightBuffer {
        let keys = ["buffers.wbuf.size", "array.rows", "array.cols", "array.weight_bits"];
        let words = power_of_two_below((size.0 / word).max(1));
        // At least two words: the smallest memory cell.
        let least = u64::from(tile.next_power_of_two()).max(2);
        if size.0 < least * word {
            let message = format!(
                "`buffers.wbuf.size` is {size}, but one weight tile needs {least} words of {word} bytes, {}",
                Bytes(least * word)
            );
            let remedy = format!(
                "change `buffers.wbuf.size` to {} or more; twice that lets the next tile load while one is used",
                Bytes(least * word)
            );
            self.report(&keys, message, remedy);
        }
        if words > MAX_WORDS {
            let message = format!(
                "`buffers.wbuf.size` is {size}, {words} words of {word} bytes, but at most {MAX_WORDS} words can be addressed"
            );
            let remedy =
                format!("change `buffers.wbuf.size` to at most {}", Bytes(MAX_WORDS * word));
            self.report(&keys, message, remedy);
        }
        *size = Bytes(words * word);
        WeightBuffer { words: words as usize, word_bytes: word as usize }
    }
}

fn divides(a: u32, b: u32) -> bool {
    a.is_multiple_of(b) || b.is_multiple_of(a)
}

fn power_of_two_below(value: u64) -> u64 {
    1 << value.ilog2()
}

/// The legal arrays nearest to an illegal one that differ in one number only.
fn nearest(rows: u32, cols: u32) -> Vec<(u32, u32)> {
    let mut pairs: Vec<(u32, u32)> =
        (1..=256).flat_map(|n| [(rows, n), (n, cols)]).filter(|(r, c)| divides(*r, *c)).collect();
    pairs.sort_by_key(|(r, c)| (r.abs_diff(rows) + c.abs_diff(cols), *r, *c));
    pairs.truncate(4);
    pairs
}
