"""striate."""
