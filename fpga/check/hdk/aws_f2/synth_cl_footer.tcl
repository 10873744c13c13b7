# Stands in for the script of this name in AWS's kit: the checkpoint of synthesis.
write_checkpoint -force $checkpoints_dir/$CL.$TAG.post_synth.dcp
close_project
set_param sta.enableAutoGenClkNamePersistence 1
