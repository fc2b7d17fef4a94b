"""Runs on disk: finished and unfinished ones, what made them, and how a planned run stands."""
