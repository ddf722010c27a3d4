"""Understands Korean customer texts: sentiment, complaints, severity, abuse, intent."""
