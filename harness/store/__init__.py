"""Runs on disk: finished and unfinished ones, what made them, and the state of planned runs."""
