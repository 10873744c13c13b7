// Register stage between two units: full rate, and no combinational path from `out_ready` to
// `in_ready` nor from `in_valid` to `out_valid`. Holds up to two words.
`default_nettype none

module npu_skid_buffer #(
    parameter WIDTH = 8
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             in_valid,
    output wire             in_ready,
    input  wire [WIDTH-1:0] in_data,
    output wire             out_valid,
    input  wire             out_ready,
    output wire [WIDTH-1:0] out_data
);

    reg             main_valid_q;
    reg             spare_valid_q;                 // only while main_valid_q
    reg [WIDTH-1:0] main_q;
    reg [WIDTH-1:0] spare_q;

    wire in_fire  = in_valid && in_ready;
    wire main_free = !main_valid_q || out_ready;

    assign in_ready  = !spare_valid_q;
    assign out_valid = main_valid_q;
    assign out_data  = main_q;

    always @(posedge clk) begin
        if (rst) begin
            main_valid_q  <= 1'b0;
            spare_valid_q <= 1'b0;
        end else begin
            if (main_free) begin
                main_valid_q  <= spare_valid_q || in_valid;
                spare_valid_q <= 1'b0;
            end else if (in_fire) begin
                spare_valid_q <= 1'b1;
            end
        end
    end

    always @(posedge clk) begin
        if (main_free) begin
            if (spare_valid_q) begin
                main_q <= spare_q;
            end else if (in_valid) begin
                main_q <= in_data;
            end
        end
        if (in_fire) begin
            spare_q <= in_data;
        end
    end

endmodule

`default_nettype wire
