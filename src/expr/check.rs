//! Tree to list: names, types, constants.

use std::collections::HashMap;
use std::ops::Range;

use super::eval::apply;
use super::functions::{Named, named, names};
use super::parse::{Kind, Tree, parse};
use super::{Definition, Domain, Expr, ExprError, Function, MAX_NODES, Node, Op};

/// Makes the list of a definition's operations; all definitions may be called.
pub(super) fn check(
    definition: &Definition<'_>,
    all: &[Definition<'_>],
) -> Result<Expr, ExprError> {
    let mut list =
        List { domain: definition.domain, nodes: Vec::new(), known: HashMap::new(), steps: 0 };
    let operands = operands(definition, &mut list)?;
    let mut frame = Frame { all, calls: vec![definition.name], operands };
    let tree = parse(definition.text)?;
    let result = frame.number(&mut list, &tree)?;
    let text = definition.text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Expr { domain: definition.domain, text, nodes: list.reachable(result) })
}

fn operands<'a>(
    definition: &Definition<'a>,
    list: &mut List,
) -> Result<Vec<(&'a str, usize)>, ExprError> {
    let names = definition.operands.iter().enumerate();
    names.map(|(at, name)| Ok((*name, list.node(Op::Operand(at), Vec::new(), &(0..0))?))).collect()
}

/// The operations so far; equal ones are there once.
struct List {
    domain: Domain,
    nodes: Vec<Node>,
    known: HashMap<Node, usize>,
    /// Parts of trees read; calls of calls can make them many although the list stays short.
    steps: usize,
}

/// Most parts of trees that are read for one expression.
const MAX_STEPS: usize = 20_000;

/// Deepest calls.
const MAX_CALLS: usize = 8;

impl List {
    /// Position of an operation, whose operands are in the list.
    fn node(&mut self, op: Op, args: Vec<usize>, span: &Range<usize>) -> Result<usize, ExprError> {
        let constants: Vec<u64> = args.iter().filter_map(|&arg| self.constant(arg)).collect();
        let args = ordered(self, op, args);
        let foldable = !matches!(op, Op::Operand(_) | Op::Const(_) | Op::Known(_));
        if foldable && constants.len() == args.len() {
            let mut values = [0; 3];
            values.iter_mut().zip(&constants).for_each(|(value, bits)| *value = *bits);
            let bits = apply(self.domain, op, values);
            self.overflow(op, values, bits, span)?;
            let folded = if op.is_condition() { Op::Known(bits != 0) } else { Op::Const(bits) };
            return self.node(folded, Vec::new(), span);
        }
        // A condition that is known chooses now.
        if let (Op::Select, [c, then, otherwise]) = (op, args.as_slice())
            && let Some(bits) = self.constant(*c)
        {
            return Ok(if bits != 0 { *then } else { *otherwise });
        }
        // A product with a power of two is a shift.
        if let (Op::Call(Function::Mul), &[x, by], Domain::Int) = (op, args.as_slice(), self.domain)
            && let Some(bits) = self.constant(by).filter(|bits| bits.is_power_of_two())
        {
            let amount = u64::from(bits.trailing_zeros());
            let amount = self.node(Op::Const(amount), Vec::new(), span)?;
            return self.node(Op::Call(Function::Shl), vec![x, amount], span);
        }
        let node = Node { op, args };
        if let Some(&at) = self.known.get(&node) {
            return Ok(at);
        }
        let at = self.nodes.len();
        if at >= MAX_NODES {
            let message = format!("the expression has more than {MAX_NODES} operations");
            return Err(ExprError::new(span, message, "divide it into several operations"));
        }
        self.nodes.push(node.clone());
        self.known.insert(node, at);
        Ok(at)
    }

    fn constant(&self, at: usize) -> Option<u64> {
        match self.nodes.get(at)?.op {
            Op::Const(bits) => Some(bits),
            Op::Known(holds) => Some(holds.into()),
            _ => None,
        }
    }

    fn is_condition(&self, at: usize) -> bool {
        self.nodes.get(at).is_some_and(|node| node.op.is_condition())
    }

