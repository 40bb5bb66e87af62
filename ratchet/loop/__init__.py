"""The loop: state, generation, gate, ledger, versions, resume, studies. The only code that promotes."""
