"""The methods, on real parts without I/O."""
