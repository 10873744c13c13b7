//! The only definition of the instructions. Encoder, decoder, assembler, disassembler, Verilog
//! register files and constants, C header, golden register access and manual all derive from it.
//!
//! An instruction word has 64 bits and the same field positions for every design:
//!
//! ```text
//! [63:60] opcode: 0 NOP, 1 SET, 2 RUN, 3 FENCE, 4 END, 5 TAG
//! SET   [59:57] engine  [56:48] register  [47:0] value
//! RUN   [59:57] engine  [56:50] function  [49:34] wait mask  [33:18] signal mask  [17:0] flags
//! TAG   [59:57] engine  [31:0]  tag
//! NOP, FENCE, END       [59:0]  zero
//! ```
//!
//! SET addresses any engine, RUN and TAG only one with a queue.
//!
//! Bits a word does not use are zero; anything else is an illegal instruction.

use super::spec::{
    Bits, Call, Engine, EngineSpec, Field, FunctionSpec, Home, OpcodeSpec, RegisterSpec,
};

/// Version of this table; part of the fingerprint. Counts up with every change of meaning.
pub const ISA_VERSION: u32 = 4;

/// Position of the opcode in every word.
pub const OPCODE: Bits = Bits::new(60, 4);

/// Kinds of instruction and the fixed bits each of them uses.
pub mod op {
    use super::{Bits, OpcodeSpec};

    /// Engine of SET, RUN and TAG.
    pub const ENGINE: Bits = Bits::new(57, 3);
    /// Register written by SET.
    pub const SET_REGISTER: Bits = Bits::new(48, 9);
    /// Value written by SET.
    pub const SET_VALUE: Bits = Bits::new(0, 48);
    /// Function started by RUN.
    pub const RUN_FUNCTION: Bits = Bits::new(50, 7);
    /// Semaphores RUN waits for, one bit each.
    pub const RUN_WAIT: Bits = Bits::new(34, 16);
    /// Semaphores signalled when the launch retires, one bit each.
    pub const RUN_SIGNAL: Bits = Bits::new(18, 16);
    /// Launch immediate of RUN.
    pub const RUN_FLAGS: Bits = Bits::new(0, 18);
    /// Payload of TAG.
    pub const TAG_VALUE: Bits = Bits::new(0, 32);

    /// Does nothing.
    pub const NOP: OpcodeSpec =
        OpcodeSpec { number: 0, name: "nop", doc: "Does nothing.", fields: &[] };
    /// Writes a register.
    pub const SET: OpcodeSpec = OpcodeSpec {
        number: 1,
        name: "set",
        doc: "Writes one register of an engine; it keeps the value for all later launches.",
        fields: &[("engine", ENGINE), ("register", SET_REGISTER), ("value", SET_VALUE)],
    };
    /// Starts a launch.
    pub const RUN: OpcodeSpec = OpcodeSpec {
        number: 2,
        name: "run",
        doc: "Waits until every semaphore of the wait mask is above zero, decrements them in one cycle, starts the function, and increments every semaphore of the signal mask when it retires.",
        fields: &[
            ("engine", ENGINE),
            ("function", RUN_FUNCTION),
            ("wait", RUN_WAIT),
            ("signal", RUN_SIGNAL),
            ("flags", RUN_FLAGS),
        ],
    };
    /// Waits for everything.
    pub const FENCE: OpcodeSpec = OpcodeSpec {
        number: 3,
        name: "fence",
        doc: "Holds the decoder until all queues are empty and all launches retired.",
        fields: &[],
    };
    /// Ends the program.
    pub const END: OpcodeSpec = OpcodeSpec {
        number: 4,
        name: "end",
        doc: "Waits as `fence` does, then stops the machine and raises `done`.",
        fields: &[],
    };
    /// Marks a point in the trace.
    pub const TAG: OpcodeSpec = OpcodeSpec {
        number: 5,
        name: "tag",
        doc: "Records {engine, tag, cycle} when every earlier launch of the engine has retired.",
        fields: &[("engine", ENGINE), ("value", TAG_VALUE)],
    };

    /// Every kind of instruction, by number.
    pub const ALL: [&OpcodeSpec; 6] = [&NOP, &SET, &RUN, &FENCE, &END, &TAG];
}

