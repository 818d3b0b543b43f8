"""One operation a file: its definition, its gradient, its fast kernels. Arrays in, arrays out."""
