"""`make bench`: a stock Otterwiki and this project side by side, in one run.

    python -m tests.bench [--content PATH] [--json FILE] [--quick] [--seed N]

What is compared
----------------
- **stock**: Otterwiki as the package index ships it, none of our plugins loaded, GitStorage on a
  clone with a work tree, its preferences in a SQLite file.
- **ours**: the whole farm (`otterwiki_robot.wsgi`), the same content imported by `robot wiki
  import` as one private wiki in a bare repository, every write fsynced.
- **work tree**: a stock Otterwiki with the engine plugin alone, on a clone of its own. For
  information; no target hangs on it.

Equal on all sides: the commits, RETAIN_PAGE_NAME_CASE (what farms use), one process with one
thread, a signed-in person who may do everything (stock: an administrator by Otterwiki's own
session cookie; farm: the wiki's owner by the platform cookie), CSRF protection on, the token
taken from the editor page as a browser would. All else is each side's default. The clocks run
inside the worker processes, around the WSGI call with its answer read to the end (or around
`storage.store`), so neither HTTP parsing nor the pipe to the worker is measured.

How
---
Every page is viewed once on every side first; pages that do not answer 200 on all of them are
left out and named. Then each row asks the sides in turn (the order rotates) for the same page of
one shuffled list. The ratio is stock's median divided by ours: 2.0 means twice as fast. Its 95 %
interval is a paired bootstrap. A "faster" row passes when its ratio reaches the target; a "no
slower" row fails only when its whole interval is worse. First visits are the first request of a
fresh process, start-up not counted, everything on disk (our `index.db`, stock's database) as the
earlier rows left it; before those to a cold wiki, what was worked out of the commits and kept on
disk is deleted on both sides. After the last row the commits of every repository are counted: a
save that was acknowledged and is not in HEAD fails the run, as does a farm that never called
fsync. Below the table stand the memory of a worker and what is no row of it (`sections.py`): a
farm of a thousand wikis (`many_wikis.py`).
"""
