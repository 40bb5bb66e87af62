"""What keeps a loop honest: the evaluator process, its sealed anchors, and the charter."""
