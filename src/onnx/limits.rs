//! A look over the bytes of a file before they are decoded. A message of two bytes becomes a
//! structure of hundreds, so a small hostile file could ask for gigabytes; files with more messages
//! than any network has are refused here, at the cost of skimming over them.

use super::OnnxError;

/// Most messages (nodes, attributes, tensors, inputs, outputs, dimensions) of a file. The largest
/// networks of a gigabyte have some ten thousand nodes.
pub const MOST_MESSAGES: usize = 1 << 20;

/// A kind of message: its fields that hold messages, and their kinds.
struct Kind(&'static [(u64, &'static Kind)]);

const LEAF: Kind = Kind(&[]);
const DIMENSIONS: Kind = Kind(&[(1, &LEAF)]);
const TENSOR_TYPE: Kind = Kind(&[(2, &DIMENSIONS)]);
const TYPE: Kind = Kind(&[(1, &TENSOR_TYPE)]);
const VALUE: Kind = Kind(&[(2, &TYPE)]);
const ATTRIBUTE: Kind = Kind(&[(5, &LEAF), (9, &LEAF)]);
/// Names of inputs and outputs are texts, which take space as messages do.
const NODE: Kind = Kind(&[(1, &LEAF), (2, &LEAF), (5, &ATTRIBUTE)]);
const GRAPH: Kind = Kind(&[(1, &NODE), (5, &LEAF), (11, &VALUE), (12, &VALUE), (15, &LEAF)]);
const MODEL: Kind = Kind(&[(7, &GRAPH), (8, &LEAF)]);

/// Refuses a file of too many messages. What is malformed is left to the decoder to refuse.
pub fn check(file: &[u8]) -> Result<(), OnnxError> {
    let mut count = 0;
    scan(file, &MODEL, &mut count);
    if count > MOST_MESSAGES { Err(OnnxError::TooMany) } else { Ok(()) }
}

fn scan(mut rest: &[u8], kind: &Kind, count: &mut usize) -> Option<()> {
    while !rest.is_empty() && *count <= MOST_MESSAGES {
        let tag = varint(&mut rest)?;
        let length = match tag & 7 {
            0 => {
                varint(&mut rest)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (field, after) = rest.split_at_checked(length)?;
        rest = after;
        if let Some((_, inner)) = kind.0.iter().find(|(number, _)| *number == tag >> 3) {
            *count += 1;
            scan(field, inner, count);
        }
    }
    Some(())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_messages_are_refused_before_they_are_decoded() {
        // A graph of empty nodes.
        let nodes = |count: usize| {
            let mut graph = vec![];
            for _ in 0..count {
                graph.extend([0x0a, 0]);
            }
            let mut file = vec![0x3a];
            prost::encoding::encode_varint(graph.len() as u64, &mut file);
            file.extend(graph);
            file
        };
        assert_eq!(check(&nodes(1000)), Ok(()));
        assert_eq!(check(&nodes(MOST_MESSAGES - 1)), Ok(()));
        assert_eq!(check(&nodes(MOST_MESSAGES)), Err(OnnxError::TooMany));
        assert_eq!(check(include_bytes!("../../tests/data/digits_int8.onnx")), Ok(()));
    }
}
