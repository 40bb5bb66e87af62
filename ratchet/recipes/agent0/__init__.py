"""Agent0 (arXiv 2511.16043): a proposer and a tool-using solver teach each other."""
