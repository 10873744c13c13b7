// Post-processor: LANES lanes, one vector per cycle, no stall. What a launch sets stands in a
// table of contexts, read once per stage and broadcast to all lanes; a vector carries only its
// context's index. Formats: 0 activation, 1 int32, 2 binary32. With FLOAT a context may say that
// its accumulators are binary32 numbers: they take no bias and need no conversion.
//
// `acc` and `bias` come with in_valid; `scale` 4 cycles later (SCALE_DELAY, when the stage needs
// it); `skip` in the cycle of skip_take, which pops one vector's skip activations in order. The
// result leaves with out_valid after a latency that is the same for all vectors. A context must
// not be written while a vector of it is inside.
`default_nettype none

module npu_post #(
    parameter LANES           = 16,
    parameter ACT_W           = 8,
    parameter TABLES          = 4,
    parameter ENABLE_RESIDUAL = 1,
    parameter ENABLE_LOOKUP   = 1,                 // needs ACT_W of at most 8
    parameter FLOAT           = 0
) (
    input  wire                   clk,
    input  wire                   rst,

    input  wire                   context_write,
    input  wire [1:0]             context_index,
    input  wire [1:0]             context_format,
    input  wire                   context_is_float,
    input  wire                   context_residual,
    input  wire                   context_lookup,
    input  wire [2:0]             context_table,
    input  wire [15:0]            context_zero,
    input  wire [15:0]            context_min,
    input  wire [15:0]            context_max,
    input  wire [31:0]            context_scale_a,
    input  wire [31:0]            context_scale_b,
    input  wire [31:0]            context_offset,
    input  wire                   context_inner,   // the offset goes with: 0 skip, 1 the activation
    input  wire [15:0]            context_res_min,
    input  wire [15:0]            context_res_max,

    input  wire                   table_wr_en,
    input  wire [23:0]            table_wr_addr,
    input  wire [31:0]            table_wr_data,

    input  wire                   in_valid,
    input  wire [1:0]             in_context,
    input  wire [LANES*32-1:0]    acc,
    input  wire [LANES*32-1:0]    bias,
    input  wire [LANES*32-1:0]    scale,
    output wire                   skip_take,
    input  wire [LANES*ACT_W-1:0] skip,

    output wire                   out_valid,
    output wire [1:0]             out_context,
    output wire [1:0]             out_format,
    output wire [LANES*ACT_W-1:0] out_act,         // format 0
    output wire [LANES*32-1:0]    out_wide         // formats 1 and 2
);

    localparam LANE_STAGES  = 26;
    localparam ST_NUMBER    = 4;                   // the product takes its operands
    localparam ST_PRODUCT   = 7;                   // first cycle in which the product stands
    localparam ST_CLAMP     = 9;
    localparam ST_ACT       = 10;
    localparam ST_OFFSET    = 11;
    localparam ST_OUTER     = 16;
    localparam ST_RES_CLAMP = 25;
    localparam HAS_LOOKUP   = (ENABLE_LOOKUP != 0 && ACT_W <= 8) ? 1 : 0;
    localparam ST_FINAL     = (ENABLE_RESIDUAL != 0) ? LANE_STAGES : ST_ACT;
    localparam ST_OUT       = ST_FINAL + HAS_LOOKUP;

    // What must be known of a vector's launch at each stage: its index travels, the rest is read.
    reg  [ST_OUT:1]           valid_q;
    reg  [2*ST_OUT+1:2]       index_q;
    wire [ST_OUT:0]           valid = {valid_q, in_valid};
    wire [2*ST_OUT+1:0]       index = {index_q, in_context};

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {ST_OUT{1'b0}};
        end else begin
            valid_q <= valid[ST_OUT-1:0];
        end
        index_q <= index[2*ST_OUT-1:0];
    end

    reg [1:0]  format_q    [0:3];
    reg        residual_q  [0:3];
    reg        lookup_q    [0:3];
    reg [2:0]  table_q     [0:3];
    reg [47:0] quant_q     [0:3];                  // {max, min, zero}
    reg [32:0] inner_q     [0:3];                  // {is the activation's, scale}
    reg [31:0] offset_q    [0:3];
    reg [31:0] outer_q     [0:3];
    reg [31:0] res_clamp_q [0:3];                  // {max, min}

    always @(posedge clk) begin
        if (context_write) begin
            format_q[context_index]    <= context_format;
            residual_q[context_index]  <= context_residual;
            lookup_q[context_index]    <= context_lookup;
            table_q[context_index]     <= context_table;
            quant_q[context_index]     <= {context_max, context_min, context_zero};
            inner_q[context_index]     <= {context_inner,
                                           context_inner ? context_scale_a : context_scale_b};
            offset_q[context_index]    <= context_offset;
            outer_q[context_index]     <= context_inner ? context_scale_b : context_scale_a;
            res_clamp_q[context_index] <= {context_res_max, context_res_min};
        end
    end

    wire [1:0]  format_sum     = format_q[index[2*1 +: 2]];
    wire [1:0]  format_product = format_q[index[2*ST_PRODUCT +: 2]];
    wire [1:0]  format_final   = format_q[index[2*ST_FINAL +: 2]];
    wire [47:0] quant          = quant_q[index[2*ST_CLAMP +: 2]];

    wire [LANE_STAGES-1:0] enable;
    wire [32:0]            inner;
    wire [31:0]            offset;
    wire [31:0]            outer_scale;
    wire [31:0]            res_clamp;

    assign enable[ST_CLAMP:0] = valid[ST_CLAMP:0];

    wire                   acc_is_float;
    wire                   number_is_float;
    wire [LANES*32-1:0]    number;
    wire [LANES*32-1:0]    sum;
    wire [LANES*32-1:0]    product;
    wire [LANES*ACT_W-1:0] act;
    wire [LANES*ACT_W-1:0] res_act;
    wire [LANES*ACT_W-1:0] final_act;

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            npu_post_lane #(
                .ACT_W           (ACT_W),
                .ENABLE_RESIDUAL (ENABLE_RESIDUAL),
                .FLOAT           (FLOAT)
            ) u_lane (
                .clk             (clk),
                .enable          (enable),
                .acc             (acc[32*i +: 32]),
                .bias            (bias[32*i +: 32]),
                .acc_is_float    (acc_is_float),
                .number_is_float (number_is_float),
                .number          (number[32*i +: 32]),
                .scale           (scale[32*i +: 32]),
                .zero_clamp      (quant[15:0]),
                .min_clamp       (quant[31:16]),
                .max_clamp       (quant[47:32]),
                .skip            (skip[ACT_W*i +: ACT_W]),
                .act_is_inner    (inner[32]),
                .inner_scale     (inner[31:0]),
                .offset          (offset),
                .outer_scale     (outer_scale),
                .res_min         (res_clamp[15:0]),
                .res_max         (res_clamp[31:16]),
                .sum             (sum[32*i +: 32]),
                .product         (product[32*i +: 32]),
                .act             (act[ACT_W*i +: ACT_W]),
                .res_act         (res_act[ACT_W*i +: ACT_W])
            );
        end

        if (ENABLE_RESIDUAL != 0) begin : gen_residual
            reg  [ST_FINAL:ST_ACT+1] residual_valid_q;
            wire                     plain    = (format_q[index[2*ST_ACT +: 2]] == 2'd0);
            wire                     residual = residual_q[index[2*ST_ACT +: 2]] && plain;
            wire                     res_final = residual_valid_q[ST_FINAL];
            wire [LANES*ACT_W-1:0]   act_delayed;

            always @(posedge clk) begin
                if (rst) begin
                    residual_valid_q <= {(ST_FINAL - ST_ACT){1'b0}};
                end else begin
                    residual_valid_q <= {residual_valid_q[ST_FINAL-1:ST_ACT+1], skip_take};
                end
            end

            assign skip_take   = valid[ST_ACT] && residual;
            assign inner       = inner_q[index[2*ST_ACT +: 2]];
            assign offset      = offset_q[index[2*ST_OFFSET +: 2]];
            assign outer_scale = outer_q[index[2*ST_OUTER +: 2]];
            assign res_clamp   = res_clamp_q[index[2*ST_RES_CLAMP +: 2]];
            assign final_act   = res_final ? res_act : act_delayed;

            assign enable[LANE_STAGES-1:ST_ACT] = {residual_valid_q[ST_FINAL-1:ST_ACT+1],
                                                   skip_take};

            npu_delay #(
                .WIDTH     (LANES * ACT_W),
                .DEPTH     (16)
            ) u_act_delay (
                .clk       (clk),
                .rst       (rst),
                .push      (valid[ST_ACT] && plain && !residual),
                .push_data (act),
                .pop       (valid[ST_FINAL] && format_final == 2'd0 && !res_final),
                .pop_data  (act_delayed)
            );
        end else begin : gen_plain
            assign skip_take   = 1'b0;
            assign inner       = 33'd0;
            assign offset      = 32'd0;
            assign outer_scale = 32'd0;
            assign res_clamp   = 32'd0;
            assign final_act   = act;

            assign enable[LANE_STAGES-1:ST_ACT] = {(LANE_STAGES - ST_ACT){1'b0}};

            wire unused_residual = &{1'b0, res_act, residual_q[0], residual_q[1], residual_q[2],
                                     residual_q[3], inner_q[0], inner_q[1], inner_q[2],
                                     inner_q[3], offset_q[0], offset_q[1], offset_q[2],
                                     offset_q[3], outer_q[0], outer_q[1], outer_q[2], outer_q[3],
                                     res_clamp_q[0], res_clamp_q[1], res_clamp_q[2],
                                     res_clamp_q[3]};
        end
    endgenerate

    // Numbers that need no conversion pass around it.
    generate
        if (FLOAT != 0) begin : gen_float
            reg  is_float_q [0:3];
            wire sum_is_float = is_float_q[index[2*1 +: 2]];

            assign acc_is_float    = is_float_q[in_context];
            assign number_is_float = is_float_q[index[2*ST_NUMBER +: 2]];

            always @(posedge clk) begin
                if (context_write) begin
                    is_float_q[context_index] <= context_is_float;
                end
            end

            npu_delay #(
                .WIDTH     (LANES * 32),
                .DEPTH     (4)
            ) u_number_delay (
                .clk       (clk),
                .rst       (rst),
                .push      (valid[1] && sum_is_float),
                .push_data (sum),
                .pop       (valid[ST_NUMBER] && number_is_float),
                .pop_data  (number)
            );
        end else begin : gen_no_float
            assign acc_is_float    = 1'b0;
            assign number_is_float = 1'b0;
            assign number          = {(LANES*32){1'b0}};

            wire unused_float = &{1'b0, context_is_float};
        end
    endgenerate

    // Wide results pass around the later stages in two memories.
    wire [LANES*32-1:0] sum_delayed;

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (8)
    ) u_sum_delay (
        .clk       (clk),
        .rst       (rst),
        .push      (valid[1] && format_sum == 2'd1),
        .push_data (sum),
        .pop       (valid[ST_PRODUCT] && format_product == 2'd1),
        .pop_data  (sum_delayed)
    );

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (32)
    ) u_wide_delay (
        .clk       (clk),
        .rst       (rst),
        .push      (valid[ST_PRODUCT] && format_product != 2'd0),
        .push_data (format_product == 2'd1 ? sum_delayed : product),
        .pop       (out_valid && out_format != 2'd0),
        .pop_data  (out_wide)
    );

    assign out_valid   = valid[ST_OUT];
    assign out_context = index[2*ST_OUT +: 2];
    assign out_format  = format_q[out_context];

    generate
        if (HAS_LOOKUP != 0) begin : gen_lookup
            reg  [LANES*ACT_W-1:0] act_q;
            wire [8*LANES-1:0]     entry;
            wire [8*LANES-1:0]     position;
            wire [1:0]             final_index = index[2*ST_FINAL +: 2];
            wire                   final_fire  = valid[ST_FINAL] && format_final == 2'd0;
            wire                   lookup      = lookup_q[out_context];

            always @(posedge clk) begin
                if (final_fire) begin
                    act_q <= final_act;
                end
            end

            for (i = 0; i < LANES; i = i + 1) begin : gen_select
                assign position[8*i +: 8] = {{(9 - ACT_W){final_act[ACT_W*i+ACT_W-1]}},
                                             final_act[ACT_W*i +: ACT_W-1]};
                assign out_act[ACT_W*i +: ACT_W] = lookup ? entry[8*i +: ACT_W]
                                                          : act_q[ACT_W*i +: ACT_W];
                if (ACT_W < 8) begin : gen_narrow
                    wire unused_entry = &{1'b0, entry[8*i+ACT_W +: 8-ACT_W]};
                end
            end

            npu_table #(
                .TABLES   (TABLES),
                .LANES    (LANES)
            ) u_table (
                .clk      (clk),
                .wr_en    (table_wr_en),
                .wr_addr  (table_wr_addr),
                .wr_data  (table_wr_data),
                .rd_en    (final_fire && lookup_q[final_index]),
                .rd_table (table_q[final_index]),
                .rd_index (position),
                .rd_data  (entry)
            );
        end else begin : gen_direct
            assign out_act = final_act;

            wire unused_lookup = &{1'b0, table_wr_en, table_wr_addr, table_wr_data, lookup_q[0],
                                   lookup_q[1], lookup_q[2], lookup_q[3], table_q[0], table_q[1],
                                   table_q[2], table_q[3]};
            wire unused_final  = &{1'b0, format_final};
        end
    endgenerate

endmodule

`default_nettype wire
