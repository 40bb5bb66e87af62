"""The methods: one folder each, wiring only. A paper adds one mechanism and one recipe."""
