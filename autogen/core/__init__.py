"""Values: effects, messages, transcript, budgets, errors. Knows nothing of I/O, clocks, threads or user classes."""
