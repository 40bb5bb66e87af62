"""Two softmax tables that teach each other which order of operations is right."""
