"""Text that runs inside a sandbox, beside a program (``callee``) or beside its tests (``checker``).

These modules are never imported by the library: ``check`` reads them as text. They use nothing but
the standard library, and nothing of them is trusted on the candidate's side, where they only turn
the values that a program gives into data.
"""
