//! Operations with registers of their own.

use super::{Writer, literal};
use crate::expr::{Domain, Function, Node, PRODUCT_CYCLES};

impl Writer<'_> {
    /// An operation that takes its operands in cycle `start`.
    pub(super) fn pipeline(&mut self, at: usize, node: &Node, function: Function, start: u32) {
        let args: Vec<String> = node.args.iter().map(|&arg| self.name(arg, start)).collect();
        let get = |at: usize| args.get(at).cloned().unwrap_or_default();
        let (x, y) = (get(0), get(1));
        let name = format!("v{at}");
        let divisor = self.constant(node, 1).map_or(1, |bits| (bits as u32).cast_signed());
        let power = divisor.unsigned_abs().is_power_of_two();
        match function {
            Function::Add | Function::Sub if self.expr.domain() == Domain::Float => {
                let addend = match (function, self.constant(node, 1)) {
                    (Function::Add, _) => y,
                    (_, Some(bits)) => literal(bits ^ 0x8000_0000),
                    (_, None) => format!("{{!{y}[31], {y}[30:0]}}"),
                };
                self.unit("npu_f32_add", 5, &name, [x, addend], start);
            }
            Function::Mul if self.expr.domain() == Domain::Float => {
                self.unit("npu_f32_mul", 3, &name, [x, y], start);
            }
            Function::Mul => self.product(&name, [x, y], start),
            Function::Mulhi => {
                let wide = [self.wide(node, 0, &x), self.wide(node, 1, &y)];
                self.high(&name, wide, start);
            }
            Function::Div if power => self.shifted(&name, &x, divisor, start),
            Function::Rem if power => self.masked(&name, &x, divisor, start),
            Function::Div => {
                self.quotient(&name, &x, divisor, start);
            }
            _ => {
                let (quotient, passed) = (format!("{name}_quotient"), PRODUCT_CYCLES + 2);
                self.quotient(&quotient, &x, divisor, start);
                let product = format!("{name}_product");
                let by = literal(u64::from(divisor.cast_unsigned()));
                self.product(&product, [quotient, by], start + passed);
                let cycles = passed + PRODUCT_CYCLES;
                let waiting = self.waiting(&name, &x, start, cycles);
                self.register(start + cycles, &name, &format!("{waiting} - {product}"));
            }
        }
    }

    /// A register that loads at the end of a cycle.
    fn register(&mut self, cycle: u32, name: &str, value: &str) {
        self.wide_register(cycle, "[31:0]", name, value);
    }

    fn wide_register(&mut self, cycle: u32, range: &str, name: &str, value: &str) {
        let entry = self.cycle(cycle);
        entry.lines.push(format!("    reg  {range} {name};"));
        entry.assigns.push((name.to_owned(), value.to_owned()));
    }

    /// A copy of `x`, some cycles later.
    fn waiting(&mut self, name: &str, x: &str, start: u32, cycles: u32) -> String {
        let mut last = x.to_owned();
        for passed in 0..cycles {
            let next = format!("{name}_x{}", passed + 1);
            self.register(start + passed, &next, &last);
            last = next;
        }
        last
    }

    fn unit(&mut self, module: &str, cycles: u32, name: &str, [x, y]: [String; 2], start: u32) {
        let ones = "1".repeat(cycles as usize);
        let lines = format!(
            "    wire [31:0] {name};\n\n    {module} #(\n        .SPECIALS (1)\n    ) u_{name} (\n        .clk      (clk),\n        .enable   ({cycles}'b{ones}),\n        .a        ({x}),\n        .b        ({y}),\n        .out      ({name})\n    );\n"
        );
        self.cycle(start).lines.push(lines);
    }

    /// The low half of a product. The registers behind it move into the multiplier.
    fn product(&mut self, name: &str, [x, y]: [String; 2], start: u32) {
        self.register(start, &format!("{name}_p1"), &format!("{x} * {y}"));
        self.register(start + 1, &format!("{name}_p2"), &format!("{name}_p1"));
        self.register(start + 2, name, &format!("{name}_p2"));
    }

    /// The high half of a product of 64-bit operands, which are extended ones of 32 bits.
    fn high(&mut self, name: &str, [x, y]: [String; 2], start: u32) {
        let (first, second) = (format!("{name}_p1"), format!("{name}_p2"));
        self.wide_register(start, "[63:0]", &first, &format!("{x} * {y}"));
        self.wide_register(start + 1, "[63:0]", &second, &first);
        self.register(start + 2, name, &format!("{second}[63:32]"));
        self.unread.push(format!("{second}[31:0]"));
    }

    /// An operand with its sign in 64 bits.
    fn wide(&self, node: &Node, arg: usize, name: &str) -> String {
        match self.constant(node, arg) {
            Some(bits) => extended((bits as u32).cast_signed()),
            None => format!("{{{{32{{{name}[31]}}}}, {name}}}"),
        }
    }

    /// What brings a negative number up, so that dropping bits rounds it towards zero.
    fn bias(x: &str, divisor: i32) -> String {
        let mask = divisor.unsigned_abs() - 1;
        format!("({x} + ({{32{{{x}[31]}}}} & {}))", literal(mask.into()))
    }

    /// The quotient by a power of two.
    fn shifted(&mut self, name: &str, x: &str, divisor: i32, start: u32) {
        let shift = divisor.unsigned_abs().trailing_zeros();
        let quotient = format!("$signed({}) >>> 5'd{shift}", Self::bias(x, divisor));
        let value = if divisor < 0 { format!("-({quotient})") } else { quotient };
        self.register(start, name, &value);
    }

    /// The remainder by a power of two.
    fn masked(&mut self, name: &str, x: &str, divisor: i32, start: u32) {
        let mask = literal(u64::from(!(divisor.unsigned_abs() - 1)));
        let whole = format!("{name}_whole");
        self.register(start, &whole, &format!("{} & {mask}", Self::bias(x, divisor)));
        let waiting = self.waiting(name, x, start, 1);
        self.register(start + 1, name, &format!("{waiting} - {whole}"));
    }

    /// The quotient by any other constant: a product with its reciprocal, in five cycles.
    fn quotient(&mut self, name: &str, x: &str, divisor: i32, start: u32) {
        let (factor, shift) = magic(divisor);
        let (high, near) = (format!("{name}_high"), format!("{name}_near"));
        let wide = format!("{{{{32{{{x}[31]}}}}, {x}}}");
        self.high(&high, [wide, extended(factor)], start);
        // The factor may not fit in 32 bits with its sign; then x itself makes up for it.
        let correction = match (divisor > 0, factor < 0) {
            (true, true) => " + ",
            (false, false) => " - ",
            _ => "",
        };
        let value = if correction.is_empty() {
            high
        } else {
            let waiting = self.waiting(name, x, start, PRODUCT_CYCLES);
            format!("{high}{correction}{waiting}")
        };
        self.register(start + PRODUCT_CYCLES, &near, &value);
        // By itself, because a sum with unsigned parts would shift zeros in.
        let shifted = format!("{name}_shifted");
        let line = format!("    wire [31:0] {shifted} = $signed({near}) >>> 5'd{shift};");
        self.cycle(start + PRODUCT_CYCLES + 1).lines.push(line);
        let rounded = format!("{shifted} + {{31'd0, {near}[31]}}");
        self.register(start + PRODUCT_CYCLES + 1, name, &rounded);
    }
}

