"""Raw pages and the hash chain that ties them together: the truth an archive is rebuilt from."""
