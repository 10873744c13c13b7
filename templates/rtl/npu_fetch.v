// Streams the program from DRAM as 64-bit words. `start` begins at `program_addr`, a multiple of
// 8; the program is asked for in pieces that end at multiples of CHUNK_BYTES, as fast as the
// reader takes them. Behind the last word comes one that no instruction has, so that a program
// without END ends in a fault and not in silence.
`default_nettype none

module npu_fetch #(
    parameter ADDR_W = 40,
    parameter DATA_W = 128,                        // bits of a beat: 32 to 1024, a power of two
    parameter PC_W   = 24,
    parameter LEN_W  = 24                          // bits of a request's length
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              halt,
    input  wire              start,                // a pulse
    input  wire [ADDR_W-1:0] program_addr,
    input  wire [PC_W-1:0]   program_length,       // words

    // To the reader: ranges of bytes, answered by the beats that contain them.
    output wire              req_valid,
    input  wire              req_ready,
    output wire [ADDR_W-1:0] req_addr,
    output wire [LEN_W-1:0]  req_bytes,
    input  wire              data_valid,
    output wire              data_ready,
    input  wire [DATA_W-1:0] data,

    output wire              word_valid,
    input  wire              word_ready,
    output wire [63:0]       word,
    output wire [PC_W-1:0]   word_pc
);

    localparam CHUNK_BYTES = 1024;
    localparam CHUNK_WORDS = CHUNK_BYTES / 8;
    localparam CHUNK_W     = $clog2(CHUNK_WORDS);
    localparam [63:0]     NO_INSTRUCTION = {64{1'b1}};
    localparam [PC_W-1:0] PC_ONE         = {{(PC_W-1){1'b0}}, 1'b1};

    // ---- Requests --------------------------------------------------------------------------

    reg  [ADDR_W-1:3] ask_addr_q;                  // first word not asked for
    reg  [PC_W-1:0]   ask_left_q;                  // words not asked for

    // Words up to the end of the chunk, 1 to CHUNK_WORDS.
    wire [CHUNK_W:0]  to_border = {1'b1, {CHUNK_W{1'b0}}} - {1'b0, ask_addr_q[3 +: CHUNK_W]};
    wire              is_last   = (ask_left_q <= {{(PC_W-CHUNK_W-1){1'b0}}, to_border});
    wire [CHUNK_W:0]  ask_words = is_last ? ask_left_q[CHUNK_W:0] : to_border;
    wire              req_fire  = req_valid && req_ready;

    assign req_valid = (ask_left_q != {PC_W{1'b0}}) && !halt;
    assign req_addr  = {ask_addr_q, 3'd0};
    assign req_bytes = {{(LEN_W-CHUNK_W-4){1'b0}}, ask_words, 3'd0};

    always @(posedge clk) begin
        if (rst) begin
            ask_left_q <= {PC_W{1'b0}};
        end else if (start) begin
            ask_left_q <= program_length;
        end else if (req_fire) begin
            ask_left_q <= ask_left_q - {{(PC_W-CHUNK_W-1){1'b0}}, ask_words};
        end
    end

    always @(posedge clk) begin
        if (start) begin
            ask_addr_q <= program_addr[ADDR_W-1:3];
        end else if (req_fire) begin
            ask_addr_q <= ask_addr_q + {{(ADDR_W-CHUNK_W-4){1'b0}}, ask_words};
        end
    end

    // ---- Words -----------------------------------------------------------------------------

    reg              active_q;                     // between start and reset
    reg  [PC_W-1:0]  pc_q;
    wire             past_end = (pc_q == program_length);
    wire             beat_word_valid;
    wire [63:0]      beat_word;
    wire             word_fire = word_valid && word_ready;
    wire             beat_fire = word_fire && !past_end;

    assign word_valid = active_q && (past_end || beat_word_valid);
    assign word       = past_end ? NO_INSTRUCTION : beat_word;
    assign word_pc    = pc_q;

    always @(posedge clk) begin
        if (rst) begin
            active_q <= 1'b0;
        end else if (start) begin
            active_q <= 1'b1;
        end else if (word_fire && past_end) begin
            active_q <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (start) begin
            pc_q <= {PC_W{1'b0}};
        end else if (beat_fire) begin
            pc_q <= pc_q + PC_ONE;
        end
    end

    generate
        if (DATA_W == 32) begin : gen_narrow
            // Two beats make a word; a word never starts in mid-beat.
            reg        half_q;                     // the low half is here
            reg [31:0] low_q;

            assign beat_word_valid = half_q && data_valid;
            assign beat_word       = {data, low_q};
            assign data_ready      = !half_q || beat_fire;

            always @(posedge clk) begin
                if (rst || start) begin
                    half_q <= 1'b0;
                end else if (data_valid && data_ready) begin
                    half_q <= !half_q;
                end
            end

            always @(posedge clk) begin
                if (data_valid && !half_q) begin
                    low_q <= data;
                end
            end
        end else if (DATA_W == 64) begin : gen_equal
            assign beat_word_valid = data_valid;
            assign beat_word       = data;
            assign data_ready      = beat_fire;
        end else begin : gen_wide
            // The beat stays at the reader until its last word has been taken.
            localparam POS_W = $clog2(DATA_W / 64);
            localparam [POS_W-1:0] POS_ONE = {{(POS_W-1){1'b0}}, 1'b1};

            reg  [POS_W-1:0]  pos_q;
            wire [DATA_W-1:0] shifted = data >> {pos_q, 6'd0};
            wire              last_of_all = (pc_q + PC_ONE == program_length);
            wire              unused_high = &{1'b0, shifted[DATA_W-1:64]};

            assign beat_word_valid = data_valid;
            assign beat_word       = shifted[63:0];
            assign data_ready      = beat_fire && ((pos_q == {POS_W{1'b1}}) || last_of_all);

            always @(posedge clk) begin
                if (start) begin
                    pos_q <= program_addr[3 +: POS_W];
                end else if (beat_fire) begin
                    pos_q <= pos_q + POS_ONE;
                end
            end
        end
    endgenerate

    generate
        if (DATA_W < 32 || DATA_W > 1024) begin : gen_width_check
            npu_error_fetch_data_width_must_be_32_to_1024 u_error ();
        end
    endgenerate

    wire unused_addr = &{1'b0, program_addr[2:0]};

endmodule

`default_nettype wire
