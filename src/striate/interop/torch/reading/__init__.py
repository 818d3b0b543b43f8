"""PyTorch modules read: exported, then each operator by one table."""
