use proptest::prelude::*;

use super::*;

fn int(text: &str, operands: [i32; 3]) -> i32 {
    Expr::parse(text, Domain::Int, &["a", "b", "c"]).unwrap().int(&operands)
}

fn float(text: &str, operands: [f32; 3]) -> f32 {
    Expr::parse(text, Domain::Float, &["a", "b", "c"]).unwrap().float(&operands)
}

fn error(text: &str, domain: Domain) -> String {
    let error = Expr::parse(text, domain, &["a", "b", "c"]).unwrap_err();
    let part = text.get(error.span.clone()).unwrap();
    format!("{part}: {} ({})", error.message, error.remedy)
}

#[test]
fn integers() {
    let all = [7, -3, 100];
    for (text, expected) in [
        ("a + b * c", -293),
        ("(a + b) * c", 400),
        ("-a - -b", -10),
        ("a / 2 + b / 2 + b % 2", 3 - 1 - 1),
        ("b >> 1", -2),
        ("b >>> 1", 0x7fff_fffe),
        ("a << 33", 14),
        ("a & 3 | 8 ^ 1", 11),
        ("~a", -8),
        ("a > b ? a : b", 7),
        ("a == 7 && b != 7 || c < 0", 1),
        ("!a + !0", 1),
        ("min(a, b) + max(a, b) * 10 + abs(b)", 70),
        ("clamp(c, b, a)", 7),
        ("saturate(c, 4) + saturate(-c, 4)", -1),
        ("mulhi(a << 28, 1 << 20)", 0x7_0000),
        ("popcount(b) + clz(a)", 31 + 29),
        ("select(a < b, 1, 2)", 2),
        ("square(b)", 9),
        ("0xffffffff + 2147483647", i32::MAX - 1),
        ("-2147483648 == 0x80000000", 1),
        ("a ? b ? 1 : 2 : 3", 1),
    ] {
        assert_eq!(int(text, all), expected, "{text}");
    }
    assert_eq!(int("a + 1", [i32::MAX, 0, 0]), i32::MIN);
    assert_eq!(int("a / -1", [i32::MIN, 0, 0]), i32::MIN);
    assert_eq!(int("clz(a) + popcount(a)", [0; 3]), 32);
}

#[test]
fn binary32() {
    let all = [1.5, -2.0, 1e-40];
    for (text, expected) in [
        ("a * b + 0.5", -2.5),
        ("c", 0.0),
        ("a / 4", 0.375),
        ("a / -0.5", -3.0),
        ("a < b ? 1 : 2.5e1", 25.0),
        ("!(a <= b) && a != b ? abs(b) : 0", 2.0),
        ("max(a, b) - min(a, b)", 3.5),
        ("square(-a)", 2.25),
        ("0.1 + 0.2", 0.1_f32 + 0.2),
    ] {
        assert_eq!(float(text, all).to_bits(), expected.to_bits(), "{text}");
    }
    assert_eq!(float("a", [f32::from_bits(0xffc1_2345), 0.0, 0.0]).to_bits(), 0x7fc0_0000);
    assert_eq!(float("max(a, b)", [f32::NAN, 3.0, 0.0]), 3.0);
}

#[test]
fn binary64() {
    let expr = Expr::parse("x / (1 + exp(-x)) + 0 * pi", Domain::Real, &["x"]).unwrap();
    assert!((expr.real(1.0) - 0.731_058_578_630_004_9).abs() < 1e-15);
    assert_eq!(Expr::parse("x < 0 ? -x : sqrt(x)", Domain::Real, &["x"]).unwrap().real(9.0), 3.0);
}