/// A number in 64 bits, as Verilog.
fn extended(value: i32) -> String {
    format!("64'h{:016X}", i64::from(value).cast_unsigned())
}

/// Factor and shift that divide by d (2 or more, or -2 or less): the quotient is the high half of
/// x times the factor, plus or minus x where their signs differ, shifted right, plus one if
/// negative. Warren, Hacker's Delight, second edition, section 10-6.
fn magic(d: i32) -> (i32, u32) {
    const HALF: i128 = 1 << 31;
    let magnitude = i128::from(d).abs();
    let limit = HALF + i128::from(d < 0);
    // The largest x whose remainder is d - 1.
    let most = limit - 1 - limit % magnitude;
    // The least power of two whose excess over a multiple of d is small enough for all x.
    let excess = |power: u32| magnitude - (1_i128 << power) % magnitude;
    let power = (32..64).find(|&power| 1_i128 << power > most * excess(power)).unwrap_or(63);
    let factor = ((1_i128 << power) + excess(power)) / magnitude;
    let factor = (factor as u32).cast_signed();
    (if d < 0 { factor.wrapping_neg() } else { factor }, power - 32)
}

#[cfg(test)]
mod tests {
    use super::magic;

    /// What the hardware does.
    fn quotient(x: i32, d: i32) -> i32 {
        let (factor, shift) = magic(d);
        let mut near = ((i64::from(x) * i64::from(factor)) >> 32) as i32;
        if d > 0 && factor < 0 {
            near = near.wrapping_add(x);
        }
        if d < 0 && factor > 0 {
            near = near.wrapping_sub(x);
        }
        (near >> shift) + i32::from(near < 0)
    }

    #[test]
    fn magic_numbers_divide() {
        // Factors and shifts of the table in Hacker's Delight, section 10-14.
        assert_eq!(magic(3), (0x5555_5556, 0));
        assert_eq!(magic(7), (0x9249_2493_u32.cast_signed(), 2));
        assert_eq!(magic(10), (0x6666_6667, 2));
        assert_eq!(magic(-5), (0x9999_9999_u32.cast_signed(), 1));
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 32) as i32
        };
        let fixed = [3, -3, 5, 7, -7, 10, 641, 1_000_003, i32::MAX, -i32::MAX, i32::MIN + 3];
        for round in 0..3000 {
            let d = fixed.get(round).copied().unwrap_or_else(|| random() >> (round % 30));
            if d.unsigned_abs().is_power_of_two() || d == 0 {
                continue;
            }
            let near = |q: i32| [-1, 0, 1].map(|off| q.wrapping_mul(d).wrapping_add(off));
            let mut tried = vec![0, 1, -1, i32::MAX, i32::MIN, i32::MIN + 1];
            for _ in 0..50 {
                tried.push(random());
                tried.extend(near(random() / d));
            }
            for x in tried {
                assert_eq!(quotient(x, d), x.wrapping_div(d), "{x} / {d}");
            }
        }
    }
}