/// Declares one engine: a module with an enum of functions, a [`Field`] constant per flag, a module
/// per register with a [`Field`] constant per field, and the table itself.
macro_rules! engine {
    (
        $module:ident, $engine:ident, $name:literal, $doc:literal;
        functions { $($f_id:ident = $f_number:literal $f_name:literal $f_doc:literal;)* }
        flags { $($g_id:ident $g_name:literal [$g_lo:literal +: $g_width:literal] $g_doc:literal;)* }
        registers {
            $($r_mod:ident = $r_number:literal $r_name:literal $r_doc:literal {
                $($d_id:ident $d_name:literal [$d_lo:literal +: $d_width:literal]
                    $d_sign:ident $d_reset:literal $d_unit:literal $d_doc:literal;)*
            })*
        }
    ) => {
        #[doc = $doc]
        pub mod $module {
            use super::*;

            /// What a launch of this engine does.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum Function {
                $(#[doc = $f_doc] $f_id,)*
            }

            impl Function {
                /// Every function, in the order of the table.
                pub const ALL: &'static [Function] = &[$(Function::$f_id,)*];

                /// Function with this number, if there is one.
                pub const fn from_number(number: u8) -> Option<Function> {
                    $(if number == $f_number { return Some(Function::$f_id); })*
                    let _ = number;
                    None
                }

                /// Name in assembly.
                pub const fn name(self) -> &'static str {
                    match self {
                        $(Function::$f_id => $f_name,)*
                    }
                }

                /// Seven-bit number in the instruction word.
                pub const fn number(self) -> u8 {
                    match self {
                        $(Function::$f_id => $f_number,)*
                    }
                }
            }

            impl From<Function> for Call {
                fn from(function: Function) -> Call {
                    Call { engine: Engine::$engine, function: function.number() }
                }
            }

            $(
                #[doc = $g_doc]
                pub const $g_id: Field = Field {
                    engine: Engine::$engine, home: Home::Launch, name: $g_name,
                    lo: $g_lo, width: $g_width, signed: false, reset: 0, unit: "", doc: $g_doc,
                };
            )*

            $(
                #[doc = $r_doc]
                pub mod $r_mod {
                    use super::*;
                    /// Number of the register.
                    pub const NUMBER: u16 = $r_number;
                    $(
                        #[doc = $d_doc]
                        pub const $d_id: Field = Field {
                            engine: Engine::$engine, home: Home::Register($r_number),
                            name: $d_name, lo: $d_lo, width: $d_width,
                            signed: sign!($d_sign), reset: $d_reset, unit: $d_unit, doc: $d_doc,
                        };
                    )*
                }
            )*

            /// The engine's part of the table.
            pub const SPEC: EngineSpec = EngineSpec {
                engine: Engine::$engine,
                name: $name,
                doc: $doc,
                functions: &[$(FunctionSpec { number: $f_number, name: $f_name, doc: $f_doc },)*],
                flags: &[$($g_id,)*],
                registers: &[$(RegisterSpec {
                    number: $r_number, name: $r_name, doc: $r_doc, fields: &[$($r_mod::$d_id,)*],
                },)*],
            };
        }
    };
}

macro_rules! sign {
    (s) => {
        true
    };
    (u) => {
        false
    };
}

/// All engines, indexed by their number.
pub const ENGINES: [&EngineSpec; 6] =
    [&ctrl::SPEC, &load::SPEC, &gemm::SPEC, &vector::SPEC, &store::SPEC, &unit::SPEC];

engine! {
    ctrl, Ctrl, "ctrl", "Decoder: declares who may use each semaphore.";
    functions {}
    flags {}
    registers {
        sem = 0 "sem" "Declares one semaphore and clears its count. Any other use of it is a fault." {
            INDEX "index" [0 +: 4] u 0 "" "Which semaphore.";
            PRODUCER "producer" [4 +: 3] u 0 "engine" "The only engine whose launches may signal it.";
            CONSUMER "consumer" [7 +: 3] u 0 "engine" "The only engine whose launches may wait for it.";
        }
    }
}

