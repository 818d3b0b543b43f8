"""Networks written as PyTorch modules: one table from operators to functions."""
