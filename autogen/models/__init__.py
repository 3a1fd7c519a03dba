"""Performs `CallModel`: endpoints, wire adapters, transports, retry, limits, failover, prices, cache use.

Refuses to import anything at package import: the adapters and transports load where they are used.
"""
