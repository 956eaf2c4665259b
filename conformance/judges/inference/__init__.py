"""What can be known from a history: readings, retry calls, and proofs. No requirement is judged here."""
