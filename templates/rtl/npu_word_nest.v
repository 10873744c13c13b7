// Buffer addresses of LOAD and STORE: the nest word0..word3, whose outermost level has no end.
// `start` puts the base on `addr`, each `step` moves on. Counts are sampled at the start; hold the
// strides until the last step.
`default_nettype none

module npu_word_nest (
    input  wire          clk,
    input  wire          rst,
    input  wire          start,
    input  wire [23:0]   base,
    input  wire [3*24-1:0] count,                  // of the three inner levels, at least 1
    input  wire [4*24-1:0] stride,
    input  wire          step,
    output wire [23:0]   addr
);

    wire       active;
    wire       last;
    wire [3:0] first_index;
    wire [3:0] wraps;
    wire [3:0] advance;

    // A count of zero makes 2^24 iterations. After them the address, modulo 2^24, is where it
    // would have been anyway: every multiple of 2^24 strides is zero.
    npu_loop_nest #(
        .LEVELS  (4),
        .COUNT_W (24)
    ) u_nest (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       ({24'd0, count}),
        .step        (step),
        .active      (active),
        .last        (last),
        .first_index (first_index),
        .wraps       (wraps),
        .advance     (advance)
    );

    npu_loop_track #(
        .LEVELS (4),
        .WIDTH  (24)
    ) u_addr (
        .clk     (clk),
        .start   (start),
        .base    (base),
        .stride  (stride),
        .step    (step),
        .advance (advance),
        .value   (addr)
    );

    wire unused_nest = &{1'b0, active, last, first_index, wraps};

endmodule

`default_nettype wire
