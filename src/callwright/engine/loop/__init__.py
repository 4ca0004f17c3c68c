"""The closed loop (LoopTool, Zhang et al. 2025): rounds of assembling, training, probing, verifying and expanding."""
