"""What a rule does with rows: alone, in groups, pairs and sequences, against a baseline, by a detector."""
