"""The ``pyeongpan`` command: the only place that wires every room together."""
