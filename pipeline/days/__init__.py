"""Who takes part, and how people move: what is known of people per local day, and what is counted at its end.

local        instants -> local days, over clock changes
what         the list of what is counted, and the rows it is counted in
record       of each person: on which days they did what; acts arrive, days close
tally        the rows of a day, from the record and the directory
journey      stages, and who was named by others: the part of a day that waits for the other source partitions
transitions  what happened to somebody: new, returning, at risk ...
book         all of that in its order: what `Partition` talks to
"""
