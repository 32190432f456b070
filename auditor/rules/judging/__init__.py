"""Rules judged: split, judged on parts or whole, put together, worded."""