    /// A constant part beyond the range of its numbers is a mistake, not a wrapped number.
    fn overflow(
        &self,
        op: Op,
        [x, y, _]: [u64; 3],
        bits: u64,
        span: &Range<usize>,
    ) -> Result<(), ExprError> {
        let Op::Call(function) = op else { return Ok(()) };
        let beyond = match self.domain {
            Domain::Int => {
                let [x, y] = [x, y].map(|bits| i64::from((bits as u32).cast_signed()));
                let exact = match function {
                    Function::Add => x + y,
                    Function::Sub => x - y,
                    Function::Mul => x * y,
                    Function::Div => x.checked_div(y).unwrap_or(0),
                    Function::Neg => -x,
                    Function::Abs => x.abs(),
                    _ => 0,
                };
                i32::try_from(exact).is_err()
            }
            Domain::Float => !f32::from_bits(bits as u32).is_finite(),
            Domain::Real => !f64::from_bits(bits).is_finite(),
        };
        if beyond {
            let range = match self.domain {
                Domain::Int => "integers are -2147483648 to 2147483647",
                Domain::Float => "the largest binary32 number is 3.4e38",
                Domain::Real => "the largest binary64 number is 1.8e308",
            };
            return Err(ExprError::new(span, "this constant overflows", range));
        }
        Ok(())
    }

    /// What a result needs, in the same order; the result is the last one.
    fn reachable(&self, result: usize) -> Vec<Node> {
        let mut needed = vec![false; self.nodes.len()];
        let mut pending = vec![result];
        while let Some(at) = pending.pop() {
            if let (Some(needed), Some(node)) = (needed.get_mut(at), self.nodes.get(at))
                && !std::mem::replace(needed, true)
            {
                pending.extend(&node.args);
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut kept: Vec<Node> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            // Behind the result nothing is needed.
            if needed.get(at) == Some(&true) {
                if let Some(place) = place.get_mut(at) {
                    *place = kept.len();
                }
                let args = node.args.iter().filter_map(|&arg| place.get(arg).copied()).collect();
                kept.push(Node { op: node.op, args });
            }
        }
        kept
    }
}

/// Constants stand behind the other operand where the order makes no difference.
fn ordered(list: &List, op: Op, mut args: Vec<usize>) -> Vec<usize> {
    let either = match op {
        Op::Eq | Op::LogicAnd | Op::LogicOr => true,
        Op::Call(function) => matches!(
            function,
            Function::Add
                | Function::Mul
                | Function::Mulhi
                | Function::Min
                | Function::Max
                | Function::And
                | Function::Or
                | Function::Xor
        ),
        _ => false,
    };
    if either && args.first().is_some_and(|&first| list.constant(first).is_some()) {
        args.reverse();
    }
    args
}

/// Where a tree is read: the names it sees.
struct Frame<'a> {
    all: &'a [Definition<'a>],
    /// The definitions being read, outermost first.
    calls: Vec<&'a str>,
    operands: Vec<(&'a str, usize)>,
}

impl<'a> Frame<'a> {
    /// The tree as a number.
    fn number(&mut self, list: &mut List, tree: &Tree<'_>) -> Result<usize, ExprError> {
        let at = self.any(list, tree)?;
        if !list.is_condition(at) {
            return Ok(at);
        }
        match list.domain {
            Domain::Int => list.node(Op::Number, vec![at], &tree.span),
            _ => Err(ExprError::new(
                &tree.span,
                "a condition stands where a number should be",
                "choose numbers with it: `c ? 1.0 : 0.0`",
            )),
        }
    }

    /// The tree as a condition.
    fn condition(&mut self, list: &mut List, tree: &Tree<'_>) -> Result<usize, ExprError> {
        let at = self.any(list, tree)?;
        if list.is_condition(at) {
            return Ok(at);
        }
        match list.domain {
            Domain::Int => list.node(Op::Truth, vec![at], &tree.span),
            _ => Err(ExprError::new(
                &tree.span,
                "a number stands where a condition should be",
                "compare it: `x > 0.0`",
            )),
        }
    }

