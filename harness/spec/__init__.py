"""The specification language: loading, validation, combination, expansion."""
