"""Scaling-law discovery: forms as expression trees, a fit engine, and choice by extrapolation."""
