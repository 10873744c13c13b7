//! The arguments that choose a design, shared by all subcommands that need one.

use std::path::{Path, PathBuf};

use crate::config::Override;
use crate::design::{Design, PRESETS};
use crate::error::Error;

/// Which machine.
#[derive(Debug, Clone, clap::Args)]
pub struct DesignArgs {
    /// Configuration file, or the name of one that comes with the program: default, edge, tiny,
    /// aws_f1, aws_f2, genesys_03 [default: default]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Rows of the array; overrides `array.rows`.
    #[arg(long, value_name = "1..256", allow_negative_numbers = true)]
    pub rows: Option<i64>,
    /// Columns of the array; overrides `array.cols`.
    #[arg(long, value_name = "1..256", allow_negative_numbers = true)]
    pub cols: Option<i64>,
    /// Overrides any key, such as `--set axi.data_bits=256`. May be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl DesignArgs {
    /// Reads and checks the design.
    pub fn design(&self) -> Result<Design, Error> {
        self.design_or("default")
    }

    /// The same, where another configuration is the one that is not asked for.
    pub fn design_or(&self, preset: &str) -> Result<Design, Error> {
        let overrides = self.overrides()?;
        let config = self.config.as_deref().unwrap_or(Path::new(preset));
        if !config.exists() {
            let name = config.display().to_string();
            if PRESETS.iter().any(|(preset, _)| *preset == name) {
                return Design::preset_with(&name, &overrides);
            }
            if is_bare_word(&name) {
                return Err(Error::unknown_preset(&name));
            }
        }
        Design::from_file(config, &overrides)
    }

    fn overrides(&self) -> Result<Vec<Override>, Error> {
        let mut overrides = Vec::new();
        if let Some(rows) = self.rows {
            overrides.push(Override::flag("array.rows", rows, "--rows"));
            // The lanes of a file belong to its rows; with other rows they follow them.
            overrides.push(Override::derived("vector.lanes", &format!("--rows {rows}")));
        }
        if let Some(cols) = self.cols {
            overrides.push(Override::flag("array.cols", cols, "--cols"));
        }
        for text in &self.set {
            overrides.push(Override::set(text).map_err(|message| Error::Usage {
                message: format!("--set: {message}"),
                remedy: "keys are listed in docs/config.md and by `npugen schema`".to_owned(),
            })?);
        }
        Ok(overrides)
    }
}

/// Whether a text looks like a preset rather than like a path.
fn is_bare_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