#[test]
fn mistakes_are_told_at_their_place() {
    for (text, expected) in [
        ("a / 0", "0: this divides by zero"),
        ("a % (1 - 1)", "1 - 1: this divides by zero"),
        ("a / b", "b: the divisor is not a constant"),
        ("a + d", "d: there is no operand `d` (operands: `a`, `b`, `c`)"),
        ("a + foo(b)", "foo: there is no function `foo` (functions: abs, min"),
        ("min(a)", "min(a): `min` takes 2 arguments, not 1"),
        ("2147483647 + 1", "2147483647 + 1: this constant overflows"),
        ("2147483648", "2147483648: `2147483648` overflows"),
        ("0x100000000", "0x100000000: `0x100000000` overflows"),
        ("99999999999999999999", "99999999999999999999: `99999999999999999999` overflows"),
        ("a + 1.5", "1.5: `1.5` is no number here"),
        ("a +", ": found the end where a number, an operand, a function or `(` should be"),
        ("(a", ": found the end where `)` should be"),
        ("a b", "b: found `b` where an operator or the end should be"),
        ("a $ b", "$: `$` has no meaning here"),
        ("saturate(a, b)", "saturate(a, b): `saturate(x, n)` takes a constant n"),
        ("exp(a)", "exp: there is no function `exp`"),
        ("", ": found the end"),
        ("a ? b", ": found the end where `:` should be"),
        ("é", "é: `é` has no meaning here"),
    ] {
        assert!(
            error(text, Domain::Int).starts_with(expected),
            "{text}: {}",
            error(text, Domain::Int)
        );
    }
    for (text, expected) in [
        ("a < b", "a < b: a condition stands where a number should be"),
        ("a ? b : c", "a: a number stands where a condition should be"),
        ("a & b", "a & b: `&` is an operator of integers"),
        ("~a", "~a: `~` is an operator of integers"),
        ("a / 3", "3: binary32 is divided by powers of two only"),
        ("a / 0.0", "0.0: this divides by zero"),
        ("1e39", "1e39: `1e39` overflows"),
        ("1e38 * 10", "1e38 * 10: this constant overflows"),
        ("inf", "inf: there is no operand `inf`"),
    ] {
        assert!(
            error(text, Domain::Float).starts_with(expected),
            "{text}: {}",
            error(text, Domain::Float)
        );
    }
    let deep = "(".repeat(100) + "a" + &")".repeat(100);
    assert!(error(&deep, Domain::Int).contains("nested more than 64 levels deep"));
    assert!(error(&"-".repeat(4000), Domain::Int).contains("nested more than 64"));
    assert!(error(&vec!["a"; 1000].join("+"), Domain::Int).contains("nested more than 64"));
}

fn definitions<'a>(texts: &[(&'a str, &'a str)]) -> Vec<Definition<'a>> {
    texts
        .iter()
        .map(|&(name, text)| Definition { name, domain: Domain::Int, operands: &["a", "b"], text })
        .collect()
}

#[test]
fn definitions_call_each_other_but_not_themselves() {
    let all = definitions(&[
        ("f", "a - b"),
        ("g", "f(b, a) * f(a, 1)"),
        ("h", "g(a, i(b, a))"),
        ("i", "h(a, b)"),
        ("j", "j(a, b) + 1"),
        ("k", "f(a)"),
        ("l", "m(a, b)"),
        ("m", "a + q"),
    ]);
    assert_eq!(Expr::define(&all, 1).unwrap().int(&[7, 5]), -12);
    let message = |index: usize| Expr::define(&all, index).unwrap_err().message;
    assert_eq!(message(2), "in `i`, which is called here: `h` calls itself: h -> i -> h");
    assert_eq!(message(4), "`j` calls itself: j -> j");
    assert_eq!(message(5), "`f` takes 2 arguments, not 1");
    assert_eq!(message(6), "in `m`, which is called here: there is no operand `q`");
    // Calls that double at every level stay bounded in time and in depth.
    let texts: Vec<(String, String)> = (0..60)
        .map(|at| (format!("d{at}"), format!("d{}(a, b) + d{0}(b, a) * d{0}(a, a)", at + 1)))
        .collect();
    let many: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(
        Expr::define(&definitions(&many), 0).unwrap_err().message.contains("nested more than 8")
    );
    let texts: Vec<(String, String)> = (0..8)
        .map(|at| (format!("d{at}"), vec![format!("d{}(a, b)", at + 1); 30].join("|")))
        .chain([("d8".to_owned(), "a".to_owned())])
        .collect();
    let wide: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(
        Expr::define(&definitions(&wide), 0).unwrap_err().message.contains("parts, calls inserted")
    );
}

#[test]
fn equal_parts_are_there_once_and_constants_are_folded() {
    let nodes =
        |text: &str| Expr::parse(text, Domain::Int, &["a", "b", "c"]).unwrap().nodes().len();
    assert_eq!(nodes("(a + b) * (a + b)"), 4);
    assert_eq!(nodes("a + (2 * 3 - 6 > 0 ? b : 5)"), 3);
    assert_eq!(nodes("1 < 2 ? a : b"), 1);
    assert_eq!(nodes("3 + 4"), 1);
}

