"""What becomes of findings: fingerprints, waivers, comparison with the previous audit."""
