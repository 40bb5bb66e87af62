"""Where tasks come from and how truth is decided. A world never trusts a model's say-so."""
