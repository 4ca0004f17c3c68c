"""Predictions and verdicts become numbers."""
