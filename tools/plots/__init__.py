"""Plots in docs/img, made of what the product itself does."""
