// Memory of several banks, each with one read and one write port, shared by clients of fixed
// priority (client 0 first). A client loses a cycle only when one of higher priority wants the same
// bank; different banks serve different clients at the same time. Where words are interleaved, two
// clients that read one word after the other collide once: the one that lost is then a bank behind.
//
// Read: data comes exactly three cycles after the accepted request (request register, RAM,
// selection of the bank) and cannot be held back. Write: visible to requests accepted in the next
// cycle.
// An address outside the memory is accepted, reads an undefined word or writes nothing, and raises
// its range error in the next cycle.
`default_nettype none

module npu_banked_ram #(
    parameter NUM_BANKS  = 4,
    parameter BANK_DEPTH = 16,                     // words, a power of two from 2
    parameter INTERLEAVE = 0,                      // neighbouring words in neighbouring banks
    parameter LANES      = 4,                      // separately writable lanes per word
    parameter LANE_W     = 8,                      // bits per lane
    parameter RAM        = "auto",                 // see npu_ram_1r1w
    parameter NUM_RD     = 2,                      // read clients
    parameter NUM_WR     = 2                       // write clients
) (
    input  wire                           clk,
    input  wire                           rst,

    input  wire [NUM_RD-1:0]              rd_valid,
    output wire [NUM_RD-1:0]              rd_ready,
    input  wire [NUM_RD*24-1:0]           rd_addr,
    output wire [NUM_RD-1:0]              rd_data_valid,
    output wire [NUM_RD*LANES*LANE_W-1:0] rd_data,

    input  wire [NUM_WR-1:0]              wr_valid,
    output wire [NUM_WR-1:0]              wr_ready,
    input  wire [NUM_WR*24-1:0]           wr_addr,
    input  wire [NUM_WR*LANES-1:0]        wr_lanes,
    input  wire [NUM_WR*LANES*LANE_W-1:0] wr_data,

    output wire [NUM_RD-1:0]              rd_range_error,
    output wire [NUM_WR-1:0]              wr_range_error,
    output wire [23:0]                    range_address  // of the lowest client with an error
);

    localparam WORD_W  = LANES * LANE_W;
    localparam DEPTH_W = $clog2(BANK_DEPTH);
    localparam BANK_W  = (NUM_BANKS > 1) ? $clog2(NUM_BANKS) : 1;
    localparam TOTAL   = NUM_BANKS * BANK_DEPTH;
    // Where an address has its bank and its row in the bank.
    localparam BANK_LO = (INTERLEAVE != 0) ? 0 : DEPTH_W;
    localparam ROW_LO  = (INTERLEAVE != 0 && NUM_BANKS > 1) ? BANK_W : 0;
    localparam [24:0] WORDS = TOTAL[24:0];

    generate
        if (BANK_DEPTH < 2 || (1 << DEPTH_W) != BANK_DEPTH) begin : gen_depth_check
            npu_error_bank_depth_must_be_a_power_of_two_from_2 u_error ();
        end
        if (INTERLEAVE != 0 && (NUM_BANKS & (NUM_BANKS - 1)) != 0) begin : gen_banks_check
            npu_error_interleaved_banks_must_be_a_power_of_two u_error ();
        end
    endgenerate

    // Requests of one kind, as each bank sees them one cycle after acceptance.
    reg  [NUM_RD*DEPTH_W-1:0]   rd_row_q;
    reg  [NUM_WR*DEPTH_W-1:0]   wr_row_q;
    reg  [NUM_WR*LANES-1:0]     wr_lanes_q;
    reg  [NUM_WR*WORD_W-1:0]    wr_data_q;
    wire [NUM_RD*NUM_BANKS-1:0] rd_hit_q;          // client uses bank
    wire [NUM_WR*NUM_BANKS-1:0] wr_hit_q;
    wire [NUM_BANKS*WORD_W-1:0] bank_data;
    wire [NUM_RD*24-1:0]        rd_bad_address;
    wire [NUM_WR*24-1:0]        wr_bad_address;

    genvar i;
    genvar j;
    generate
        // Read clients: arbitration, request register, selection of the bank's answer.
        for (i = 0; i < NUM_RD; i = i + 1) begin : gen_rd
            wire [23:0]          addr = rd_addr[24*i +: 24];
            wire                 legal = ({1'b0, addr} < WORDS);
            wire [NUM_BANKS-1:0] want;             // one-hot, zero when there is no legal request
            wire [NUM_BANKS-1:0] taken;            // banks used by clients of higher priority
            reg                  valid_q;
            reg                  valid2_q;
            reg                  valid3_q;
            reg                  error_q;
            reg  [NUM_BANKS-1:0] hit_q;
            reg  [NUM_BANKS-1:0] hit2_q;
            reg  [23:0]          addr_q;
            reg  [WORD_W-1:0]    data_q;
            reg  [WORD_W-1:0]    selected;
            integer              bank;

            for (j = 0; j < NUM_BANKS; j = j + 1) begin : gen_want
                localparam [BANK_W-1:0] BANK = j;
                if (NUM_BANKS == 1) begin : gen_single
                    assign want[j] = rd_valid[i] && legal;
                end else begin : gen_decode
                    assign want[j] = rd_valid[i] && legal
                        && (addr[BANK_LO +: BANK_W] == BANK);
                end
            end

            if (i == 0) begin : gen_first
                assign taken = {NUM_BANKS{1'b0}};
            end else begin : gen_next
                assign taken = gen_rd[i-1].taken | gen_rd[i-1].want;
            end

            assign rd_ready[i] = ((want & taken) == {NUM_BANKS{1'b0}});

            always @(posedge clk) begin
                if (rst) begin
                    valid_q  <= 1'b0;
                    valid2_q <= 1'b0;
                    valid3_q <= 1'b0;
                    error_q  <= 1'b0;
                    hit_q    <= {NUM_BANKS{1'b0}};
                end else begin
                    valid_q  <= rd_valid[i] && rd_ready[i];
                    valid2_q <= valid_q;
                    valid3_q <= valid2_q;
                    error_q  <= rd_valid[i] && !legal;
                    hit_q    <= want & ~taken;
                end
            end

            always @* begin
                selected = {WORD_W{1'b0}};
                for (bank = 0; bank < NUM_BANKS; bank = bank + 1) begin
                    selected = selected
                        | ({WORD_W{hit2_q[bank]}} & bank_data[bank*WORD_W +: WORD_W]);
                end
            end

            always @(posedge clk) begin
                if (rd_valid[i]) begin
                    addr_q <= addr;
                    rd_row_q[i*DEPTH_W +: DEPTH_W] <= addr[ROW_LO +: DEPTH_W];
                end
                if (valid_q) begin
                    hit2_q <= hit_q;
                end
                if (valid2_q) begin
                    data_q <= selected;
                end
            end

            assign rd_hit_q[i*NUM_BANKS +: NUM_BANKS] = hit_q;
            assign rd_data_valid[i]                   = valid3_q;
            assign rd_data[i*WORD_W +: WORD_W]        = data_q;
            assign rd_range_error[i]                  = error_q;
            assign rd_bad_address[24*i +: 24]         = addr_q;
        end

        // Write clients: arbitration and request register.
        for (i = 0; i < NUM_WR; i = i + 1) begin : gen_wr
            wire [23:0]          addr = wr_addr[24*i +: 24];
            wire                 legal = ({1'b0, addr} < WORDS);
            wire [NUM_BANKS-1:0] want;
            wire [NUM_BANKS-1:0] taken;
            reg                  error_q;
            reg  [NUM_BANKS-1:0] hit_q;
            reg  [23:0]          addr_q;

            for (j = 0; j < NUM_BANKS; j = j + 1) begin : gen_want
                localparam [BANK_W-1:0] BANK = j;
                if (NUM_BANKS == 1) begin : gen_single
                    assign want[j] = wr_valid[i] && legal;
                end else begin : gen_decode
                    assign want[j] = wr_valid[i] && legal
                        && (addr[BANK_LO +: BANK_W] == BANK);
                end
            end

            if (i == 0) begin : gen_first
                assign taken = {NUM_BANKS{1'b0}};
            end else begin : gen_next
                assign taken = gen_wr[i-1].taken | gen_wr[i-1].want;
            end

            assign wr_ready[i] = ((want & taken) == {NUM_BANKS{1'b0}});

            always @(posedge clk) begin
                if (rst) begin
                    error_q <= 1'b0;
                    hit_q   <= {NUM_BANKS{1'b0}};
                end else begin
                    error_q <= wr_valid[i] && !legal;
                    hit_q   <= want & ~taken;
                end
            end

            always @(posedge clk) begin
                if (wr_valid[i]) begin
                    addr_q <= addr;
                    wr_row_q[i*DEPTH_W +: DEPTH_W] <= addr[ROW_LO +: DEPTH_W];
                    wr_lanes_q[i*LANES +: LANES]   <= wr_lanes[i*LANES +: LANES];
                    wr_data_q[i*WORD_W +: WORD_W]  <= wr_data[i*WORD_W +: WORD_W];
                end
            end

            assign wr_hit_q[i*NUM_BANKS +: NUM_BANKS] = hit_q;
            assign wr_range_error[i]                  = error_q;
            assign wr_bad_address[24*i +: 24]         = addr_q;
        end

        // Banks: the accepted request of each kind, by AND-OR over the clients' one-hot hits.
        for (j = 0; j < NUM_BANKS; j = j + 1) begin : gen_bank
            reg  [NUM_RD-1:0]  rd_hit;
            reg  [NUM_WR-1:0]  wr_hit;
            reg  [DEPTH_W-1:0] rd_row;
            reg  [DEPTH_W-1:0] wr_row;
            reg  [LANES-1:0]   lanes;
            reg  [WORD_W-1:0]  data;
            integer            client;

            always @* begin
                rd_row = {DEPTH_W{1'b0}};
                for (client = 0; client < NUM_RD; client = client + 1) begin
                    rd_hit[client] = rd_hit_q[client*NUM_BANKS + j];
                    rd_row = rd_row
                        | ({DEPTH_W{rd_hit[client]}} & rd_row_q[client*DEPTH_W +: DEPTH_W]);
                end
            end

            always @* begin
                wr_row = {DEPTH_W{1'b0}};
                lanes  = {LANES{1'b0}};
                data   = {WORD_W{1'b0}};
                for (client = 0; client < NUM_WR; client = client + 1) begin
                    wr_hit[client] = wr_hit_q[client*NUM_BANKS + j];
                    wr_row = wr_row
                        | ({DEPTH_W{wr_hit[client]}} & wr_row_q[client*DEPTH_W +: DEPTH_W]);
                    lanes  = lanes | ({LANES{wr_hit[client]}} & wr_lanes_q[client*LANES +: LANES]);
                    data   = data | ({WORD_W{wr_hit[client]}} & wr_data_q[client*WORD_W +: WORD_W]);
                end
            end

            npu_ram_1r1w #(
                .DEPTH  (BANK_DEPTH),
                .LANES  (LANES),
                .LANE_W (LANE_W),
                .RAM    (RAM)
            ) u_ram (
                .clk      (clk),
                .wr_en    (|wr_hit),
                .wr_addr  (wr_row),
                .wr_lanes (lanes),
                .wr_data  (data),
                .rd_en    (|rd_hit),
                .rd_addr  (rd_row),
                .rd_data  (bank_data[j*WORD_W +: WORD_W])
            );
        end
    endgenerate

    // Address of the lowest client with an error, reads before writes.
    reg [23:0] bad_address;
    integer    k;

    always @* begin
        bad_address = 24'd0;
        for (k = NUM_WR - 1; k >= 0; k = k - 1) begin
            if (wr_range_error[k]) begin
                bad_address = wr_bad_address[24*k +: 24];
            end
        end
        for (k = NUM_RD - 1; k >= 0; k = k - 1) begin
            if (rd_range_error[k]) begin
                bad_address = rd_bad_address[24*k +: 24];
            end
        end
    end

    assign range_address = bad_address;

endmodule

`default_nettype wire
