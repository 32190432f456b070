"""Attendance of a bank of any size, streamed into an archive: what the speed benchmarks run on."""
