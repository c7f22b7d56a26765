"""Measurements: side by side in one run, as ratios of medians with their spreads."""
