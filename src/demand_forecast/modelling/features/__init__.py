"""What models see: from a panel to the rows of a direct model.

In the order in which a panel becomes rows: ``feature`` says what a column knows about itself;
``spec`` learns from the training weeks what the columns need; ``design`` puts the columns of a
panel together; ``sample`` is some of its rows. The columns come from ``demand`` and ``history``
(what was sold), ``plans`` (what is planned), ``weather``, ``calendar`` and ``attributes`` (what
stays as it is). ``groups`` and ``running`` are the means that all of them use.
"""
