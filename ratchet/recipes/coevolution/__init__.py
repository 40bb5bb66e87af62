"""What recipes share in which a proposer and a solver, grown from one model, teach each other."""
