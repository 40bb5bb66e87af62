"""The methods: one folder each, wiring only. A paper adds a mechanism in a layer and a recipe here."""