engine! {
    load, Load, "load", "Moves runs of bytes from DRAM into an on-chip buffer.";
    functions {
        Ibuf = 0 "ibuf" "Destination IBUF: words of `rows` activations.";
        Wbuf = 1 "wbuf" "Destination WBUF: weight steps; addresses wrap at the ring's end.";
        Pbuf = 2 "pbuf" "Destination PBUF: per word `cols` int32 biases, then `cols` binary32 scales.";
        Vmem = 3 "vmem" "Destination VMEM: words of `lanes` 32-bit values.";
        Table = 4 "table" "Destination lookup tables: words of four entries, 64 words a table.";
        Coeff = 5 "coeff" "Destination coefficients of the function unit: words of 32 bits, four a segment; words 0 to 2 are c0, c1, c2, word 3 is not kept.";
    }
    flags {
        CLIP "clip" [0 +: 1] "Apply `clip_y` and `clip_x`: bytes of a run that fall outside are `fill`.";
    }
    registers {
        dram = 0 "dram" "Where the first run starts." {
            OFFSET "offset" [0 +: 40] u 0 "bytes" "Offset from the base register.";
            BASE "base" [40 +: 3] u 0 "" "Base register; the transfer must stay inside its region.";
        }
        dst = 1 "dst" "Where the first word goes." {
            ADDR "addr" [0 +: 24] u 0 "words" "Word address in the destination buffer.";
        }
        shape = 2 "shape" "How the stream of bytes is cut." {
            RUN_BYTES "run_bytes" [0 +: 24] u 1 "bytes" "Contiguous bytes per run, at least 1.";
            GROUP_BYTES "group_bytes" [24 +: 24] u 1 "bytes" "The concatenated runs are cut into groups of this many bytes; each group is padded with `fill` to whole words.";
        }
        loop0 = 3 "loop0" "Innermost loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        loop1 = 4 "loop1" "Second loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        loop2 = 5 "loop2" "Third loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        loop3 = 6 "loop3" "Outermost loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        word0 = 7 "word0" "Innermost loop over destination words." {
            COUNT "count" [0 +: 24] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [24 +: 24] s 1 "words" "Buffer distance of consecutive iterations.";
        }
        word1 = 8 "word1" "Second loop over destination words." {
            COUNT "count" [0 +: 24] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [24 +: 24] s 0 "words" "Buffer distance of consecutive iterations.";
        }
        word2 = 9 "word2" "Third loop over destination words." {
            COUNT "count" [0 +: 24] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [24 +: 24] s 0 "words" "Buffer distance of consecutive iterations.";
        }
        word3 = 10 "word3" "Outermost loop over destination words; runs until the runs are used up." {
            STRIDE "stride" [24 +: 24] s 0 "words" "Buffer distance of consecutive iterations.";
        }
        fill = 11 "fill" "Padding." {
            VALUE "value" [0 +: 16] u 0 "" "Low byte at even, high byte at odd positions of a group.";
        }
        clip_y = 12 "clip_y" "Vertical coordinate of the runs." {
            START "start" [0 +: 16] s 0 "" "Coordinate of the first run.";
            LIMIT "limit" [16 +: 16] u 65535 "" "Runs with a coordinate outside [0, limit) are all `fill`.";
        }
        clip_x = 13 "clip_x" "Horizontal coordinate of a run's first byte." {
            START "start" [0 +: 24] s 0 "bytes" "Coordinate of the first byte of the first run.";
            LIMIT "limit" [24 +: 24] u 16777215 "bytes" "Bytes with a coordinate outside [0, limit) are `fill`.";
        }
        step_y = 14 "step_y" "Vertical step of each run loop." {
            S0 "s0" [0 +: 12] s 0 "" "Step of loop0.";
            S1 "s1" [12 +: 12] s 0 "" "Step of loop1.";
            S2 "s2" [24 +: 12] s 0 "" "Step of loop2.";
            S3 "s3" [36 +: 12] s 0 "" "Step of loop3.";
        }
        step_x = 15 "step_x" "Horizontal step of each run loop." {
            S0 "s0" [0 +: 12] s 0 "bytes" "Step of loop0.";
            S1 "s1" [12 +: 12] s 0 "bytes" "Step of loop1.";
            S2 "s2" [24 +: 12] s 0 "bytes" "Step of loop2.";
            S3 "s3" [36 +: 12] s 0 "bytes" "Step of loop3.";
        }
    }
}

