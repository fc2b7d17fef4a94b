"""A declarative, spec-driven reproduction harness in Keras."""
