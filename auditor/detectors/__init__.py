"""Statistical detectors: each says in one sentence, with its numbers, what was unusual."""
