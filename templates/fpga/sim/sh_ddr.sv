// Stand-in for the shell's DRAM controllers, for simulation and lint: same ports, no DRAM. The bus
// of one channel is joined to signals that a simulation reads and drives from outside.

module sh_ddr #(
[%- for name in parameters %]
    parameter [[ name ]] = 1,
[%- endfor %]
    parameter MODEL = 1
) (
[%- for row in ports %]
    [[ row ]]
[%- endfor %]
);

    // What the memory behind the controller answers.
[%- for row in model %]
    logic [[ row.range ]] [[ row.name ]];
[%- endfor %]
[% for row in outputs %]
    assign [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    wire unused = &{1'b0, MODEL != 0,
[%- for name in unused %]
                    [[ name ]],
[%- endfor %]
                    1'b0};

endmodule
