"""Execution of a plan's runs."""
