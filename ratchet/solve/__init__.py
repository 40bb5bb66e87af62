"""How tasks are attempted: procedures, tools, multi-turn rollouts."""
