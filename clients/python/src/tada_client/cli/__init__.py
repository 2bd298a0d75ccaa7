"""The command `tada`."""