#[test]
fn latencies_follow_the_depth_of_the_logic() {
    let latency =
        |text: &str, domain| Expr::parse(text, domain, &["a", "b", "c"]).unwrap().latency();
    for (text, cycles) in [
        ("a", 1),
        ("5", 1),
        ("a + b", 1),
        ("a + b + c", 2),
        ("a * b", 3),
        ("a * b + c", 4),
        ("(a + b) * c", 4),
        ("a / 7", 5),
        ("a % 7", 9),
        ("a / 8", 1),
        ("a % 8", 2),
    ] {
        assert_eq!(latency(text, Domain::Int), cycles, "{text}");
    }
    for (text, cycles) in [("a * b", 4), ("a + b", 6), ("a * b + c", 9), ("max(a, 0.0)", 2)] {
        assert_eq!(latency(text, Domain::Float), cycles, "{text}");
    }
}

/// A random expression as text, and its value for operands by plain recursion over bytes.
fn build(bytes: &mut std::slice::Iter<'_, u8>, operands: &[i32; 3], depth: u32) -> (String, i32) {
    let kind = *bytes.next().unwrap_or(&0);
    if depth == 0 || kind < 60 {
        let value = i32::from(*bytes.next().unwrap_or(&1)) - 100;
        return match kind % 4 {
            3 => (format!("({value})"), value),
            index => (["a", "b", "c"][usize::from(index)].to_owned(), operands[usize::from(index)]),
        };
    }
    let (x, left) = build(bytes, operands, depth - 1);
    let (y, right) = build(bytes, operands, depth - 1);
    match kind % 12 {
        0 => (format!("({x} + {y})"), (i64::from(left) + i64::from(right)) as i32),
        1 => (format!("({x} - {y})"), (i64::from(left) - i64::from(right)) as i32),
        2 => (format!("({x} * {y})"), (i64::from(left) * i64::from(right)) as i32),
        3 => (format!("min({x}, {y})"), if left < right { left } else { right }),
        4 => (format!("({x} >> {y})"), (i64::from(left) >> (right & 31)) as i32),
        5 => (format!("({x} >>> {y})"), ((left as u32) >> (right & 31)) as i32),
        6 => (format!("({x} << {y})"), ((i64::from(left)) << (right & 31)) as i32),
        7 => (format!("({x} < {y} ? {y} : {x})"), if left < right { right } else { left }),
        8 => (format!("(({x} ^ {y}) & 255)"), (left ^ right) & 255),
        9 => (format!("({x} / 13)"), left / 13),
        10 => (format!("mulhi({x}, {y})"), ((i64::from(left) * i64::from(right)) >> 32) as i32),
        _ => (format!("({x} <= {y} && {y} != 5)"), i32::from(left <= right && right != 5)),
    }
}

proptest! {
    #[test]
    fn values_are_those_of_a_plain_evaluation(bytes in prop::collection::vec(any::<u8>(), 1..80), a: i32, b in -50..50_i32, c: i32) {
        let operands = [a, b, c];
        let (text, expected) = build(&mut bytes.iter(), &operands, 4);
        match Expr::parse(&text, Domain::Int, &["a", "b", "c"]) {
            Ok(expr) => prop_assert_eq!(expr.int(&operands), expected, "{}", text),
            Err(error) => prop_assert!(error.message.contains("overflows"), "{text}: {error:?}"),
        }
    }

    #[test]
    fn no_text_makes_it_stumble(text in "[abcxe0-9.+*/%<>=!&|^~?:(), \\-éminaxbsclpov]{0,60}", domain in 0..3_usize) {
        let domain = [Domain::Int, Domain::Float, Domain::Real][domain];
        match Expr::parse(&text, domain, &["a", "b", "x"]) {
            Ok(expr) => {
                let _ = (expr.int(&[1, 2, 3]), expr.float(&[1.0, 2.0, 3.0]), expr.real(1.0));
                prop_assert!(expr.latency() >= 1);
            }
            Err(error) => prop_assert!(text.get(error.span).is_some()),
        }
    }
}
