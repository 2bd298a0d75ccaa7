"""`make docs`: the pages of the project as a site, in site/.

The pages stay where they are read in a checkout: docs/, and the READMEs beside what they are about. `pages` says which
of them the site has and where (pure), `links` what their links become (pure), `build` writes and builds it.
"""
