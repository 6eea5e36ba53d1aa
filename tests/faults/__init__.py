"""Faults on purpose: killed processes, many writers, two wikis in one process.

Each harness makes its own wikis in the test's folder and judges them with the git command, not
with the code under test. The short forms are ordinary tests; ``-m soak`` selects the long ones.

=========================  ===================================================================
module                     what it holds
=========================  ===================================================================
:mod:`.kill_points`        ends a process by SIGKILL right before its Nth change of a file
:mod:`.zygote`             a process that has imported everything and forks one child a call:
                           ``engine_calls``, ``stock_calls``, ``otterwiki_calls``, ``farm_calls``
:mod:`.git_facts`          what a repository holds, as the git command says it
:mod:`.kill_oracle`        what must be true of a wiki whose writer was killed
:mod:`.writers`            acknowledged saves of many writers, and what became of them; they write
                           through ``doors``, ``http_door``, ``farm_door``
:mod:`.isolation`          requests to two wikis of one process, and what crossed over
:mod:`.engine_wheel`       the engine's wheel in an environment of its own
:mod:`.servers`, `.farms`  what a test starts, on loopback, and ends
=========================  ===================================================================
"""