engine! {
    gemm, Gemm, "gemm", "Streams activations through weight-stationary tiles, accumulates and post-processes.";
    functions {
        Act = 0 "act" "Requantized activations to IBUF.";
        Int32 = 1 "int32" "acc + bias to VMEM as int32.";
        Float32 = 2 "float32" "f32(acc + bias) * scale to VMEM as binary32.";
    }
    flags {
        ACCUMULATE "accumulate" [0 +: 1] "The first reduction pass adds to OBUF instead of replacing it.";
        KEEP "keep" [1 +: 1] "The last reduction pass stays in OBUF; nothing is written out.";
        RESIDUAL "residual" [2 +: 1] "Add a second tensor after requantization (`act` only).";
        LOOKUP "lookup" [3 +: 1] "Send the result through a lookup table (`act` only).";
        TABLE "table" [4 +: 3] "Which lookup table.";
    }
    registers {
        x = 0 "x" "First activation." {
            ADDR "addr" [0 +: 24] u 0 "words" "IBUF address of index zero of every loop; modulo 2^24, so it may lie before the tensor.";
        }
        ow = 1 "ow" "Innermost loop: output column (one activation word per cycle)." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "IBUF distance of consecutive iterations.";
        }
        oh = 2 "oh" "Loop over output rows; ow x oh is the number of vectors per pass, at most the depth of OBUF." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "IBUF distance of consecutive iterations.";
        }
        kc = 3 "kc" "Reduction loop over blocks of `rows` input channels." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "IBUF distance of consecutive iterations.";
        }
        kw = 4 "kw" "Reduction loop over kernel columns." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "IBUF distance of consecutive iterations.";
        }
        kh = 5 "kh" "Reduction loop over kernel rows." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "IBUF distance of consecutive iterations.";
        }
        n = 6 "n" "Outermost loop over blocks of `cols` output channels; 1 with `accumulate` or `keep`." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "IBUF distance of consecutive iterations.";
        }
        window_y = 7 "window_y" "Vertical coordinate of the activation." {
            START "start" [0 +: 16] s 0 "" "Coordinate at index zero of every loop (minus the top padding).";
            LIMIT "limit" [16 +: 16] u 65535 "" "Height; outside [0, limit) the activation is `pad`.";
            STEP_OH "step_oh" [32 +: 8] u 0 "" "Convolution stride.";
            STEP_KH "step_kh" [40 +: 8] u 0 "" "Dilation.";
        }
        window_x = 8 "window_x" "Horizontal coordinate of the activation." {
            START "start" [0 +: 16] s 0 "" "Coordinate at index zero of every loop (minus the left padding).";
            LIMIT "limit" [16 +: 16] u 65535 "" "Width; outside [0, limit) the activation is `pad`.";
            STEP_OW "step_ow" [32 +: 8] u 0 "" "Convolution stride.";
            STEP_KW "step_kw" [40 +: 8] u 0 "" "Dilation.";
        }
        pad = 9 "pad" "Activation outside the window." {
            VALUE "value" [0 +: 16] s 0 "" "Zero point of the input.";
        }
        w = 10 "w" "Weights." {
            ADDR "addr" [0 +: 24] u 0 "words" "WBUF address of the first tile; the tiles of all passes follow each other and wrap at the ring's end.";
        }
        obuf = 11 "obuf" "Accumulators." {
            ADDR "addr" [0 +: 16] u 0 "vectors" "OBUF address of the first vector.";
        }
        param = 12 "param" "Per-channel parameters." {
            ADDR "addr" [0 +: 16] u 0 "words" "PBUF word of the first block of `cols` output channels; one word a block.";
        }
        out = 13 "out" "Output tensor, in IBUF or VMEM." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address of the first word.";
            FIRST "first" [24 +: 16] u 0 "elements" "Position of the first channel in its word; a multiple of `cols`.";
        }
        out_stride = 14 "out_stride" "Output strides inside a channel block." {
            OW "ow" [0 +: 24] s 1 "words" "Distance of output columns.";
            OH "oh" [24 +: 24] s 0 "words" "Distance of output rows.";
        }
        out_block = 15 "out_block" "Output stride across channels." {
            STRIDE "stride" [0 +: 24] s 0 "words" "Distance of consecutive channel blocks of one buffer word.";
        }
        res = 16 "res" "Residual tensor in IBUF." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address of the first word.";
            FIRST "first" [24 +: 16] u 0 "elements" "Position of the first channel in its word; a multiple of `cols`.";
        }
        res_stride = 17 "res_stride" "Residual strides inside a channel block." {
            OW "ow" [0 +: 24] s 1 "words" "Distance of output columns.";
            OH "oh" [24 +: 24] s 0 "words" "Distance of output rows.";
        }
        res_block = 18 "res_block" "Residual stride across channels." {
            STRIDE "stride" [0 +: 24] s 0 "words" "Distance of consecutive channel blocks.";
        }
        quant = 19 "quant" "First requantization." {
            ZERO "zero" [0 +: 16] s 0 "" "Zero point of the result.";
            MIN "min" [16 +: 16] s -128 "" "Lower clamp.";
            MAX "max" [32 +: 16] s 127 "" "Upper clamp.";
        }
        res_clamp = 20 "res_clamp" "Limits of the residual addition's result." {
            MIN "min" [0 +: 16] s -128 "" "Lower clamp.";
            MAX "max" [16 +: 16] s 127 "" "Upper clamp.";
        }
        res_scale_a = 21 "res_scale_a" "Requantized result in the residual addition." {
            VALUE "value" [0 +: 32] u 0x3f80_0000 "binary32" "Bits of its scale.";
        }
        res_scale_b = 22 "res_scale_b" "Residual tensor in the residual addition." {
            VALUE "value" [0 +: 32] u 0x3f80_0000 "binary32" "Bits of its scale.";
        }
        res_offset = 23 "res_offset" "What the residual addition begins with." {
            VALUE "value" [0 +: 32] u 0 "binary32" "Bits of the offset: all zero points in one number.";
            INNER "inner" [32 +: 1] u 0 "" "Which product is added to it first: 0 that of res_scale_b, 1 that of res_scale_a.";
        }
    }
}

