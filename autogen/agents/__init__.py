"""The public agents: definitions with two faces (`x` and `a_x`, one line each) over `conversation/`."""
