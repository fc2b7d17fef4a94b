"""Networks: one module an architecture family, a registry by name, and initial weights."""