    fn any(&mut self, list: &mut List, tree: &Tree<'_>) -> Result<usize, ExprError> {
        let span = &tree.span;
        list.steps += 1;
        if list.steps > MAX_STEPS {
            let message = format!("the expression has more than {MAX_STEPS} parts, calls inserted");
            return Err(ExprError::new(span, message, "divide it into several operations"));
        }
        match &tree.kind {
            Kind::Number(text) => {
                let bits = literal(list.domain, text, false, span)?;
                list.node(Op::Const(bits), Vec::new(), span)
            }
            Kind::Name(name) => self.name(list, name, span),
            Kind::Call(name, place, arguments) => self.call(list, name, place, arguments, span),
            Kind::Unary("!", operand) => {
                let c = self.condition(list, operand)?;
                list.node(Op::LogicNot, vec![c], span)
            }
            Kind::Unary(sign, operand) => {
                if let ("-", Kind::Number(text)) = (*sign, &operand.kind) {
                    let bits = literal(list.domain, text, true, span)?;
                    return list.node(Op::Const(bits), Vec::new(), span);
                }
                let function = if *sign == "-" { Function::Neg } else { Function::Not };
                self.exists(list.domain, function, sign, span)?;
                let x = self.number(list, operand)?;
                list.node(Op::Call(function), vec![x], span)
            }
            Kind::Binary(sign, operands) => self.binary(list, sign, operands, span),
            Kind::Select(parts) => {
                let [c, then, otherwise] = parts.as_ref();
                let c = self.condition(list, c)?;
                let then = self.number(list, then)?;
                let otherwise = self.number(list, otherwise)?;
                list.node(Op::Select, vec![c, then, otherwise], span)
            }
        }
    }

    fn exists(
        &self,
        domain: Domain,
        function: Function,
        sign: &str,
        span: &Range<usize>,
    ) -> Result<(), ExprError> {
        let of_integers = matches!(
            function,
            Function::Not
                | Function::And
                | Function::Or
                | Function::Xor
                | Function::Shl
                | Function::Shr
                | Function::Shru
                | Function::Rem
        );
        if of_integers && domain != Domain::Int {
            let message = format!("`{sign}` is an operator of integers");
            return Err(ExprError::new(span, message, "see the table of operators"));
        }
        Ok(())
    }

