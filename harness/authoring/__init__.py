"""What helps a person to write a specification: a first one, and the language explained."""
