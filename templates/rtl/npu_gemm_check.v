// Whether a launch is legal, and where its first channel lies in a word. The answer takes two
// cycles, in which the launch and the registers stand still.
`default_nettype none

module npu_gemm_check #(
    parameter ROWS            = 16,
    parameter COLS            = 16,
    parameter LANES           = 16,
    parameter ACT_W           = 8,
    parameter OBUF_DEPTH      = 512,
    parameter TABLES          = 4,
    parameter ENABLE_RESIDUAL = 1,
    parameter ENABLE_LOOKUP   = 1
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        launch_valid,
    input  wire [6:0]  launch_function,
    input  wire        accumulate,
    input  wire        keep,
    input  wire        residual,
    input  wire        lookup,
    input  wire [2:0]  lookup_table,
    input  wire [95:0] count,                      // {n, kh, kw, kc, oh, ow}
    input  wire [15:0] obuf_addr,
    input  wire [15:0] out_first,
    input  wire [15:0] res_first,
    input  wire [15:0] quant_min,
    input  wire [15:0] quant_max,
    input  wire [15:0] res_clamp_min,
    input  wire [15:0] res_clamp_max,
    input  wire        accepted,                   // the launch leaves
    output wire        legal,
    output wire        illegal,
    output wire [7:0]  out_position,               // first channel, in units of COLS
    output wire [7:0]  res_position
);

    localparam [6:0]  FN_ACT      = 7'd0;
    localparam [6:0]  FN_LAST     = 7'd2;
    localparam [3:0]  TABLE_COUNT = TABLES[3:0];
    localparam [31:0] OBUF_WORDS  = OBUF_DEPTH;
    localparam ACT_GROUPS  = (ROWS > COLS) ? ROWS / COLS : 1;
    localparam WIDE_GROUPS = (LANES > COLS) ? LANES / COLS : 1;
    localparam MAX_GROUPS  = (ACT_GROUPS > WIDE_GROUPS) ? ACT_GROUPS : WIDE_GROUPS;

    wire act = (launch_function == FN_ACT);

    // {found, position} of a first channel; the blocks of a word begin at multiples of COLS.
    function [8:0] locate;
        input [15:0] first;
        input [8:0]  groups;
        integer      k;
        begin
            locate = 9'd0;
            for (k = 0; k < MAX_GROUPS; k = k + 1) begin
                if (k[8:0] < groups && {16'd0, first} == k * COLS) begin
                    locate = {1'b1, k[7:0]};
                end
            end
        end
    endfunction

    // An activation in 16 bits repeats its sign upwards.
    function beyond;
        input [15:0] value;
        begin
            beyond = (value != {{(17 - ACT_W){value[ACT_W-1]}}, value[ACT_W-2:0]});
        end
    endfunction

    wire [5:0] empty;

    genvar i;
    generate
        for (i = 0; i < 6; i = i + 1) begin : gen_count
            assign empty[i] = (count[16*i +: 16] == 16'd0);
        end
    endgenerate

    reg  [31:0] vectors_q;
    reg         bad_q;
    reg  [8:0]  out_place_q;
    reg  [8:0]  res_place_q;
    reg  [1:0]  stage_q;

    wire [32:0] obuf_end   = {1'b0, vectors_q} + {17'd0, obuf_addr};
    wire        bad_once   = (accumulate || keep) && (count[95:80] != 16'd1);
    wire        bad_clamp  = act && (beyond(quant_min) || beyond(quant_max));
    wire        bad_skip   = residual && (!act || ENABLE_RESIDUAL == 0 || beyond(res_clamp_min)
                          || beyond(res_clamp_max) || (!keep && !res_place_q[8]));
    wire        bad_lookup = lookup && (!act || ENABLE_LOOKUP == 0 || ACT_W > 8
                          || {1'b0, lookup_table} >= TABLE_COUNT);

    always @(posedge clk) begin
        vectors_q   <= {16'd0, count[15:0]} * {16'd0, count[31:16]};
        out_place_q <= locate(out_first, act ? ACT_GROUPS[8:0] : WIDE_GROUPS[8:0]);
        res_place_q <= locate(res_first, ACT_GROUPS[8:0]);
        bad_q       <= (|empty) || (launch_function > FN_LAST) || bad_once || bad_clamp
                    || bad_skip || bad_lookup || (!keep && !out_place_q[8])
                    || obuf_end[32] || (obuf_end[31:0] > OBUF_WORDS);
        if (rst || !launch_valid || accepted) begin
            stage_q <= 2'd0;
        end else if (stage_q != 2'd2) begin
            stage_q <= stage_q + 2'd1;
        end
    end

    assign legal        = launch_valid && (stage_q == 2'd2) && !bad_q;
    assign illegal      = launch_valid && (stage_q == 2'd2) && bad_q;
    assign out_position = out_place_q[7:0];
    assign res_position = res_place_q[7:0];

endmodule

`default_nettype wire
