//! The configurations that come with the program.

/// Names and texts of the configurations in `configs/`.
pub const PRESETS: [(&str, &str); 6] = [
    ("default", include_str!("../../configs/default.yaml")),
    ("edge", include_str!("../../configs/edge.yaml")),
    ("tiny", include_str!("../../configs/tiny.yaml")),
    ("aws_f1", include_str!("../../configs/aws_f1.yaml")),
    ("aws_f2", include_str!("../../configs/aws_f2.yaml")),
    ("genesys_03", include_str!("../../configs/genesys_03.yaml")),
];

/// Text of a preset.
pub(super) fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(preset, _)| *preset == name).map(|(_, text)| *text)
}