    fn binary(
        &mut self,
        list: &mut List,
        sign: &str,
        [left, right]: &[Tree<'_>; 2],
        span: &Range<usize>,
    ) -> Result<usize, ExprError> {
        if let "&&" | "||" = sign {
            let args = vec![self.condition(list, left)?, self.condition(list, right)?];
            let op = if sign == "&&" { Op::LogicAnd } else { Op::LogicOr };
            return list.node(op, args, span);
        }
        let (x, y) = (self.number(list, left)?, self.number(list, right)?);
        let function = match sign {
            "+" => Function::Add,
            "-" => Function::Sub,
            "*" => Function::Mul,
            "/" => return divide(list, [x, y], span, &right.span),
            "%" => Function::Rem,
            "&" => Function::And,
            "|" => Function::Or,
            "^" => Function::Xor,
            "<<" => Function::Shl,
            ">>" => Function::Shr,
            ">>>" => Function::Shru,
            "==" => return list.node(Op::Eq, vec![x, y], span),
            "<" => return list.node(Op::Lt, vec![x, y], span),
            "<=" => return list.node(Op::Le, vec![x, y], span),
            ">" => return list.node(Op::Lt, vec![y, x], span),
            ">=" => return list.node(Op::Le, vec![y, x], span),
            _ => {
                let equal = list.node(Op::Eq, vec![x, y], span)?;
                return list.node(Op::LogicNot, vec![equal], span);
            }
        };
        self.exists(list.domain, function, sign, span)?;
        if function == Function::Rem {
            divisor(list, y, &right.span)?;
        }
        list.node(Op::Call(function), vec![x, y], span)
    }

    fn name(
        &mut self,
        list: &mut List,
        name: &str,
        span: &Range<usize>,
    ) -> Result<usize, ExprError> {
        if let Some((_, at)) = self.operands.iter().find(|(known, _)| *known == name) {
            return Ok(*at);
        }
        let constant = match (list.domain, name) {
            (Domain::Real, "pi") => Some(std::f64::consts::PI),
            (Domain::Real, "e") => Some(std::f64::consts::E),
            _ => None,
        };
        if let Some(value) = constant {
            return list.node(Op::Const(value.to_bits()), Vec::new(), span);
        }
        let known: Vec<String> =
            self.operands.iter().map(|(name, _)| format!("`{name}`")).collect();
        let message = format!("there is no operand `{name}`");
        Err(ExprError::new(span, message, format!("operands: {}", known.join(", "))))
    }

    fn call(
        &mut self,
        list: &mut List,
        name: &str,
        place: &Range<usize>,
        arguments: &[Tree<'_>],
        span: &Range<usize>,
    ) -> Result<usize, ExprError> {
        let count = |wanted: usize| {
            let message = format!("`{name}` takes {wanted} arguments, not {}", arguments.len());
            if wanted == arguments.len() { Ok(()) } else { Err(ExprError::new(span, message, "")) }
        };
        let Some((function, wanted)) = named(name, list.domain) else {
            let found = self.all.iter().find(|other| other.name == name && !name.is_empty());
            let Some(other) = found else { return Err(self.unknown(list.domain, name, place)) };
            count(other.operands.len())?;
            return self.insert(list, other, arguments, span);
        };
        count(wanted)?;
        if let (Named::Select, [c, then, otherwise]) = (function, arguments) {
            let c = self.condition(list, c)?;
            let args = vec![c, self.number(list, then)?, self.number(list, otherwise)?];
            return list.node(Op::Select, args, span);
        }
        let numbers: Result<Vec<usize>, ExprError> =
            arguments.iter().map(|argument| self.number(list, argument)).collect();
        match (function, numbers?.as_slice()) {
            (Named::Square, &[x]) => list.node(Op::Call(Function::Mul), vec![x, x], span),
            (Named::Clamp, &[x, low, high]) => {
                let above = list.node(Op::Call(Function::Max), vec![x, low], span)?;
                list.node(Op::Call(Function::Min), vec![above, high], span)
            }
            (Named::Saturate, &[x, bits]) => saturate(list, x, bits, span),
            (Named::Plain(function), args) => list.node(Op::Call(function), args.to_vec(), span),
            _ => count(usize::MAX).map(|()| 0),
        }
    }

    fn unknown(&self, domain: Domain, name: &str, place: &Range<usize>) -> ExprError {
        let mut known: Vec<&str> = names(domain);
        known.extend(self.all.iter().map(|other| other.name).filter(|name| !name.is_empty()));
        let message = format!("there is no function `{name}`");
        ExprError::new(place, message, format!("functions: {}", known.join(", ")))
    }

    /// Puts another definition in the place of its call.
    fn insert(
        &mut self,
        list: &mut List,
        other: &Definition<'a>,
        arguments: &[Tree<'_>],
        span: &Range<usize>,
    ) -> Result<usize, ExprError> {
        if let Some(first) = self.calls.iter().position(|name| *name == other.name) {
            let mut cycle: Vec<&str> = self.calls.iter().skip(first).copied().collect();
            cycle.push(other.name);
            let message = format!("`{}` calls itself: {}", other.name, cycle.join(" -> "));
            return Err(ExprError::new(span, message, "hardware has no recursion"));
        }
        if self.calls.len() > MAX_CALLS {
            let message = format!("calls are nested more than {MAX_CALLS} levels deep");
            return Err(ExprError::new(span, message, "write a part of them out"));
        }
        if other.domain != list.domain {
            let message = format!("`{}` computes with numbers of another type", other.name);
            return Err(ExprError::new(span, message, "call operations of the same `type`"));
        }
        let values: Result<Vec<usize>, ExprError> =
            arguments.iter().map(|argument| self.number(list, argument)).collect();
        let inner = other.operands.iter().copied().zip(values?).collect();
        let outer = std::mem::replace(&mut self.operands, inner);
        self.calls.push(other.name);
        let result = parse(other.text).and_then(|tree| self.number(list, &tree));
        self.calls.pop();
        self.operands = outer;
        // The place of a mistake in another text means nothing here.
        result.map_err(|error| ExprError {
            message: format!("in `{}`, which is called here: {}", other.name, error.message),
            span: span.clone(),
            ..error
        })
    }
}

/// A constant other than zero.
fn divisor(list: &List, y: usize, span: &Range<usize>) -> Result<u64, ExprError> {
    let Some(bits) = list.constant(y) else {
        let remedy = "multiply with a reciprocal, or divide by a power of two with `>>`";
        return Err(ExprError::new(span, "the divisor is not a constant", remedy));
    };
    let zero = match list.domain {
        Domain::Int => bits == 0,
        Domain::Float => f32::from_bits(bits as u32) == 0.0,
        Domain::Real => f64::from_bits(bits) == 0.0,
    };
    if zero {
        return Err(ExprError::new(span, "this divides by zero", "choose another divisor"));
    }
    Ok(bits)
}

fn divide(
    list: &mut List,
    [x, y]: [usize; 2],
    span: &Range<usize>,
    right: &Range<usize>,
) -> Result<usize, ExprError> {
    if list.domain != Domain::Real || list.constant(y).is_some() {
        let bits = divisor(list, y, right)?;
        if list.domain == Domain::Float {
            let value = f32::from_bits(bits as u32);
            let inverse = value.recip();
            let exact = value.is_normal() && inverse.is_normal() && inverse.to_bits() << 9 == 0;
            if !exact {
                return Err(ExprError::new(
                    right,
                    "binary32 is divided by powers of two only",
                    format!("multiply: `x * {inverse:?}`, rounded, or use a table of 1 / x"),
                ));
            }
            let factor = list.node(Op::Const(inverse.to_bits().into()), Vec::new(), span)?;
            return list.node(Op::Call(Function::Mul), vec![x, factor], span);
        }
    }
    list.node(Op::Call(Function::Div), vec![x, y], span)
}

fn saturate(
    list: &mut List,
    x: usize,
    bits: usize,
    span: &Range<usize>,
) -> Result<usize, ExprError> {
    let width = list.constant(bits).filter(|bits| (2..=32).contains(bits));
    let Some(width) = width else {
        return Err(ExprError::new(
            span,
            "`saturate(x, n)` takes a constant n of 2 to 32 bits",
            "see the table of functions",
        ));
    };
    let half = 1_u64 << (width - 1);
    let low = list.node(Op::Const(half.wrapping_neg() & 0xffff_ffff), Vec::new(), span)?;
    let high = list.node(Op::Const(half - 1), Vec::new(), span)?;
    let above = list.node(Op::Call(Function::Max), vec![x, low], span)?;
    list.node(Op::Call(Function::Min), vec![above, high], span)
}

/// Bits of a number as written, with a minus sign in front or not.
fn literal(
    domain: Domain,
    text: &str,
    negative: bool,
    span: &Range<usize>,
) -> Result<u64, ExprError> {
    let wrong = |remedy: &str| ExprError::new(span, format!("`{text}` is no number here"), remedy);
    let beyond = |range: &str| ExprError::new(span, format!("`{text}` overflows"), range);
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if domain == Domain::Int {
        let range = "integers are -2147483648 to 2147483647, or 0x0 to 0xffffffff";
        let help = "integers are written 12 or 0x1f";
        let magnitude = match hexadecimal {
            Some(digits) if digits.chars().all(|c| c.is_ascii_hexdigit()) && !digits.is_empty() => {
                u32::from_str_radix(digits, 16).map(i64::from).map_err(|_| beyond(range))?
            }
            None if text.chars().all(|c| c.is_ascii_digit()) => {
                text.parse::<i64>().map_err(|_| beyond(range))?
            }
            _ => return Err(wrong(help)),
        };
        let value = if negative { -magnitude } else { magnitude };
        let most = if hexadecimal.is_some() { u32::MAX.into() } else { i64::from(i32::MAX) };
        if value > most || value < i32::MIN.into() {
            return Err(beyond(range));
        }
        return Ok((value as u32).into());
    }
    let plain = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    let value = text.parse::<f64>().ok().filter(|_| plain);
    let value = value.ok_or_else(|| wrong("numbers are written 12, 0.5 or 1.5e-3"))?;
    let value = if negative { -value } else { value };
    if domain == Domain::Real {
        return if value.is_finite() { Ok(value.to_bits()) } else { Err(beyond("")) };
    }
    // Read as binary32 at once: by way of binary64 it would be rounded twice.
    let single = text.parse::<f32>().map_err(|_| wrong(""))?;
    if !single.is_finite() {
        return Err(beyond("the largest binary32 number is 3.4e38"));
    }
    let single = crate::arith::float::canonical(if negative { -single } else { single });
    Ok(single.to_bits().into())
}
