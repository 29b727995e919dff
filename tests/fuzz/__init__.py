"""Anything at all, given to what reads what others wrote: short in every run of the tests, long by scripts/fuzz."""
