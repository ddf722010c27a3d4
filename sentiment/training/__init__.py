"""Rebuilds the shipped model; needs the training dependencies, never used at run time."""
