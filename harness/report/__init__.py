"""Write reports that a reader understands alone: Markdown, plots and the numbers as JSON."""
