"""Drivers step conversations and perform their effects: blocking, concurrent, nested. They know nothing of agents."""
