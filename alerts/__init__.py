"""Internal notices: what to tell whom, in Slack; never reaches a customer."""
