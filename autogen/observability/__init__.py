"""Observers of runs: the console in 0.2's printed format, input and output streams. They never change a run."""
