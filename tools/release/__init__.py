"""`make release`: what a release is made of, from the commit that is checked out, in dist/VERSION/.

`version` is the one number of all parts, `conditions` what must hold before, `parts` makes each file, `sbom` says what
comes inside, `sums` writes and signs the list of them. docs/releasing.md is the procedure.
"""
