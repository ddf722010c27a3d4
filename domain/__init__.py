"""Pure vocabulary of the project: no input or output, no third-party import."""
