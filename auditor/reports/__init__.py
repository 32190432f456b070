"""One module per report format; each turns an audit into bytes and reads nothing else."""
