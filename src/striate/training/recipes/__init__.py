"""The papers' experiments, repeated."""
