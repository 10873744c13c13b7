// The on-chip buffers and who reaches them: IBUF and VMEM in banks, WBUF, PBUF, and LOAD's one
// write port spread over them. Lookup tables are inside the post-processors and coefficients in the
// function unit, so their writes leave here again.
`default_nettype none

module npu_buffers #(
    parameter ROWS            = 16,
    parameter COLS            = 16,
    parameter LANES           = 16,                // of VECTOR
    parameter ACT_W           = 8,
    parameter WGT_W           = 8,
    parameter SEGMENTS        = 1,
    parameter IBUF_BANKS      = 4,
    parameter IBUF_BANK_DEPTH = 256,
    parameter IBUF_LANE_W     = 8,                 // divides ACT_W and LOAD's unit
    parameter IBUF_UNIT_BYTES = 16,
    parameter IBUF_RAM        = "auto",            // see npu_ram_1r1w
    parameter VMEM_BANKS      = 2,
    parameter VMEM_BANK_DEPTH = 64,
    parameter VMEM_LANE_W     = 32,                // divides 32 and LOAD's unit
    parameter VMEM_UNIT_BYTES = 16,
    parameter VMEM_RAM        = "auto",
    parameter WBUF_DEPTH      = 1024,
    parameter WBUF_LANE_W     = 128,               // divides COLS * WGT_W and LOAD's unit
    parameter WBUF_UNIT_BYTES = 16,
    parameter PBUF_DEPTH      = 128,
    parameter PBUF_UNIT_BYTES = 16,
    parameter TABLES          = 4,                 // 0 to 8
    parameter COEFF_SEGMENTS  = 0,                 // of the function unit, 0 to 4096
    parameter ENABLE_UNIT     = 0,                 // the engine UNIT is a client
    parameter ENABLE_DYNAMIC_WEIGHTS = 0,          // VECTOR writes weight tiles
    parameter SEG_ROWS        = 16,
    parameter UNIT_MAX        = 16,
    parameter UNIT_W          = 8,
    parameter IBUF_W          = ROWS * ACT_W,      // derived
    parameter VMEM_W          = 32 * LANES,        // derived
    parameter WBUF_W          = SEGMENTS * COLS * WGT_W,       // derived
    parameter WBUF_LANES      = WBUF_W / WBUF_LANE_W,          // derived
    parameter PBUF_W          = 64 * COLS,         // derived
    parameter IBUF_RD         = 5 + 2 * ENABLE_UNIT,           // derived: clients
    parameter VMEM_RD         = 4 + 2 * ENABLE_UNIT,           // derived
    parameter NUM_WR          = 2 + ENABLE_UNIT                // derived
) (
    input  wire                  clk,
    input  wire                  rst,

    // LOAD writes a unit of a word of the selected buffer.
    input  wire                  buf_valid,
    output wire                  buf_ready,
    input  wire [2:0]            buf_select,
    input  wire [23:0]           buf_addr,
    input  wire [UNIT_W-1:0]     buf_unit,
    input  wire [8*UNIT_MAX-1:0] buf_data,
    output wire                  load_range_error, // a write beyond the buffer's end
    output wire [23:0]           load_range_address,

    // IBUF readers: 0 GEMM x, 1 GEMM residual, 2 VECTOR a, 3 VECTOR b, 4 STORE, 5 UNIT a, 6 UNIT b.
    input  wire [IBUF_RD-1:0]    ibuf_rd_valid,
    output wire [IBUF_RD-1:0]    ibuf_rd_ready,
    input  wire [IBUF_RD*24-1:0] ibuf_rd_addr,
    output wire [IBUF_RD-1:0]    ibuf_rd_data_valid,
    output wire [IBUF_RD*IBUF_W-1:0] ibuf_rd_data,
    output wire [IBUF_RD-1:0]    ibuf_rd_range_error,
    // IBUF writers: 0 GEMM, 1 VECTOR, 2 UNIT.
    input  wire [NUM_WR-1:0]     ibuf_wr_valid,
    output wire [NUM_WR-1:0]     ibuf_wr_ready,
    input  wire [NUM_WR*24-1:0]  ibuf_wr_addr,
    input  wire [NUM_WR*ROWS-1:0] ibuf_wr_lanes,
    input  wire [NUM_WR*IBUF_W-1:0] ibuf_wr_data,
    output wire [NUM_WR-1:0]     ibuf_wr_range_error,
    output wire [23:0]           ibuf_range_address,

    // VMEM readers: 0 VECTOR a, 1 VECTOR b, 2 VECTOR parameters, 3 STORE, 4 UNIT a, 5 UNIT b.
    input  wire [VMEM_RD-1:0]    vmem_rd_valid,
    output wire [VMEM_RD-1:0]    vmem_rd_ready,
    input  wire [VMEM_RD*24-1:0] vmem_rd_addr,
    output wire [VMEM_RD-1:0]    vmem_rd_data_valid,
    output wire [VMEM_RD*VMEM_W-1:0] vmem_rd_data,
    output wire [VMEM_RD-1:0]    vmem_rd_range_error,
    // VMEM writers: 0 GEMM, 1 VECTOR, 2 UNIT.
    input  wire [NUM_WR-1:0]     vmem_wr_valid,
    output wire [NUM_WR-1:0]     vmem_wr_ready,
    input  wire [NUM_WR*24-1:0]  vmem_wr_addr,
    input  wire [NUM_WR*LANES-1:0] vmem_wr_lanes,
    input  wire [NUM_WR*VMEM_W-1:0] vmem_wr_data,
    output wire [NUM_WR-1:0]     vmem_wr_range_error,
    output wire [23:0]           vmem_range_address,

    // WBUF: GEMM reads, VECTOR writes rows or columns of weight tiles (npu_transposer).
    input  wire                  wbuf_rd_valid,
    input  wire [23:0]           wbuf_rd_addr,
    output wire                  wbuf_rd_data_valid,
    output wire [WBUF_W-1:0]     wbuf_rd_data,
    input  wire                  tile_valid,
    output wire                  tile_ready,
    input  wire                  tile_transpose,
    input  wire [23:0]           tile_addr,
    input  wire [LANES*ACT_W-1:0] tile_data,
    output wire                  tile_busy,        // words taken cannot all be used yet
    output wire                  tile_fault,       // columns out of order
    output wire [23:0]           tile_fault_address,

    // PBUF: GEMM reads.
    input  wire                  pbuf_rd_valid,
    input  wire [23:0]           pbuf_rd_addr,
    output wire                  pbuf_rd_data_valid,
    output wire [PBUF_W-1:0]     pbuf_rd_data,
    output wire                  pbuf_rd_range_error,

    output wire                  table_wr_en,
    output wire [23:0]           table_wr_addr,
    output wire [31:0]           table_wr_data,
    output wire                  coeff_wr_en,
    output wire [23:0]           coeff_wr_addr,
    output wire [31:0]           coeff_wr_data,

    output wire [7:0]            ibuf_conflicts,   // requests put off in this cycle
    output wire [7:0]            vmem_conflicts
);

    // Function numbers of LOAD.
    localparam [2:0] SELECT_IBUF  = 3'd0;
    localparam [2:0] SELECT_WBUF  = 3'd1;
    localparam [2:0] SELECT_PBUF  = 3'd2;
    localparam [2:0] SELECT_VMEM  = 3'd3;
    localparam [2:0] SELECT_TABLE = 3'd4;
    localparam [2:0] SELECT_COEFF = 3'd5;

    localparam IBUF_LANES    = IBUF_W / IBUF_LANE_W;
    localparam IBUF_PER_LANE = ACT_W / IBUF_LANE_W;            // memory lanes of an activation
    localparam VMEM_LANES    = VMEM_W / VMEM_LANE_W;
    localparam VMEM_PER_LANE = 32 / VMEM_LANE_W;
    localparam PBUF_LANE_W   = 8 * PBUF_UNIT_BYTES;
    localparam PBUF_LANES    = PBUF_W / PBUF_LANE_W;
    localparam PER_SEGMENT   = WBUF_LANES / SEGMENTS;
    localparam TABLE_DEPTH   = 64 * TABLES;                    // words
    localparam COEFF_DEPTH   = 4 * COEFF_SEGMENTS;             // words
    localparam [23:0] TABLE_WORDS = TABLE_DEPTH[23:0];
    localparam [23:0] COEFF_WORDS = COEFF_DEPTH[23:0];

    genvar i;

    wire to_ibuf  = buf_valid && (buf_select == SELECT_IBUF);
    wire to_wbuf  = buf_valid && (buf_select == SELECT_WBUF);
    wire to_pbuf  = buf_valid && (buf_select == SELECT_PBUF);
    wire to_vmem  = buf_valid && (buf_select == SELECT_VMEM);
    wire to_table = buf_valid && (buf_select == SELECT_TABLE);
    wire to_coeff = buf_valid && (buf_select == SELECT_COEFF);
    wire ibuf_load_ready;
    wire vmem_load_ready;

    assign buf_ready = (buf_select == SELECT_IBUF) ? ibuf_load_ready
                     : (buf_select == SELECT_VMEM) ? vmem_load_ready : 1'b1;

    wire unused_unit = &{1'b0, buf_data, buf_unit};

    // ---- IBUF ------------------------------------------------------------------------------

    wire [IBUF_LANES-1:0]   ibuf_load_lanes;
    wire [IBUF_W-1:0]       ibuf_load_data;
    wire [NUM_WR*IBUF_LANES-1:0] ibuf_engine_lanes;
    wire                    ibuf_load_error;

    npu_word_lanes #(
        .WORD_BYTES(IBUF_W / 8),
        .UNIT_BYTES(IBUF_UNIT_BYTES),
        .UNIT_W    (UNIT_W),
        .LANE_W    (IBUF_LANE_W)
    ) u_ibuf_unit (
        .unit     (buf_unit),
        .unit_data(buf_data[8*IBUF_UNIT_BYTES-1:0]),
        .lanes    (ibuf_load_lanes),
        .data     (ibuf_load_data)
    );

    generate
        for (i = 0; i < NUM_WR * ROWS; i = i + 1) begin : gen_ibuf_lane
            assign ibuf_engine_lanes[i*IBUF_PER_LANE +: IBUF_PER_LANE]
                 = {IBUF_PER_LANE{ibuf_wr_lanes[i]}};
        end
    endgenerate

    npu_banked_ram #(
        .NUM_BANKS (IBUF_BANKS),
        .BANK_DEPTH(IBUF_BANK_DEPTH),
        .INTERLEAVE(1),
        .LANES     (IBUF_LANES),
        .LANE_W    (IBUF_LANE_W),
        .RAM       (IBUF_RAM),
        .NUM_RD    (IBUF_RD),
        .NUM_WR    (NUM_WR + 1)
    ) u_ibuf (
        .clk           (clk),
        .rst           (rst),
        .rd_valid      (ibuf_rd_valid),
        .rd_ready      (ibuf_rd_ready),
        .rd_addr       (ibuf_rd_addr),
        .rd_data_valid (ibuf_rd_data_valid),
        .rd_data       (ibuf_rd_data),
        .wr_valid      ({to_ibuf, ibuf_wr_valid}),
        .wr_ready      ({ibuf_load_ready, ibuf_wr_ready}),
        .wr_addr       ({buf_addr, ibuf_wr_addr}),
        .wr_lanes      ({ibuf_load_lanes, ibuf_engine_lanes}),
        .wr_data       ({ibuf_load_data, ibuf_wr_data}),
        .rd_range_error(ibuf_rd_range_error),
        .wr_range_error({ibuf_load_error, ibuf_wr_range_error}),
        .range_address (ibuf_range_address)
    );

    // ---- VMEM ------------------------------------------------------------------------------

    wire [VMEM_LANES-1:0]   vmem_load_lanes;
    wire [VMEM_W-1:0]       vmem_load_data;
    wire [NUM_WR*VMEM_LANES-1:0] vmem_engine_lanes;
    wire                    vmem_load_error;

    npu_word_lanes #(
        .WORD_BYTES(VMEM_W / 8),
        .UNIT_BYTES(VMEM_UNIT_BYTES),
        .UNIT_W    (UNIT_W),
        .LANE_W    (VMEM_LANE_W)
    ) u_vmem_unit (
        .unit     (buf_unit),
        .unit_data(buf_data[8*VMEM_UNIT_BYTES-1:0]),
        .lanes    (vmem_load_lanes),
        .data     (vmem_load_data)
    );

    generate
        for (i = 0; i < NUM_WR * LANES; i = i + 1) begin : gen_vmem_lane
            assign vmem_engine_lanes[i*VMEM_PER_LANE +: VMEM_PER_LANE]
                 = {VMEM_PER_LANE{vmem_wr_lanes[i]}};
        end
    endgenerate

    npu_banked_ram #(
        .NUM_BANKS (VMEM_BANKS),
        .BANK_DEPTH(VMEM_BANK_DEPTH),
        .LANES     (VMEM_LANES),
        .LANE_W    (VMEM_LANE_W),
        .RAM       (VMEM_RAM),
        .NUM_RD    (VMEM_RD),
        .NUM_WR    (NUM_WR + 1)
    ) u_vmem (
        .clk           (clk),
        .rst           (rst),
        .rd_valid      (vmem_rd_valid),
        .rd_ready      (vmem_rd_ready),
        .rd_addr       (vmem_rd_addr),
        .rd_data_valid (vmem_rd_data_valid),
        .rd_data       (vmem_rd_data),
        .wr_valid      ({to_vmem, vmem_wr_valid}),
        .wr_ready      ({vmem_load_ready, vmem_wr_ready}),
        .wr_addr       ({buf_addr, vmem_wr_addr}),
        .wr_lanes      ({vmem_load_lanes, vmem_engine_lanes}),
        .wr_data       ({vmem_load_data, vmem_wr_data}),
        .rd_range_error(vmem_rd_range_error),
        .wr_range_error({vmem_load_error, vmem_wr_range_error}),
        .range_address (vmem_range_address)
    );

    // ---- WBUF ------------------------------------------------------------------------------

    wire [WBUF_LANES-1:0] wbuf_load_lanes;
    wire [WBUF_W-1:0]     wbuf_load_data;
    wire [WBUF_LANES-1:0] wbuf_vector_lanes;
    wire                  wbuf_wr_valid;
    wire                  wbuf_wr_ready;
    wire [23:0]           wbuf_wr_addr;
    wire [SEGMENTS-1:0]   wbuf_wr_segments;
    wire [WBUF_W-1:0]     wbuf_wr_data;

    npu_word_lanes #(
        .WORD_BYTES(WBUF_W / 8),
        .UNIT_BYTES(WBUF_UNIT_BYTES),
        .UNIT_W    (UNIT_W),
        .LANE_W    (WBUF_LANE_W)
    ) u_wbuf_unit (
        .unit     (buf_unit),
        .unit_data(buf_data[8*WBUF_UNIT_BYTES-1:0]),
        .lanes    (wbuf_load_lanes),
        .data     (wbuf_load_data)
    );

    generate
        for (i = 0; i < SEGMENTS; i = i + 1) begin : gen_segment
            assign wbuf_vector_lanes[i*PER_SEGMENT +: PER_SEGMENT]
                 = {PER_SEGMENT{wbuf_wr_segments[i]}};
        end
    endgenerate

    npu_wbuf #(
        .DEPTH (WBUF_DEPTH),
        .LANES (WBUF_LANES),
        .LANE_W(WBUF_LANE_W)
    ) u_wbuf (
        .clk            (clk),
        .rst            (rst),
        .rd_valid       (wbuf_rd_valid),
        .rd_addr        (wbuf_rd_addr),
        .rd_data_valid  (wbuf_rd_data_valid),
        .rd_data        (wbuf_rd_data),
        .load_wr_valid  (to_wbuf),
        .load_wr_addr   (buf_addr),
        .load_wr_lanes  (wbuf_load_lanes),
        .load_wr_data   (wbuf_load_data),
        .vector_wr_valid(wbuf_wr_valid),
        .vector_wr_ready(wbuf_wr_ready),
        .vector_wr_addr (wbuf_wr_addr),
        .vector_wr_lanes(wbuf_vector_lanes),
        .vector_wr_data (wbuf_wr_data)
    );

    generate
        if (ENABLE_DYNAMIC_WEIGHTS != 0) begin : gen_transposer
            npu_transposer #(
                .SIZE    (ROWS),
                .ACT_W   (ACT_W),
                .WGT_W   (WGT_W),
                .SEGMENTS(SEGMENTS),
                .SEG_ROWS(SEG_ROWS)
            ) u_transposer (
                .clk          (clk),
                .rst          (rst),
                .in_valid     (tile_valid),
                .in_ready     (tile_ready),
                .in_transpose (tile_transpose),
                .in_addr      (tile_addr),
                .in_data      (tile_data),
                .in_busy      (tile_busy),
                .wr_valid     (wbuf_wr_valid),
                .wr_ready     (wbuf_wr_ready),
                .wr_addr      (wbuf_wr_addr),
                .wr_segments  (wbuf_wr_segments),
                .wr_data      (wbuf_wr_data),
                .fault_valid  (tile_fault),
                .fault_address(tile_fault_address)
            );
        end else begin : gen_no_transposer
            assign tile_ready         = 1'b1;
            assign tile_busy          = 1'b0;
            assign wbuf_wr_valid      = 1'b0;
            assign wbuf_wr_addr       = 24'd0;
            assign wbuf_wr_segments   = {SEGMENTS{1'b0}};
            assign wbuf_wr_data       = {WBUF_W{1'b0}};
            assign tile_fault         = 1'b0;
            assign tile_fault_address = 24'd0;

            wire unused_tile = &{1'b0, tile_valid, tile_transpose, tile_addr, tile_data,
                                 wbuf_wr_ready};
        end
    endgenerate

    // ---- PBUF ------------------------------------------------------------------------------

    wire [PBUF_LANES-1:0] pbuf_load_lanes;
    wire [PBUF_W-1:0]     pbuf_load_data;
    wire                  pbuf_load_error;

    npu_word_lanes #(
        .WORD_BYTES(PBUF_W / 8),
        .UNIT_BYTES(PBUF_UNIT_BYTES),
        .UNIT_W    (UNIT_W),
        .LANE_W    (PBUF_LANE_W)
    ) u_pbuf_unit (
        .unit     (buf_unit),
        .unit_data(buf_data[8*PBUF_UNIT_BYTES-1:0]),
        .lanes    (pbuf_load_lanes),
        .data     (pbuf_load_data)
    );

    npu_pbuf #(
        .DEPTH (PBUF_DEPTH),
        .LANES (PBUF_LANES),
        .LANE_W(PBUF_LANE_W)
    ) u_pbuf (
        .clk           (clk),
        .rst           (rst),
        .rd_valid      (pbuf_rd_valid),
        .rd_addr       (pbuf_rd_addr),
        .rd_data_valid (pbuf_rd_data_valid),
        .rd_data       (pbuf_rd_data),
        .rd_range_error(pbuf_rd_range_error),
        .wr_valid      (to_pbuf),
        .wr_addr       (buf_addr),
        .wr_lanes      (pbuf_load_lanes),
        .wr_data       (pbuf_load_data),
        .wr_range_error(pbuf_load_error)
    );

    // ---- Lookup tables and coefficients ------------------------------------------------------

    wire [24:0] table_excess = {1'b0, buf_addr} - {1'b0, TABLE_WORDS};
    wire [24:0] coeff_excess = {1'b0, buf_addr} - {1'b0, COEFF_WORDS};
    wire        table_inside = table_excess[24];
    wire        coeff_inside = coeff_excess[24];
    wire        unused_excess = &{1'b0, table_excess[23:0], coeff_excess[23:0]};

    assign table_wr_en   = to_table && table_inside;
    assign table_wr_addr = buf_addr;
    assign table_wr_data = buf_data[31:0];
    assign coeff_wr_en   = to_coeff && coeff_inside;
    assign coeff_wr_addr = buf_addr;
    assign coeff_wr_data = buf_data[31:0];

    // ---- LOAD beyond the end -------------------------------------------------------------------
    // The banked memories report a cycle late, so the others are delayed to match.

    reg        direct_error_q;
    reg [23:0] buf_addr_q;

    always @(posedge clk) begin
        if (rst) begin
            direct_error_q <= 1'b0;
        end else begin
            direct_error_q <= pbuf_load_error || (to_table && !table_inside)
                           || (to_coeff && !coeff_inside);
        end
    end

    always @(posedge clk) begin
        buf_addr_q <= buf_addr;
    end

    assign load_range_error   = ibuf_load_error || vmem_load_error || direct_error_q;
    assign load_range_address = buf_addr_q;

    // ---- Conflicts -----------------------------------------------------------------------------

    localparam IBUF_ALL = IBUF_RD + NUM_WR + 1;    // clients of both kinds, and LOAD
    localparam VMEM_ALL = VMEM_RD + NUM_WR + 1;

    wire [IBUF_ALL-1:0] ibuf_refused = {ibuf_rd_valid & ~ibuf_rd_ready,
                                        ibuf_wr_valid & ~ibuf_wr_ready,
                                        to_ibuf & ~ibuf_load_ready};
    wire [VMEM_ALL-1:0] vmem_refused = {vmem_rd_valid & ~vmem_rd_ready,
                                        vmem_wr_valid & ~vmem_wr_ready,
                                        to_vmem & ~vmem_load_ready};
    reg  [3:0] ibuf_count;
    reg  [3:0] vmem_count;
    integer    k;

    always @* begin
        ibuf_count = 4'd0;
        vmem_count = 4'd0;
        for (k = 0; k < IBUF_ALL; k = k + 1) begin
            ibuf_count = ibuf_count + {3'd0, ibuf_refused[k]};
        end
        for (k = 0; k < VMEM_ALL; k = k + 1) begin
            vmem_count = vmem_count + {3'd0, vmem_refused[k]};
        end
    end

    assign ibuf_conflicts = {4'd0, ibuf_count};
    assign vmem_conflicts = {4'd0, vmem_count};

endmodule

`default_nettype wire
