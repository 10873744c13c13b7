// Holds a vector of COLS elements and offers it as words of WORD elements: one word after the
// other when the vector is wider, else at its place in one word, with the enables of its lanes.
`default_nettype none

module npu_gemm_place #(
    parameter COLS  = 16,
    parameter WORD  = 16,
    parameter WIDTH = 8
) (
    input  wire                  clk,
    input  wire                  load,
    input  wire [COLS*WIDTH-1:0] in,
    input  wire                  step,             // next word
    input  wire [7:0]            position,         // in units of COLS
    output wire [WORD-1:0]       lanes,
    output wire [WORD*WIDTH-1:0] data
);

    localparam GROUPS = (WORD > COLS) ? WORD / COLS : 1;

    reg [COLS*WIDTH-1:0] vector_q;

    genvar i;
    generate
        if (COLS > WORD) begin : gen_words
            assign lanes = {WORD{1'b1}};
            assign data  = vector_q[WORD*WIDTH-1:0];

            always @(posedge clk) begin
                if (load) begin
                    vector_q <= in;
                end else if (step) begin
                    vector_q <= vector_q >> (WORD * WIDTH);
                end
            end

            wire unused_position = &{1'b0, position};
        end else begin : gen_part
            assign data = {GROUPS{vector_q}};

            for (i = 0; i < GROUPS; i = i + 1) begin : gen_group
                localparam I_INT = i;
                assign lanes[i*COLS +: COLS] = {COLS{position == I_INT[7:0]}};
            end

            always @(posedge clk) begin
                if (load) begin
                    vector_q <= in;
                end
            end

            wire unused_step = &{1'b0, step};
        end
    endgenerate

endmodule

`default_nettype wire
