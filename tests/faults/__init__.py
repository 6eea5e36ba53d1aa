"""Faults on purpose: killed processes, many writers, two wikis in one process.

Each harness makes its own wikis in the test's folder and judges them with the git command, not
with the code under test. The short forms are ordinary tests; ``-m soak`` selects the long ones.

=======================  =====================================================================
module                   what it holds
=======================  =====================================================================
:mod:`.kill_points`      ends a process by SIGKILL right before its Nth change of a file
:mod:`.zygote`           a process that has imported everything and forks one child a call
:mod:`.git_facts`        what a repository holds, as the git command says it
:mod:`.kill_oracle`      what must be true of a wiki whose writer was killed
:mod:`.writers`          acknowledged saves of many writers, and what became of them
=======================  =====================================================================
"""
