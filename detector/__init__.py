"""Finds streaming accounts that are likely resold, shared beyond a household, taken over or played by machines."""
