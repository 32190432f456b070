"""What helps who writes rules: lint, a rule's own tests, the schema for editors, a rule to begin with, the site."""