engine! {
    vector, Vector, "vector", "One operation over a loop nest, memory to memory, one word of `lanes` values per cycle.";
    functions {
        Move = 0 "move" "a";
        Add = 1 "add" "a + b, wrapping";
        Sub = 2 "sub" "a - b, wrapping";
        Mul = 3 "mul" "low 32 bits of a * b";
        Max = 4 "max" "larger of a and b";
        Min = 5 "min" "smaller of a and b";
        Abs = 6 "abs" "magnitude of a; of -2^31 it is -2^31";
        Neg = 7 "neg" "-a, wrapping";
        And = 8 "and" "a & b";
        Or = 9 "or" "a | b";
        Xor = 10 "xor" "a ^ b";
        Not = 11 "not" "~a";
        Shl = 12 "shl" "a << (b mod 32)";
        Shr = 13 "shr" "a >> (b mod 32), arithmetic";
        Shru = 14 "shru" "a >> (b mod 32), logical";
        Eq = 15 "eq" "1 where a = b, else 0";
        Lt = 16 "lt" "1 where a < b, signed, else 0";
        Le = 17 "le" "1 where a <= b, signed, else 0";
        Select = 18 "select" "b where a is not 0, else `imm`";
        Depthwise = 19 "depthwise" "Sliding-window sum over kernel rows: see `taps`.";
        Fadd = 20 "fadd" "a + b, binary32";
        Fsub = 21 "fsub" "a - b, binary32";
        Fmul = 22 "fmul" "a * b, binary32";
        Fmax = 23 "fmax" "larger of a and b, binary32; beside a NaN the other operand";
        Fmin = 24 "fmin" "smaller of a and b, binary32; beside a NaN the other operand";
        Feq = 25 "feq" "1 where a = b, binary32, else 0";
        Flt = 26 "flt" "1 where a < b, binary32, else 0";
        Fle = 27 "fle" "1 where a <= b, binary32, else 0";
        I2f = 28 "i2f" "int32 a to binary32, round half to even";
        F2i = 29 "f2i" "binary32 a to int32, round half to even, saturating; a NaN gives 0";
        Fabs = 30 "fabs" "magnitude of a, binary32";
        Fneg = 31 "fneg" "-a, binary32";
        Fsqr = 32 "fsqr" "a * a, binary32";
        Function = 33 "function" "Piecewise quadratic function of a, binary32: see `function`.";
    }
    flags {
        SRC1 "src1" [0 +: 1] "Where a comes from: 0 IBUF (activations, sign-extended), 1 VMEM (int32).";
        SRC2 "src2" [1 +: 2] "Where b comes from: 0 register `imm`, 1 IBUF, 2 VMEM.";
        DST "dst" [3 +: 2] "Where the result goes: 0 IBUF, 1 VMEM, 2 WBUF, 3 WBUF through the transposer.";
        REDUCE "reduce" [5 +: 2] "Reduction of the innermost loops: 0 none, 1 sum, 2 maximum, 3 minimum.";
        LEVELS "levels" [7 +: 2] "How many innermost loops the reduction spans, less one.";
        CHANNEL "channel" [9 +: 1] "Bias and scale per lane from VMEM (`param`) instead of `bias` and `scale`.";
        RESIDUAL "residual" [10 +: 1] "b does not enter the operation (it sees `imm`) but the residual addition.";
        LOOKUP "lookup" [11 +: 1] "Send the result through a lookup table.";
        TABLE "table" [12 +: 3] "Which lookup table.";
        FORMAT "format" [15 +: 2] "Result: 0 requantized activation, 1 int32 (acc + bias), 2 binary32 (f32(acc + bias) * scale); 0 goes with IBUF and WBUF, 1 and 2 with VMEM.";
    }
    registers {
        loop0 = 0 "loop0" "Innermost loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop1 = 1 "loop1" "Second loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop2 = 2 "loop2" "Third loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop3 = 3 "loop3" "Fourth loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop4 = 4 "loop4" "Fifth loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop5 = 5 "loop5" "Outermost loop; `param` advances with it." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        src1 = 6 "src1" "Operand a." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address at index zero of every loop, modulo 2^24.";
        }
        src2 = 7 "src2" "Operand b." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address at index zero of every loop, modulo 2^24.";
        }
        dst = 8 "dst" "Result." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address at index zero of every loop, modulo 2^24.";
        }
        src2_01 = 9 "src2_01" "Strides of b." {
            S0 "s0" [0 +: 24] s 0 "words" "Stride of loop0.";
            S1 "s1" [24 +: 24] s 0 "words" "Stride of loop1.";
        }
        src2_23 = 10 "src2_23" "Strides of b." {
            S2 "s2" [0 +: 24] s 0 "words" "Stride of loop2.";
            S3 "s3" [24 +: 24] s 0 "words" "Stride of loop3.";
        }
        src2_45 = 11 "src2_45" "Strides of b." {
            S4 "s4" [0 +: 24] s 0 "words" "Stride of loop4.";
            S5 "s5" [24 +: 24] s 0 "words" "Stride of loop5.";
        }
        dst_01 = 12 "dst_01" "Strides of the result; those of reduced loops are not used." {
            S0 "s0" [0 +: 24] s 0 "words" "Stride of loop0.";
            S1 "s1" [24 +: 24] s 0 "words" "Stride of loop1.";
        }
        dst_23 = 13 "dst_23" "Strides of the result." {
            S2 "s2" [0 +: 24] s 0 "words" "Stride of loop2.";
            S3 "s3" [24 +: 24] s 0 "words" "Stride of loop3.";
        }
        dst_45 = 14 "dst_45" "Strides of the result." {
            S4 "s4" [0 +: 24] s 0 "words" "Stride of loop4.";
            S5 "s5" [24 +: 24] s 0 "words" "Stride of loop5.";
        }
        window_y = 15 "window_y" "Vertical coordinate of a." {
            START "start" [0 +: 16] s 0 "" "Coordinate at index zero of every loop.";
            LIMIT "limit" [16 +: 16] u 65535 "" "Outside [0, limit) a is `pad`.";
        }
        window_x = 16 "window_x" "Horizontal coordinate of a." {
            START "start" [0 +: 16] s 0 "" "Coordinate at index zero of every loop.";
            LIMIT "limit" [16 +: 16] u 65535 "" "Outside [0, limit) a is `pad`.";
        }
        step_y = 17 "step_y" "Vertical step of each loop." {
            S0 "s0" [0 +: 8] s 0 "" "Step of loop0.";
            S1 "s1" [8 +: 8] s 0 "" "Step of loop1.";
            S2 "s2" [16 +: 8] s 0 "" "Step of loop2.";
            S3 "s3" [24 +: 8] s 0 "" "Step of loop3.";
            S4 "s4" [32 +: 8] s 0 "" "Step of loop4.";
            S5 "s5" [40 +: 8] s 0 "" "Step of loop5.";
        }
        step_x = 18 "step_x" "Horizontal step of each loop." {
            S0 "s0" [0 +: 8] s 0 "" "Step of loop0.";
            S1 "s1" [8 +: 8] s 0 "" "Step of loop1.";
            S2 "s2" [16 +: 8] s 0 "" "Step of loop2.";
            S3 "s3" [24 +: 8] s 0 "" "Step of loop3.";
            S4 "s4" [32 +: 8] s 0 "" "Step of loop4.";
            S5 "s5" [40 +: 8] s 0 "" "Step of loop5.";
        }
        imm = 19 "imm" "Scalar operand b." {
            VALUE "value" [0 +: 32] s 0 "" "Broadcast to all lanes.";
        }
        pad = 20 "pad" "Operand a outside the window." {
            VALUE "value" [0 +: 32] s 0 "" "Broadcast to all lanes.";
        }
        bias = 21 "bias" "Scalar bias." {
            VALUE "value" [0 +: 32] s 0 "" "Added to every result.";
        }
        scale = 22 "scale" "Scalar requantization scale." {
            VALUE "value" [0 +: 32] u 0x3f80_0000 "binary32" "Bits of the scale.";
        }
        param = 23 "param" "Per-lane bias and scale." {
            ADDR "addr" [0 +: 24] u 0 "words" "VMEM word of the biases; the scales follow; the next pair belongs to the next iteration of loop5.";
        }
        quant = 24 "quant" "Requantization." {
            ZERO "zero" [0 +: 16] s 0 "" "Zero point of the result.";
            MIN "min" [16 +: 16] s -128 "" "Lower clamp.";
            MAX "max" [32 +: 16] s 127 "" "Upper clamp.";
        }
        res_clamp = 25 "res_clamp" "Limits of the residual addition's result." {
            MIN "min" [0 +: 16] s -128 "" "Lower clamp.";
            MAX "max" [16 +: 16] s 127 "" "Upper clamp.";
        }
        res_scale_a = 26 "res_scale_a" "Requantized result in the residual addition." {
            VALUE "value" [0 +: 32] u 0x3f80_0000 "binary32" "Bits of its scale.";
        }
        res_scale_b = 27 "res_scale_b" "Operand b in the residual addition." {
            VALUE "value" [0 +: 32] u 0x3f80_0000 "binary32" "Bits of its scale.";
        }
        res_offset = 28 "res_offset" "What the residual addition begins with." {
            VALUE "value" [0 +: 32] u 0 "binary32" "Bits of the offset: all zero points in one number.";
            INNER "inner" [32 +: 1] u 0 "" "Which product is added to it first: 0 that of res_scale_b, 1 that of res_scale_a.";
        }
        taps = 29 "taps" "Sliding window of `depthwise`." {
            STRIDE "stride" [0 +: 4] u 1 "" "Output every so many positions, at least 1.";
            TAP_STRIDE "tap_stride" [4 +: 24] s 1 "words" "Distance of the weights of consecutive taps in the buffer of b.";
            OUT_STRIDE "out_stride" [28 +: 20] s 1 "words" "Distance of consecutive outputs of a row.";
        }
        reduction = 30 "reduction" "How results are reduced, besides the flags `reduce` and `levels`." {
            ACROSS "across" [0 +: 1] u 0 "" "Combine the lanes of each result; every lane gets the outcome.";
            INTERLEAVE "interleave" [1 +: 1] u 0 "" "loop0 is free and each of its iterations has an accumulator; the reduction spans loop1 and up.";
        }
        function = 31 "function" "Argument and table of `function`." {
            MODE "mode" [0 +: 3] u 0 "" "Argument: 0 period (2^x), 1 mantissa, 2 reciprocal, 3 root (reciprocal), 4 octaves.";
            BASE "base" [3 +: 16] u 0 "segments" "First segment of the table.";
            BITS "bits" [19 +: 4] u 0 "" "Binary logarithm of the segments of a period, a mantissa or an octave; at most 12.";
            LOW "low" [23 +: 8] u 0 "" "Octaves: biased exponent of the lowest.";
            OCTAVES "octaves" [31 +: 8] u 0 "" "Octaves: how many for each sign.";
        }
    }
}

