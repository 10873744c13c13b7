//! ONNX files: reading graphs and tensors.
