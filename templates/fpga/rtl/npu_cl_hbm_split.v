// Cuts a burst of 64-byte beats at blocks of 512 bytes, the longest burst of an HBM port, and says
// which port a block belongs to: neighbouring blocks are on neighbouring ports.
`default_nettype none

module npu_cl_hbm_split #(
    parameter PORT_W   = 2,                        // log2 of the number of ports, from 1
    parameter ID_W     = 2,
    parameter MEMORY_W = 29 + PORT_W               // derived: 512 MiB behind each port
) (
    input  wire                clk,
    input  wire                rst,

    input  wire                burst_valid,
    output wire                burst_ready,
    input  wire [ID_W-1:0]     burst_id,
    input  wire [MEMORY_W-1:0] burst_addr,
    input  wire [7:0]          burst_len,          // AxLEN: beats less one

    output wire                block_valid,
    input  wire                block_ready,
    output wire [ID_W-1:0]     block_id,
    output wire [PORT_W-1:0]   block_port,
    output wire [28:0]         block_addr,         // behind the port
    output wire [3:0]          block_beats,        // 1 to 8
    output wire                block_last          // of its burst
);

    localparam BEAT_W = MEMORY_W - 6;

    reg                valid_q;
    reg  [ID_W-1:0]    id_q;
    reg  [BEAT_W-1:0]  beat_q;                     // number of the next beat in the memory
    reg  [8:0]         left_q;                     // beats

    wire [3:0]         room = 4'd8 - {1'b0, beat_q[2:0]};
    wire               fire = block_valid && block_ready;

    assign block_valid = valid_q;
    assign block_id    = id_q;
    assign block_last  = (left_q <= {5'd0, room});
    assign block_beats = block_last ? left_q[3:0] : room;
    assign block_port  = beat_q[3 +: PORT_W];
    assign block_addr  = {beat_q[BEAT_W-1:3+PORT_W], beat_q[2:0], 6'd0};
    assign burst_ready = !valid_q || (fire && block_last);

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= 1'b0;
        end else if (burst_ready) begin
            valid_q <= burst_valid;
        end
    end

    always @(posedge clk) begin
        if (burst_ready) begin
            id_q   <= burst_id;
            beat_q <= burst_addr[MEMORY_W-1:6];
            left_q <= {1'b0, burst_len} + 9'd1;
        end else if (fire) begin
            beat_q <= beat_q + {{(BEAT_W-4){1'b0}}, block_beats};
            left_q <= left_q - {5'd0, block_beats};
        end
    end

    wire unused_offset = &{1'b0, burst_addr[5:0]};

endmodule

`default_nettype wire
