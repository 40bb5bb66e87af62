"""Language Self-Play (arXiv 2509.07414): one model challenges itself and answers."""
