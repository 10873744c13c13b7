// Whether a launch is legal: see the list under VECTOR in the machine's description.
`default_nettype none

module npu_vector_check #(
    parameter ACT_W                  = 8,
    parameter TAPS                   = 3,
    parameter ACC_DEPTH              = 512,
    parameter TABLES                 = 4,
    parameter ENABLE_RESIDUAL        = 1,
    parameter ENABLE_LOOKUP          = 1,
    parameter ENABLE_DYNAMIC_WEIGHTS = 1,
    parameter ENABLE_FLOAT           = 0,
    parameter SEGMENTS               = 0
) (
    input  wire [6:0]  launch_function,
    input  wire        is_float,                   // its values are binary32
    input  wire [1:0]  src2,
    input  wire [1:0]  dst,
    input  wire [1:0]  reduce,
    input  wire        interleave,                 // these two say nothing in depthwise
    input  wire        across,
    input  wire        residual,
    input  wire        lookup,
    input  wire [2:0]  lookup_table,
    input  wire [1:0]  format,
    input  wire [95:0] count,
    input  wire [15:0] quant_min,
    input  wire [15:0] quant_max,
    input  wire [15:0] res_clamp_min,
    input  wire [15:0] res_clamp_max,
    input  wire [3:0]  taps_stride,
    input  wire [2:0]  function_mode,
    input  wire [3:0]  function_bits,
    output wire        illegal
);

    localparam [6:0]  FN_DEPTHWISE = 7'd19;
    localparam [6:0]  FN_FADD      = 7'd20;        // the first of binary32
    localparam [6:0]  FN_FUNCTION  = 7'd33;        // the last of binary32
    localparam [2:0]  MODE_LAST    = 3'd4;
    localparam [3:0]  BITS_LAST    = 4'd12;
    localparam [1:0]  REDUCE_NONE  = 2'd0;
    localparam [1:0]  REDUCE_SUM   = 2'd1;
    localparam [1:0]  SRC2_IMM     = 2'd0;
    localparam [1:0]  SRC2_IBUF    = 2'd1;
    localparam [1:0]  SRC2_VMEM    = 2'd2;
    localparam [1:0]  DST_VMEM     = 2'd1;
    localparam [1:0]  FORMAT_ACT   = 2'd0;
    localparam [1:0]  FORMAT_LAST  = 2'd2;
    localparam [15:0] TAP_COUNT    = TAPS[15:0];
    localparam [3:0]  TABLE_COUNT  = TABLES[3:0];
    localparam [19:0] ACC_WORDS    = ACC_DEPTH[19:0];

    wire depthwise = (launch_function == FN_DEPTHWISE);
    wire act       = (format == FORMAT_ACT);
    wire [5:0] empty;

    genvar i;
    generate
        for (i = 0; i < 6; i = i + 1) begin : gen_count
            assign empty[i] = (count[16*i +: 16] == 16'd0);
        end
    endgenerate

    // An activation in 16 bits repeats its sign upwards.
    wire bad_clamp = beyond(quant_min) || beyond(quant_max);
    wire bad_res   = beyond(res_clamp_min) || beyond(res_clamp_max);

    function beyond;
        input [15:0] value;
        begin
            beyond = (value != {{(17 - ACT_W){value[ACT_W-1]}}, value[ACT_W-2:0]});
        end
    endfunction

    // Outputs of a row: (positions - taps) div stride + 1 fit when positions - taps is below
    // stride times the depth.
    wire [15:0] positions = count[15:0];
    wire [19:0] room      = {16'd0, taps_stride} * ACC_WORDS;
    wire        short_row = (positions < TAP_COUNT);
    wire        long_row  = ({4'd0, positions} - {4'd0, TAP_COUNT} >= room);

    // The decoder knows which functions there are, the design which of them it has.
    wire of_float     = (launch_function >= FN_FADD) && (launch_function <= FN_FUNCTION);
    wire bad_function = (of_float && ENABLE_FLOAT == 0)
                     || (launch_function == FN_FUNCTION && SEGMENTS == 0);

    wire bad_shape  = depthwise && (short_row || long_row);   // no room at all without a stride
    wire bad_place  = dst[1] && (ENABLE_DYNAMIC_WEIGHTS == 0);
    wire bad_format = (format > FORMAT_LAST) || (act == (dst == DST_VMEM));
    wire bad_second = !depthwise && (src2 != SRC2_IMM) && (src2 != SRC2_IBUF)
                   && (src2 != SRC2_VMEM);
    wire bad_skip   = residual && (ENABLE_RESIDUAL == 0 || depthwise || !act
                   || src2 != SRC2_IBUF || bad_res);
    wire bad_lookup = lookup && (ENABLE_LOOKUP == 0 || ACT_W > 8 || !act
                   || {1'b0, lookup_table} >= TABLE_COUNT);

    // A sum of binary32 takes several cycles, so consecutive values cannot join the same one.
    wire reduces         = (reduce != REDUCE_NONE);
    wire many            = ({4'd0, positions} > ACC_WORDS);
    wire bad_grouping    = (interleave || across) && !depthwise
                        && (ENABLE_FLOAT == 0 || !reduces);
    wire bad_interleave  = interleave && !depthwise && many;
    wire bad_sum         = is_float && (reduce == REDUCE_SUM) && !interleave;
    wire bad_settings    = (SEGMENTS != 0) && (launch_function == FN_FUNCTION)
                        && (function_mode > MODE_LAST || function_bits > BITS_LAST);
    wire bad_reduction   = bad_grouping || bad_interleave || bad_sum;

    assign illegal = (|empty) || bad_function || bad_shape || bad_place
                  || bad_format || bad_second || bad_skip || bad_lookup || (act && bad_clamp)
                  || bad_reduction || bad_settings;

endmodule

`default_nettype wire
