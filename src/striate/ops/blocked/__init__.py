"""Kernels for the runtime on values whose channels lie in blocks; see `layout`."""
