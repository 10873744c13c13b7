// Shadow registers of the [[ engine ]] engine. A write replaces one register whole; the outputs are
// what the next launch takes a copy of.
`default_nettype none

module [[ module ]] (
    input  wire         clk,
    input  wire         rst,
    input  wire         reg_write,
    input  wire [8:0]   reg_number,
[%- for field in fields %]
[[ field.comment ]]
    output reg  [[ field.range ]] [[ field.name ]],
[%- endfor %]
    // Value of the register, its fields at their places in the instruction.
    input  wire [47:0]  reg_value
);

    always @(posedge clk) begin
        if (rst) begin
[%- for field in fields %]
            [[ field.name ]] <= [[ field.reset ]];
[%- endfor %]
        end else if (reg_write) begin
            case (reg_number)
[%- for register in registers %]
                [[ register.number ]]: begin
[[ register.loads ]]
                end
[%- endfor %]
                default: begin
                    // The decoder passes no other number.
                end
            endcase
        end
    end
[%- if has_unused %]

    wire unused_bits = &{1'b0[[ unused ]]};
[%- endif %]

endmodule

`default_nettype wire
