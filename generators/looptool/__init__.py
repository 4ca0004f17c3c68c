"""LoopTool (Zhang et al. 2025): probe the student, verify the labels, expand the failures, train, again."""
