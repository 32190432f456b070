"""The rows rules look at: read once, packed into numbers, in order, with facts made from the values that differ."""
