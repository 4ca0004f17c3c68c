"""LoopTool's rounds (Zhang et al. 2025): what a round is made of, and what is told about it."""
