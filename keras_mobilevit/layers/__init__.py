"""Blocks that more than one family uses, written for the device: rank 4 at most, static shapes."""
