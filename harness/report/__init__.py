"""Reports that a reader understands alone: Markdown, plots and the measured numbers as JSON."""
