"""Archives: many files in one ZIP, which is made while it is sent."""
