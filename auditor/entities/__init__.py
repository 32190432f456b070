"""Who people are and where they join from, out of the rows themselves: what facts and detectors share."""
