"""The loop: state, generation, gate, ledger, versions, resume, studies. Only it promotes."""
