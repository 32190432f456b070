"""What is asked of detector rules on invented companies, and what was planted there."""
