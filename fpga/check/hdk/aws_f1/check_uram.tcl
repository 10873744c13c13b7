# Stands in for the script of this name in AWS's kit: a hook that a strategy names.
puts "kit: height of the UltraRAM columns is looked at for $CL_MODULE, option $uram_option"
