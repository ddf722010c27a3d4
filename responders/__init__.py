"""Everything that can put words before a customer: manual, drafts, policy checks, publishers."""
