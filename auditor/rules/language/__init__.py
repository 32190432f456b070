"""The rule language: what a rule may say, and how its expressions become typed trees."""