engine! {
    store, Store, "store", "Moves words of an on-chip buffer to runs of bytes in DRAM.";
    functions {
        Ibuf = 0 "ibuf" "Source IBUF.";
        Vmem = 1 "vmem" "Source VMEM.";
    }
    flags {}
    registers {
        dram = 0 "dram" "Where the first run starts." {
            OFFSET "offset" [0 +: 40] u 0 "bytes" "Offset from the base register.";
            BASE "base" [40 +: 3] u 0 "" "Base register; the transfer must stay inside its region.";
        }
        src = 1 "src" "First word." {
            ADDR "addr" [0 +: 24] u 0 "words" "Word address in the source buffer.";
        }
        shape = 2 "shape" "How the stream of bytes is cut." {
            RUN_BYTES "run_bytes" [0 +: 24] u 1 "bytes" "Contiguous bytes per run, at least 1.";
            GROUP_BYTES "group_bytes" [24 +: 24] u 1 "bytes" "Of each group of ceil(group_bytes / word bytes) words only the first group_bytes are sent.";
        }
        loop0 = 3 "loop0" "Innermost loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        loop1 = 4 "loop1" "Second loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        loop2 = 5 "loop2" "Third loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        loop3 = 6 "loop3" "Outermost loop over runs." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 32] s 0 "bytes" "DRAM distance of consecutive iterations.";
        }
        word0 = 7 "word0" "Innermost loop over source words." {
            COUNT "count" [0 +: 24] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [24 +: 24] s 1 "words" "Buffer distance of consecutive iterations.";
        }
        word1 = 8 "word1" "Second loop over source words." {
            COUNT "count" [0 +: 24] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [24 +: 24] s 0 "words" "Buffer distance of consecutive iterations.";
        }
        word2 = 9 "word2" "Third loop over source words." {
            COUNT "count" [0 +: 24] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [24 +: 24] s 0 "words" "Buffer distance of consecutive iterations.";
        }
        word3 = 10 "word3" "Outermost loop over source words; runs until the runs are used up." {
            STRIDE "stride" [24 +: 24] s 0 "words" "Buffer distance of consecutive iterations.";
        }
    }
}

