// Ports of the custom logic's top, from npugen's table of the shell, for simulation and lint where
// the development kit is not at hand.
[%- for row in ports %]
    [[ row ]]
[%- endfor %]
