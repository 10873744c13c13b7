use super::*;

/// Largest errors in units in the last place with 512 and with 2048 segments.
const LIMITS: [(&str, f64, f64); 12] = [
    ("erf", 45.0, 2.0),
    ("exp2", 2.0, 2.0),
    ("gelu", 70.0, 2.0),
    ("gelu_tanh", 70.0, 2.0),
    ("hardswish", 2.0, 2.0),
    ("log2", 2.0, 2.0),
    ("reciprocal", 2.0, 2.0),
    ("rsqrt", 2.0, 2.0),
    ("sigmoid", 85.0, 2.0),
    ("silu", 110.0, 2.5),
    ("softplus", 90.0, 2.0),
    ("tanh", 45.0, 2.0),
];

#[test]
fn errors_are_within_their_limits() {
    assert_eq!(Function::names(), LIMITS.map(|(name, ..)| name));
    for (name, few, many) in LIMITS {
        let function = Function::named(name).unwrap();
        for (segments, limit) in [(512, few), (2048, many)] {
            let table = function.table(segments).unwrap();
            let length = table.coefficients.len();
            assert!(length <= segments && table.form.size() == length);
            let report = function.measure(&table, 20_011);
            assert!(report.ulp > 0.5 && report.ulp <= limit, "{name}: {report:?}");
        }
    }
}

#[test]
fn more_segments_are_better() {
    for function in Function::ALL {
        let errors = [512, 2048]
            .map(|segments| function.measure(&function.table(segments).unwrap(), 20_011).absolute);
        assert!(errors[1] <= errors[0] * 1.001, "{}: {errors:?}", function.name);
        assert!(function.table(1).is_none() || matches!(function.shape, Shape::Reduced { .. }));
    }
}

#[test]
fn all_the_softmax_needs_fits_at_once() {
    let sizes = ["exp2", "reciprocal"]
        .map(|name| Function::named(name).unwrap().table(256).unwrap().coefficients.len());
    assert!(sizes.iter().sum::<usize>() <= 256, "{sizes:?}");
}

#[test]
fn beyond_the_octaves_functions_go_on() {
    let at = |name: &str, x: f32| Function::named(name).unwrap().table(512).unwrap().apply(x);
    assert_eq!((at("tanh", 50.0), at("tanh", f32::NEG_INFINITY)), (1.0, -1.0));
    assert_eq!((at("gelu", 100.0), at("gelu", -100.0)), (100.0, 0.0));
    assert_eq!((at("exp2", 3.0), at("exp2", -200.0)), (8.0, 0.0));
    assert_eq!((at("reciprocal", 4.0), at("reciprocal", -0.5)), (0.25, -2.0));
    assert_eq!((at("rsqrt", 16.0), at("tanh", 0.0), at("gelu", -0.0)), (0.25, 0.0, 0.0));
    assert!((at("softplus", 0.0) - std::f32::consts::LN_2).abs() < 1e-7);
    // 0.842700792949714869... (Abramowitz and Stegun, table 7.1)
    assert!((f64::from(at("erf", 1.0)) - 0.842_700_792_949_714_9).abs() < 3e-6);
}

#[test]
fn functions_of_expressions_are_like_the_built_ones() {
    let own = |text: &str, range: u32| {
        Function::own(&crate::design::OwnFunction::new("own", text, range).unwrap())
    };
    for (text, built, range) in [
        ("1 / (1 + exp(-x))", "sigmoid", 32),
        ("x * (1 + erf(x / sqrt(2))) / 2", "gelu", 8),
        ("x < -3 ? 0 : x > 3 ? x : x * (x + 3) / 6", "hardswish", 8),
        ("log1p(exp(-abs(x))) + max(x, 0)", "softplus", 16),
    ] {
        let (own, built) = (own(text, range), Function::named(built).unwrap());
        for segments in [512, 2048] {
            let [first, second] = [&own, built]
                .map(|function| function.measure(&function.table(segments).unwrap(), 20_011));
            assert!(first.ulp < 1.6 * second.ulp + 1.0, "{text}: {first:?} {second:?}");
        }
        let table = own.table(512).unwrap();
        for x in [1e3_f32, -1e3, 1e6] {
            let expected = built.table(512).unwrap().apply(x);
            assert_eq!(table.apply(x), expected, "{text} of {x}");
        }
    }
    let error = crate::design::OwnFunction::new("own", "log(x)", 4).unwrap_err();
    assert!(error.message.starts_with("the function is not finite at -8"), "{error:?}");
}
