"""Chaos: nothing lost and nothing twice, while workers and servers die under a stream of events.

    points       where a worker can be made to die, by name
    doing        what a worker is doing at any moment, so that a log can say what a kill interrupted
    worker       the product's own worker, with those points
    record       made-up companies cut into pieces that may be sent at any pace
    sender       sends the pieces while other things happen
    site         servers, workers and what was sent; at the end, everything is compared with a recount
    published    what readers of committed records find in esn.pulse and esn.drops
    undisturbed  the same record once more while nothing dies, and all rows side by side
    disturbances what is done to workers and servers, one function each
    __main__     `python -m tests.chaos --seed 1 --minutes 60`: a long run

Rules: the product has no hooks for this; the points wrap its methods in the worker's process. The harness is told what
an operator is told (logs, exit codes, Kafka's offsets, the views) and nothing else.
"""
