"""What `esn-pulse doctor` looks at.

    finding.py     one line of its answer
    sample.py      the latest messages of the inputs
    kafka.py       topics as they are to be; workers
    producers.py   what the sample says about producers: partitions, refusals, clocks
    clickhouse.py  there, migrated, writable, room, clock
    numbers.py     whether there are numbers, and why not; pure

Rules: nothing is changed, and no message's content is shown. A check that cannot be made because of an earlier one says
nothing. Every finding that is not ok says what to do.
"""