engine! {
    unit, Unit, "unit", "Streams words through a compute unit of the configuration (`extensions.units`), memory to memory. Designs without units do not have this engine.";
    functions {}
    flags {
        SRC1 "src1" [0 +: 1] "Where a comes from: 0 IBUF (activations, sign-extended), 1 VMEM (int32).";
        SRC2 "src2" [1 +: 1] "Where b comes from: 0 IBUF, 1 VMEM.";
        DST "dst" [2 +: 1] "Where results go: 0 IBUF (clamped to an activation), 1 VMEM.";
        GROUP "group" [3 +: 2] "How many innermost loops make a group, 0 to 3: the unit takes the elements of a group and gives its outputs.";
        SPREAD "spread" [5 +: 1] "loop0 walks through the lanes of a word of a: all lanes get the value of lane i in iteration i.";
    }
    registers {
        loop0 = 0 "loop0" "Innermost loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop1 = 1 "loop1" "Second loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop2 = 2 "loop2" "Third loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        loop3 = 3 "loop3" "Outermost loop." {
            COUNT "count" [0 +: 16] u 1 "" "Iterations, at least 1.";
            STRIDE "stride" [16 +: 24] s 0 "words" "Distance of a in its buffer.";
        }
        src1 = 4 "src1" "Operand a." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address of index zero of every loop: IBUF in lane words, VMEM in words.";
        }
        src2 = 5 "src2" "Operand b." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address of index zero of every loop.";
        }
        dst = 6 "dst" "Outputs." {
            ADDR "addr" [0 +: 24] u 0 "words" "Address of the first output of the first group.";
            NEXT "next" [24 +: 24] s 1 "words" "Distance from an output of a group to the next.";
        }
        src2_01 = 7 "src2_01" "Strides of b, inner loops." {
            S0 "s0" [0 +: 24] s 0 "words" "Stride of loop0.";
            S1 "s1" [24 +: 24] s 0 "words" "Stride of loop1.";
        }
        src2_23 = 8 "src2_23" "Strides of b, outer loops." {
            S2 "s2" [0 +: 24] s 0 "words" "Stride of loop2.";
            S3 "s3" [24 +: 24] s 0 "words" "Stride of loop3.";
        }
        dst_01 = 9 "dst_01" "Strides of the outputs, inner loops; those of a group's loops mean nothing." {
            S0 "s0" [0 +: 24] s 0 "words" "Stride of loop0.";
            S1 "s1" [24 +: 24] s 0 "words" "Stride of loop1.";
        }
        dst_23 = 10 "dst_23" "Strides of the outputs, outer loops." {
            S2 "s2" [0 +: 24] s 0 "words" "Stride of loop2.";
            S3 "s3" [24 +: 24] s 0 "words" "Stride of loop3.";
        }
        p0 = 11 "p0" "Parameter 0 of the unit." {
            VALUE "value" [0 +: 32] s 0 "" "32 bits; what they mean is the unit's business.";
        }
        p1 = 12 "p1" "Parameter 1 of the unit." {
            VALUE "value" [0 +: 32] s 0 "" "32 bits; what they mean is the unit's business.";
        }
        p2 = 13 "p2" "Parameter 2 of the unit." {
            VALUE "value" [0 +: 32] s 0 "" "32 bits; what they mean is the unit's business.";
        }
        p3 = 14 "p3" "Parameter 3 of the unit." {
            VALUE "value" [0 +: 32] s 0 "" "32 bits; what they mean is the unit's business.";
        }
    }
}
