"""The approval desk: server-rendered pages; writes decisions, never sends."""
