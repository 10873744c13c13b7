//! Newtypes for quantities. Owns how sizes are written and read (`"2 MiB"`), nothing else.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A size in bytes, written with a binary unit where one divides it: `2 MiB`, `1536 B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Bytes {
    /// So many KiB.
    pub const fn kib(count: u64) -> Bytes {
        Bytes(count << 10)
    }

    /// The size in bits.
    pub const fn to_bits(self) -> u64 {
        self.0 * 8
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        let (name, unit) = exact.unwrap_or(&UNITS[3]);
        write!(f, "{} {name}", self.0 / unit)
    }
}

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size: write a whole number and B, KiB, MiB or GiB, such as `64 KiB`")]
pub struct SizeError(String);

impl FromStr for Bytes {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Bytes, SizeError> {
        let error = || SizeError(text.to_owned());
        let trimmed = text.trim();
        let digits = trimmed.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = trimmed[digits.len()..].trim();
        let count: u64 = digits.parse().map_err(|_| error())?;
        let factor = match unit {
            "" => 1,
            _ => UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?.1,
        };
        count.checked_mul(factor).map(Bytes).ok_or_else(error)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "format": "size",
            "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)?$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_trip() {
        for (text, bytes) in
            [("2 MiB", 2 << 20), ("1536 B", 1536), ("3 KiB", 3072), ("0 B", 0), ("1 GiB", 1 << 30)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!("64KiB".parse(), Ok(Bytes::kib(64)));
        assert_eq!("512".parse(), Ok(Bytes(512)));
    }

    #[test]
    fn bad_sizes_are_refused() {
        for text in
            ["", "KiB", "2 MB", "-1 KiB", "1.5 KiB", "99999999999999999999", "17179869184 GiB"]
        {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
