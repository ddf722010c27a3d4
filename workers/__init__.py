"""Workers: the actors that collect, understand, draft, publish and alert, and what repairs them.

Only this package knows dramatiq.
"""
