"""Conversations: pure coroutines over effects. No I/O, no clock, no randomness, no threads."""
